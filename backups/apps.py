"""Wiring of backups."""

from django.apps import AppConfig


class BackupsConfig(AppConfig):
    """Copies that have been restored."""

    name = "backups"

    def ready(self) -> None:
        """Register the event types of backups, and what waits for a second person."""
        from accounts.services import approvals
        from backups import events, services  # noqa: F401  registering is the import's effect

        approvals.register(services.APPROVAL)
