"""The addresses of a person's own pages."""

from django.urls import path

from web.me import activity, notifications, profile, security, sessions

app_name = "me"
urlpatterns = [
    path("", profile.index, name="profile"),
    path("security", security.overview, name="security"),
    path("security/passkeys/new", security.new_passkey, name="new_passkey"),
    path("security/passkeys/<str:pk>", security.rename_passkey, name="rename_passkey"),
    path("security/factors/<str:pk>/remove", security.remove_factor, name="remove_factor"),
    path("security/authenticator", security.authenticator, name="authenticator"),
    path("security/recovery-codes", security.recovery_codes, name="recovery_codes"),
    path("security/password", security.password, name="password"),
    path("sessions", sessions.index, name="sessions"),
    path("sessions/others/end", sessions.end_others, name="end_others"),
    path("sessions/<str:pk>/end", sessions.end, name="end_session"),
    path("notifications", notifications.index, name="notifications"),
    path("activity", activity.index, name="activity"),
]
