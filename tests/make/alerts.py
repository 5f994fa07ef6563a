"""Builders of alerts, through the engine's own door, inside the scope that is open."""

from datetime import datetime, timedelta
from uuid import UUID

from alerts import services
from alerts.models import Alert
from alerts.rules import BY_CODE, Seen
from core import clock, ids
from core.actor import Actor

ACTOR = Actor.system("tests")


def seen(event: str, *, at: datetime, **told) -> Seen:
    """Make an event as rules see it."""
    return Seen(id=ids.uuid7(), event=event, at=at, **told)


def alert(
    rule: str = "RBAC-04", *, person: UUID | None = None, events: int = 3, at: datetime | None = None, **told
) -> Alert:
    """Open an alert of a rule about a person, found just now."""
    at = at or clock.now()
    known = BY_CODE[rule]
    code = sorted(known.codes)[0]
    found = [
        seen(
            code, at=at - timedelta(seconds=30 * number), actor_id=person or ids.uuid7(), network="5f3c9a1be2",
            result="refused", **told,
        )
        for number in reversed(range(events))
    ]  # fmt: skip
    from alerts.rules.base import hit

    made = hit(found[-1], known.settings, evidence=found, count=events, key=str(person or found[-1].id))
    taken = services.take(
        found=services.Found(last=made, severity=made.severity, hits=1),
        rule=known, settings=known.settings, actor=ACTOR, at=at,
    )  # fmt: skip
    assert taken is not None
    return taken
