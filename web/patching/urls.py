"""The addresses of patches, under an organization's own."""

from django.urls import URLPattern

app_name = "patching"
urlpatterns: list[URLPattern] = []
