"""Wiring of the API."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Registers how the schema describes our authentication."""

    name = "api"

    def ready(self) -> None:
        """Let the schema learn our own classes."""
        from api import schema  # noqa: F401  registering is the import's effect
