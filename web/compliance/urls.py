"""The addresses of compliance, under an organization's own."""

from django.urls import URLPattern, path

from web.compliance import controls

app_name = "compliance"
urlpatterns: list[URLPattern] = [
    path("compliance", controls.index, name="overview"),
    path("compliance/run", controls.run_all, name="run_all"),
    path("compliance/controls/<str:code>", controls.detail, name="control"),
    path("compliance/controls/<str:code>/run", controls.run, name="run"),
]
