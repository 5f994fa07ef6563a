"""Wiring of alerts."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """Somebody is told while it happens."""

    name = "alerts"

    def ready(self) -> None:
        """Register the event types of alerts."""
        from alerts import events  # noqa: F401  registering is the import's effect
