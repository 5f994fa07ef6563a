"""Wiring of compliance."""

from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    """What is checked, and the proof of it."""

    name = "compliance"

    def ready(self) -> None:
        """Register the event types of compliance, its controls, and what waits for a second person."""
        from compliance import events  # noqa: F401  registering is the import's effect
        from compliance.controls import checks, exceptions
        from compliance.personaldata import listings, parts

        checks.register_own()
        exceptions.register_own()
        parts.register("views", listings.forget_person)
