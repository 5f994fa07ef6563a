"""The addresses of the console, under an organization's own."""

from django.urls import path

from web.console import audit, encryption, integrity, jobs, keys, security

app_name = "console"
urlpatterns = [
    path("audit", audit.index, name="audit"),
    path("audit/integrity", integrity.index, name="integrity"),
    path("audit/<str:pk>", audit.detail, name="audit_event"),
    path("security", security.index, name="security"),
    path("security/keys", keys.index, name="keys"),
    path("security/keys/rotate/<str:purpose>", keys.rotate, name="rotate"),
    path("security/encryption", encryption.index, name="encryption"),
    path("jobs", jobs.index, name="jobs"),
    path("jobs/<str:pk>", jobs.detail, name="job"),
]
