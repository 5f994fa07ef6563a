"""Every address of the product: pages for people, the API for machines, and two health checks."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from edge import health

handler400 = "edge.errors.bad_request"
handler404 = "edge.errors.not_found"
handler403 = "edge.errors.forbidden"
handler500 = "edge.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/", include("api.urls")),
    path("", include("web.urls")),
]

if settings.DEMO:
    urlpatterns.append(path("kit/", include("web.kit.urls")))
