"""The addresses of privacy requests, retention and breaches, under an organization's own."""

from django.urls import URLPattern

app_name = "privacy"
urlpatterns: list[URLPattern] = []
