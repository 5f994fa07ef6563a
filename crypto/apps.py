"""Wiring of the crypto app."""

from django.apps import AppConfig


class CryptoConfig(AppConfig):
    """Registers the system checks and the audit events of crypto."""

    name = "crypto"

    def ready(self) -> None:
        """Import what registers itself."""
        from crypto import checks, events  # noqa: F401  registering is the import's effect
