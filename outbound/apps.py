"""Wiring of the outbound app."""

from django.apps import AppConfig


class OutboundConfig(AppConfig):
    """Registers outbound's audit events."""

    name = "outbound"

    def ready(self) -> None:
        from outbound import events  # noqa: F401  registering is the import's effect
