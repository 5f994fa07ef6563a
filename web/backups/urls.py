"""The addresses of backups, under an organization's own."""

from django.urls import URLPattern

app_name = "backups"
urlpatterns: list[URLPattern] = []
