"""Rows of what has left the house stay 90 days, as the data policies of the tables say, and then go."""

from datetime import datetime, timedelta
from typing import Any

from audit import services as audit
from core.actor import Actor
from outbound import events
from outbound.models import OutboxMessage, StoredFile
from tenancy.context import use_case

ROWS_STAY = timedelta(days=90)
_MOST = 10_000


@use_case
def remove_old(*, actor: Actor, at: datetime) -> int:
    """Remove messages that were sent or given up, and deleted files, 90 days later; return how many.

    At most 10,000 of each in the organization in scope. What still waits to be sent stays, however old.
    """
    final = (OutboxMessage.State.SENT, OutboxMessage.State.FAILED)
    messages = OutboxMessage.objects.filter(state__in=final, created_at__lt=at - ROWS_STAY)
    files = _unnamed().filter(
        state=StoredFile.State.DELETED, created_at__lt=at - ROWS_STAY, expires_at__lt=at - ROWS_STAY
    )
    gone = []
    for model, rows in ((OutboxMessage, messages), (StoredFile, files)):
        keys = list(rows.order_by("created_at").values_list("pk", flat=True)[:_MOST])
        gone.append(model._default_manager.filter(pk__in=keys).delete()[0] if keys else 0)
    if any(gone):
        audit.record(events.RETENTION_ENDED, actor=actor, facts={"messages": gone[0], "files": gone[1]})
    return sum(gone)


def _unnamed() -> Any:
    """Leave out the files that some record still names: they go after it."""
    rows = StoredFile.objects.all()
    for relation in StoredFile._meta.related_objects:
        naming = relation.related_model._default_manager.filter(**{f"{relation.field.name}__isnull": False})
        rows = rows.exclude(pk__in=naming.values(relation.field.attname))
    return rows
