"""The operator's addresses of organizations, under /ops."""

from django.urls import path

from web.console import installation

app_name = "ops_organizations"
urlpatterns = [
    path("organizations", installation.index, name="index"),
    path("organizations/new", installation.found, name="found"),
    path("organizations/<str:pk>", installation.detail, name="organization"),
    path("organizations/<str:pk>/seal", installation.seal, name="seal"),
    path("organizations/<str:pk>/unseal", installation.unseal, name="unseal"),
    path("organizations/<str:pk>/suspend", installation.suspend, name="suspend"),
    path("organizations/<str:pk>/resume", installation.resume, name="resume"),
]
