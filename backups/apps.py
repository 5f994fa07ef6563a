"""Wiring of backups."""

from django.apps import AppConfig


class BackupsConfig(AppConfig):
    """Copies that have been restored."""

    name = "backups"

    def ready(self) -> None:
        """Register the event types of backups."""
        from backups import events  # noqa: F401  registering is the import's effect
