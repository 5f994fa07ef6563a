"""The addresses of backups, under an organization's own."""

from django.urls import path

from web.backups import evidence

app_name = "backups"
urlpatterns = [path("security/backups", evidence.index, name="evidence")]
