"""The addresses of training, under an organization's own."""

from django.urls import URLPattern

app_name = "training"
urlpatterns: list[URLPattern] = []
