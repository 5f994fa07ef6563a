"""The addresses of alerts, under an organization's own."""

from django.urls import URLPattern

app_name = "alerts"
urlpatterns: list[URLPattern] = []
