"""Reads: the streams, what comes next in each, and how far behind it is.

What may be sent is what no running transaction can still add to: rows of transactions below `pg_snapshot_xmin`, in the
order of transaction and id. A row that commits later can so never slip in before one that was acknowledged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count, Min, QuerySet

from alerts.streams.models import AuditStream
from audit.models import Event
from core.errors import NotFound

LATE_AFTER = timedelta(minutes=15)
# A gap is counted up to here, and said to be more beyond.
MOST_COUNTED = 10_000
_LAST = UUID(int=2**128 - 1)
_BOUND = "SELECT (SELECT max(epoch) FROM audit_epoch), pg_snapshot_xmin(pg_current_snapshot())::text"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the trail: everything up to this event of this transaction was sent."""

    epoch: int
    xid: int
    last: UUID | None


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind a stream is: since when something waits, and how much (at most MOST_COUNTED)."""

    since: datetime | None
    events: int

    def seconds(self, at: datetime) -> float:
        """Return the age of what waits longest."""
        return max(0.0, (at - self.since).total_seconds()) if self.since else 0.0

    def is_late(self, at: datetime) -> bool:
        """Tell whether somebody should look."""
        return self.since is not None and at - self.since > LATE_AFTER


def streams() -> list[AuditStream]:
    """List the streams of the organization in scope in the order in which they were added."""
    return list(AuditStream.objects.order_by("id"))


def stream(stream_id: UUID) -> AuditStream:
    """Return one stream.

    Raises:
        NotFound
    """
    found: AuditStream | None = AuditStream.objects.filter(pk=stream_id).first()
    if found is None:
        raise NotFound
    return found


def now_place() -> Place:
    """Return the place before everything that is not settled yet, this transaction's own events among it."""
    epoch, xmin = bound()
    return Place(epoch, xmin - 1, None)


def first_place() -> Place:
    """Return the place before everything that is kept."""
    return Place(1, 0, None)


def bound() -> tuple[int, int]:
    """Return the latest epoch and the first transaction of it that may still add to the trail."""
    with connection.cursor() as cursor:
        cursor.execute(_BOUND)
        epoch, xmin = cursor.fetchone()
    return int(epoch), int(xmin)


def following(place: Place, *, since: datetime, limit: int) -> list[Event]:
    """Return the next settled events behind a place in the order in which they are sent."""
    found: list[Event] = []
    for rows in _behind(place, since):
        found += rows[: limit - len(found)]
        if len(found) >= limit:
            break
    return found


def lag(row: AuditStream) -> Lag:
    """Return how far behind a stream is."""
    oldest: datetime | None = None
    events = 0
    for rows in _behind(place_of(row), row.since):
        counted = rows.values("at")[: MOST_COUNTED - events].aggregate(oldest=Min("at"), events=Count("at"))
        events += counted["events"]
        oldest = min((at for at in (oldest, counted["oldest"]) if at is not None), default=None)
        if events >= MOST_COUNTED:
            break
    return Lag(oldest, events)


def place_of(row: AuditStream) -> Place:
    """Return how far a stream has got."""
    return Place(row.epoch, row.xid, row.last_event)


def _behind(place: Place, since: datetime) -> Iterator[QuerySet[Event]]:
    """Give, epoch by epoch, the settled events behind a place."""
    latest, xmin = bound()
    for epoch in range(place.epoch, latest + 1):
        start = place if epoch == place.epoch else Place(epoch, 0, None)
        yield _of_epoch(start, since, xmin if epoch == latest else None)


def _of_epoch(place: Place, since: datetime, below: int | None) -> QuerySet[Event]:
    where = ["xid >= %s::xid8", "(xid, id) > (%s::xid8, %s::uuid)"]
    params: list[object] = [str(place.xid), str(place.xid), place.last or _LAST]
    if below is not None:
        where.append("xid < %s::xid8")
        params.append(str(below))
    rows = Event.objects.filter(epoch=place.epoch, at__gte=since)
    return rows.extra(where=where, params=params, order_by=["xid", "id"])  # noqa: S610  constants only
