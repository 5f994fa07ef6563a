"""Wiring of compliance."""

from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    """What is checked, and the proof of it."""

    name = "compliance"

    def ready(self) -> None:
        """Register the event types of compliance."""
        from compliance import events  # noqa: F401  registering is the import's effect
