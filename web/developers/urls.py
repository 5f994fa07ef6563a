"""The addresses of the developers' pages, under an organization's own."""

from django.urls import path

from web.developers import keys

app_name = "developers"
urlpatterns = [
    path("developers/keys", keys.index, name="keys"),
    path("developers/keys/new", keys.create, name="new_key"),
    path("developers/keys/<str:pk>/rotate", keys.rotate, name="rotate_key"),
    path("developers/keys/<str:pk>/revoke", keys.revoke, name="revoke_key"),
]
