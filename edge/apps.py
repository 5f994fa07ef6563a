"""Wiring of the edge app."""

from django.apps import AppConfig


class EdgeConfig(AppConfig):
    """Registers the walk over the URL table and edge's audit events."""

    name = "edge"

    def ready(self) -> None:
        from django.core.signals import got_request_exception

        from compliance.personaldata import parts
        from edge import (  # registering is the import's effect
            checks,  # noqa: F401
            events,  # noqa: F401
            idempotency,
            logging,
        )

        parts.register("answers", idempotency.forget_person)

        got_request_exception.connect(logging.note_unexpected, dispatch_uid="edge.note_unexpected")
