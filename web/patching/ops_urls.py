"""The operator's addresses of patching, under /ops."""

from django.urls import path

from web.patching import accept, components, finding, index

app_name = "ops_patching"
urlpatterns = [
    path("patches", index.index, name="patches"),
    path("patches/check", index.check, name="check"),
    path("patches/sbom.json", index.sbom, name="sbom"),
    path("patches/components", components.index, name="components"),
    path("patches/findings/<str:pk>", finding.detail, name="finding"),
    path("patches/findings/<str:pk>/accept", accept.ask, name="accept"),
]
