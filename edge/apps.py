"""Wiring of the edge app."""

from django.apps import AppConfig


class EdgeConfig(AppConfig):
    """Registers the walk over the URL table and edge's audit events."""

    name = "edge"

    def ready(self) -> None:
        from edge import checks, events  # noqa: F401  registering is the import's effect
