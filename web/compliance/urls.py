"""The addresses of compliance, under an organization's own."""

from django.urls import URLPattern

app_name = "compliance"
urlpatterns: list[URLPattern] = []
