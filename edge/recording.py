"""How a view says what it has shown. A page that says nothing is recorded by its route all the same."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from audit import services as audit
from audit.events import EventType
from audit.services import Facts
from edge.request import Request


def read(
    request: Request,
    event: EventType,
    *,
    subject: tuple[str, UUID] | None = None,
    subjects: Sequence[UUID] = (),
    fields: Iterable[str] = (),
    facts: Facts | None = None,
    reason: str = "",
) -> None:
    """Record a read of protected data, before the answer leaves and in the same transaction."""
    if request.granted_customers is not None:
        facts = {**(facts or {}), "by_grant": True}
    audit.record(
        event,
        actor=request.actor,
        subject=subject,
        subjects=subjects,
        fields=fields,
        facts=facts,
        reason=reason,
    )
    request.recorded = True
