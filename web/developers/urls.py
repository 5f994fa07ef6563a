"""The addresses of the developers' pages, under an organization's own."""

from django.urls import path

from web.developers import deliveries, events, guides, keys, requests, sandbox, start, webhooks

app_name = "developers"
urlpatterns = [
    path("developers", start.index, name="start"),
    path("developers/first-key", start.first_key, name="first_key"),
    path("developers/first-call", start.first_call, name="first_call"),
    path("developers/events", events.index, name="events"),
    path("developers/events/<str:pk>", events.detail, name="event"),
    path("developers/requests", requests.index, name="requests"),
    path("developers/sandbox", sandbox.index, name="sandbox"),
    path("developers/guides/<str:guide>", guides.detail, name="guide"),
    path("developers/keys", keys.index, name="keys"),
    path("developers/keys/new", keys.create, name="new_key"),
    path("developers/keys/<str:pk>/rotate", keys.rotate, name="rotate_key"),
    path("developers/keys/<str:pk>/revoke", keys.revoke, name="revoke_key"),
    path("developers/webhooks", webhooks.index, name="webhooks"),
    path("developers/webhooks/new", webhooks.create, name="new_webhook"),
    path("developers/webhooks/deliveries/<str:pk>", deliveries.detail, name="webhook_delivery"),
    path("developers/webhooks/deliveries/<str:pk>/resend", deliveries.resend, name="webhook_resend"),
    path("developers/webhooks/<str:pk>", webhooks.detail, name="webhook"),
    path("developers/webhooks/<str:pk>/change", webhooks.change, name="change_webhook"),
    path("developers/webhooks/<str:pk>/delete", webhooks.delete, name="delete_webhook"),
    path("developers/webhooks/<str:pk>/disable", webhooks.disable, name="disable_webhook"),
    path("developers/webhooks/<str:pk>/enable", webhooks.enable, name="enable_webhook"),
    path("developers/webhooks/<str:pk>/ping", webhooks.ping, name="ping_webhook"),
    path("developers/webhooks/<str:pk>/replay", webhooks.replay, name="replay_webhook"),
    path("developers/webhooks/<str:pk>/rotate", webhooks.rotate, name="rotate_webhook"),
    path("developers/webhooks/<str:pk>/test", deliveries.check, name="test_webhook"),
]
