"""Wiring of the audit app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Registers the audit trail's own event types and its checks."""

    name = "audit"

    def ready(self) -> None:
        """Import what registers itself."""
        from audit import checks, events  # noqa: F401  registering is the import's effect
