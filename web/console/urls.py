"""The addresses of the console, under an organization's own."""

from django.urls import path

from web.console import (
    audit,
    encryption,
    gateway,
    integrity,
    jobs,
    keys,
    provider,
    security,
    sessions,
    signin,
)

app_name = "console"
urlpatterns = [
    path("audit", audit.index, name="audit"),
    path("audit/integrity", integrity.index, name="integrity"),
    path("audit/<str:pk>", audit.detail, name="audit_event"),
    path("security", security.index, name="security"),
    path("security/keys", keys.index, name="keys"),
    path("security/keys/rotate/<str:purpose>", keys.rotate, name="rotate"),
    path("security/encryption", encryption.index, name="encryption"),
    path("security/sign-in", signin.index, name="sign_in"),
    path("security/sign-in/members/<str:pk>/remind", signin.remind, name="remind"),
    path("security/sessions", sessions.index, name="sessions"),
    path("security/sessions/<str:pk>/end", sessions.end, name="end_session"),
    path("security/sessions/members/<str:pk>/end", sessions.sign_out, name="sign_out"),
    path("security/gateway", gateway.index, name="gateway"),
    path("security/gateway/scan", gateway.look, name="card_scan"),
    path("settings/payments", provider.index, name="provider"),
    path("settings/payments/connect", provider.connect, name="provider_connect"),
    path("settings/payments/key", provider.replace_key, name="provider_key"),
    path("settings/payments/secret", provider.rotate, name="provider_rotate"),
    path("settings/payments/disconnect", provider.disconnect, name="provider_disconnect"),
    path("settings/payments/check", provider.check, name="provider_check"),
    path("jobs/bell", jobs.bell, name="bell"),
    path("jobs", jobs.index, name="jobs"),
    path("jobs/<str:pk>", jobs.detail, name="job"),
    path("jobs/<str:pk>/stop", jobs.stop, name="stop_job"),
]
