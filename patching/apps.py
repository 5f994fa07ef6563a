"""Wiring of patching."""

from django.apps import AppConfig


class PatchingConfig(AppConfig):
    """What runs here, and what is known to be wrong with it."""

    name = "patching"

    def ready(self) -> None:
        """Register the event types of patching, and what a second person agrees to."""
        from patching import accepting, events  # noqa: F401  registering is the import's effect

        accepting.register()
