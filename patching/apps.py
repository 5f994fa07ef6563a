"""Wiring of patching."""

from django.apps import AppConfig


class PatchingConfig(AppConfig):
    """What runs here, and what is known to be wrong with it."""

    name = "patching"

    def ready(self) -> None:
        """Register the event types of patching."""
        from patching import events  # noqa: F401  registering is the import's effect
