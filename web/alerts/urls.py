"""The addresses of alerts, under an organization's own."""

from django.urls import path

from web.alerts import bulk, inbox, payouts, rules

app_name = "alerts"
urlpatterns = [
    path("alerts", inbox.index, name="alerts"),
    path("alerts/many", bulk.many, name="many"),
    path("alerts/rules", rules.index, name="rules"),
    path("alerts/rules/<str:rule>", rules.detail, name="rule"),
    path("alerts/rules/<str:rule>/change", rules.change, name="change_rule"),
    path("alerts/mutes/<str:pk>/end", rules.unmute, name="unmute"),
    path("alerts/payouts", payouts.index, name="payouts"),
    path("alerts/<str:pk>", inbox.detail, name="alert"),
    path("alerts/<str:pk>/acknowledge", inbox.acknowledge, name="acknowledge"),
    path("alerts/<str:pk>/assign", inbox.assign, name="assign"),
    path("alerts/<str:pk>/note", inbox.note, name="note"),
    path("alerts/<str:pk>/close", inbox.close, name="close"),
    path("alerts/<str:pk>/ask", inbox.ask, name="ask"),
    path("alerts/<str:pk>/mute", inbox.mute, name="mute"),
    path("alerts/<str:pk>/contain/<str:how>", inbox.contain, name="contain"),
]
