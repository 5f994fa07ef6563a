"""Reading the trail: pages for investigators, the state of its proof, and who has seen a record.

Promise kept: reading is bounded (key-set pages, no OFFSET, counts over weeks) and inside one organization.
Who reads the trail is recorded by the caller with `events.AUDIT_READ`.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connections
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate, TruncHour

from audit import rules
from audit.events import REGISTRY
from audit.models import Event, Seal, Verification
from core.errors import Refusal

MOST_A_PAGE = 200
# Lists name every record they showed in an array without an index: only so far back.
LIST_READS = timedelta(days=30)
STALE_AFTER = timedelta(hours=24)
# Events are counted by day over a bounded span only.
MOST_DAYS = timedelta(days=93)
# By hour where the span is short enough for each hour to be seen.
MOST_HOURS = timedelta(days=3, hours=2)
_ABANDONED_AFTER = timedelta(hours=1)
_MONTHS = (
    "SELECT to_char(month, 'YYYY_MM') FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') "
    "+ n * interval '1 month' AS month FROM generate_series(0, 1) n) AS months "
    "WHERE to_regclass('audit_event_' || to_char(month, 'YYYY_MM')) IS NULL"
)


class NoSuchPage(Refusal):
    """This page address is damaged. Start again from the first page."""

    code = "bad_cursor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What an investigator asks for; each value given must hold. `event` may be a family: `invoice.`."""

    event: str = ""
    operation: str = ""
    result: str = ""
    actor: UUID | None = None
    subject: UUID | None = None
    session: UUID | None = None
    key: UUID | None = None
    request: UUID | None = None
    network: str = ""
    via: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> Q:
        """Return the filters as one condition."""
        exact = {
            "result": self.result,
            "actor_id": self.actor,
            "subject_id": self.subject,
            "session_id": self.session,
            "key_id": self.key,
            "request_id": self.request,
            "network": self.network,
            "via": self.via,
            "at__gte": self.since,
            "at__lt": self.until,
        }
        found = Q(**{name: value for name, value in exact.items() if value})
        if self.event:
            found &= Q(event__startswith=self.event) if self.event.endswith(".") else Q(event=self.event)
        if self.operation:
            found &= Q(
                event__in=[code for code, kind in REGISTRY.items() if kind.operation == self.operation]
            )
        return found


