"""Wiring of payments."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """Money that moved."""

    name = "payments"

    def ready(self) -> None:
        """Register the event types of payments."""
        from payments import events  # noqa: F401  registering is the import's effect
