"""Wiring of the edge app."""

from django.apps import AppConfig


class EdgeConfig(AppConfig):
    """Registers the walk over the URL table and edge's audit events."""

    name = "edge"

    def ready(self) -> None:
        from django.core.signals import got_request_exception

        from edge import checks, events, logging  # noqa: F401  registering is the import's effect

        got_request_exception.connect(logging.note_unexpected, dispatch_uid="edge.note_unexpected")
