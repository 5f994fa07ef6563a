"""The operator's addresses of backups, under /ops."""

from django.urls import URLPattern

app_name = "ops_backups"
urlpatterns: list[URLPattern] = []
