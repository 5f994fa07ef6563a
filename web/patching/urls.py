"""The addresses of patches, under an organization's own."""

from django.urls import path

from web.patching import evidence

app_name = "patching"
urlpatterns = [path("security/patches", evidence.index, name="evidence")]