@dataclass(frozen=True, slots=True)
class Page:
    """Events, newest first, and the address of the page after, if there is one."""

    events: Sequence[Event]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Badge:
    """The state of the proof, in one word and its numbers.

    `state` is unchecked, checking, verified, stale, gap or broken.
    """

    state: str
    events: int = 0
    total: int = 0
    checked_at: datetime | None = None
    errors: Sequence[dict[str, object]] = ()

    @property
    def percent(self) -> int:
        """Return how far a running check has come."""
        return min(100, self.events * 100 // self.total) if self.total else 0


def events(filters: Filters, *, cursor: str = "", limit: int = 50) -> Page:
    """Return one page of the trail of the organization in scope, newest first.

    Raises:
        NoSuchPage: the cursor is damaged.
    """
    return _page(Event.objects.filter(filters.conditions()), cursor, limit)


def event(event_id: UUID) -> Event | None:
    """Return one event of the organization in scope."""
    # The id is made within moments of the row's time, which lets the planner look into one partition.
    made_at = datetime.fromtimestamp((event_id.int >> 80) / 1000, tz=UTC)
    near = Q(at__gte=made_at - timedelta(hours=1), at__lt=made_at + timedelta(hours=1))
    found: Event | None = Event.objects.filter(near, id=event_id).first()
    return found


def access_history(subject: UUID, *, at: datetime, cursor: str = "", limit: int = 50) -> Page:
    """Return who did or saw what with one record, newest first; reads of lists for the last 30 days.

    Raises:
        NoSuchPage: the cursor is damaged.
    """
    own = Q(subject_id=subject)
    listed = Q(subject_ids__contains=[subject], at__gte=at - LIST_READS)
    return _page(Event.objects.filter(own | listed), cursor, limit)


def last_subjects(
    actor: UUID, *, kinds: Sequence[str], since: datetime, limit: int
) -> list[tuple[str, UUID]]:
    """Return kind and id of the records of these kinds that somebody last opened or changed, newest first."""
    rows = Event.objects.filter(
        actor_id=actor, at__gte=since, subject_kind__in=kinds, subject_id__isnull=False, result="success"
    )
    # One record leaves several events in a row.
    found = rows.order_by("-at").values_list("subject_kind", "subject_id")[: limit * 6]
    return list(dict.fromkeys(found))[:limit]


def around(found: Event, *, minutes: int = 60) -> Filters:
    """Return the filters for everything the same actor did in the time around an event."""
    span = timedelta(minutes=minutes)
    return Filters(actor=found.actor_id, since=found.at - span, until=found.at + span)


def seal_of(found: Event) -> Seal | None:
    """Return the seal in which an event stands, or None while it is not sealed yet."""
    window = Seal.objects.filter(tenant_id=found.tenant_id, epoch=found.epoch).extra(
        where=["xid_to > %s::xid8"], params=[found.xid], order_by=["xid_to"]
    )
    seal: Seal | None = window.first()
    if seal is None or found.id.bytes not in {event for event, _ in rules.split(bytes(seal.leaves))}:
        return None
    return seal


def badge(*, at: datetime) -> Badge:
    """Return the state of the proof of the organization in scope, from the last check."""
    last = Verification.objects.first()
    if last is None:
        return Badge("unchecked")
    state = str(last.state)
    if last.state == Verification.State.CHECKING and last.started_at < at - _ABANDONED_AFTER:
        state = "stale"
    if last.state == Verification.State.VERIFIED and last.finished_at < at - STALE_AFTER:
        state = "stale"
    return Badge(state, last.events, last.total, last.finished_at, last.errors)


def last_verification() -> Verification | None:
    """Return the last check of the organization in scope, also one that still runs."""
    found: Verification | None = Verification.objects.first()
    return found


def latest_seals(*, limit: int = 20) -> Sequence[Seal]:
    """Return the newest seals of the organization in scope, without their leaves."""
    return list(Seal.objects.defer("leaves").order_by("-n")[:limit])


def per_day(filters: Filters, *, zone: str = "UTC") -> dict[date, int]:
    """Count events by calendar day in a time zone; `filters` must name both ends, at most MOST_DAYS apart.

    Raises:
        ValueError: the span is open or too long.
    """
    if filters.since is None or filters.until is None or filters.until - filters.since > MOST_DAYS:
        raise ValueError("name both ends of the span to count events by day")
    rows = Event.objects.filter(filters.conditions()).annotate(day=TruncDate("at", tzinfo=ZoneInfo(zone)))
    return dict(rows.order_by().values_list("day").annotate(n=Count("*")))


def per_hour(filters: Filters, *, zone: str = "UTC") -> dict[datetime, int]:
    """Count events by hour in a time zone; `filters` must name both ends, at most MOST_HOURS apart.

    Raises:
        ValueError: the span is open or too long.
    """
    if filters.since is None or filters.until is None or filters.until - filters.since > MOST_HOURS:
        raise ValueError("name both ends of the span to count events by hour")
    rows = Event.objects.filter(filters.conditions()).annotate(hour=TruncHour("at", tzinfo=ZoneInfo(zone)))
    return dict(rows.order_by().values_list("hour").annotate(n=Count("*")))


def place_of(found: Event, seal: Seal) -> tuple[int, int]:
    """Return which leaf of its seal an event is, counted from one, and how many leaves there are."""
    leaves = [event for event, _ in rules.split(bytes(seal.leaves))]
    return leaves.index(found.id.bytes) + 1, len(leaves)


def seconds_since_sealing(*, at: datetime) -> float:
    """Return the age of the sealer's last round in seconds: its heartbeat."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT sealed_at FROM audit_mark")
        sealed_at: datetime = cursor.fetchone()[0]
    return (at - sealed_at).total_seconds()


def missing_months() -> list[str]:
    """Return this month and the next, as YYYY_MM, where they have no partition yet."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT to_regclass('audit_event') IS NULL")
        if cursor.fetchone() == (True,):
            return []
        cursor.execute(_MONTHS)
        return [month for (month,) in cursor.fetchall()]


def _page(rows: QuerySet[Event], cursor: str, limit: int) -> Page:
    limit = max(1, min(limit, MOST_A_PAGE))
    if cursor:
        at, last = _read_cursor(cursor)
        rows = rows.extra(where=["(at, id) < (%s::timestamptz, %s::uuid)"], params=[at, last])
    found = list(rows.order_by("-at", "-id")[: limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    end = found[limit - 1]
    return Page(found[:limit], _write_cursor(end.at, end.id))


def _write_cursor(at: datetime, last: UUID) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{last}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[datetime, UUID]:
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        at, _, last = plain.partition("|")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError(at)
        return moment, UUID(last)
    except (ValueError, binascii.Error, UnicodeDecodeError):
        raise NoSuchPage from None
