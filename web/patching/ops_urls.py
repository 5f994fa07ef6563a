"""The operator's addresses of patching, under /ops."""

from django.urls import URLPattern

app_name = "ops_patching"
urlpatterns: list[URLPattern] = []
