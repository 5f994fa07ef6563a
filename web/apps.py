"""The Django app of the pages."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Pages, components and charts."""

    name = "web"
    verbose_name = "Web"
