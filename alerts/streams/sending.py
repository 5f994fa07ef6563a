"""Sending the trail on: take the next events, send them, move the place once they were acknowledged.

Promises kept: the place moves only behind an acknowledgement, so each event arrives at least once, in the order of its
transaction, whatever dies in between; no transaction waits for somebody else's server; a stream is never given up.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from kombu.exceptions import OperationalError

from alerts import events, ocsf
from alerts.streams import queries, rules
from alerts.streams.models import AuditStream
from alerts.streams.queries import Place
from audit import services as audit
from audit.models import Event
from core.actor import Actor
from core.errors import Refusal
from outbound import http, syslog
from outbound.webhooks import rules as webhook_rules
from tenancy import context
from tenancy.context import Scope, scope, use_case
from tenancy.models import Tenant

_log = logging.getLogger("strongbox.alerts")
LEASE = timedelta(minutes=2)
TIMEOUT_SECONDS = 20.0
# A run that has more to send asks for another, behind those of other organizations.
RUN_SECONDS = 20.0
# A syslog receiver need not take more than 8 KiB a message (RFC 5425, 4.3.1).
_SUBJECTS_IN_SYSLOG = 80
# With nothing to send the place follows the trail, so that rows of others are not walked over again and again.
_PLACE_FOLLOWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The next events of one stream with everything their sender needs."""

    stream_id: UUID
    claim: datetime
    kind: str
    address: str
    secret: str
    ca: str
    events: tuple[Event, ...]
    # One each, as it leaves.
    lines: tuple[bytes, ...]
    # It was set aside before: acknowledged, it leaves that list, and the place stays.
    was_aside: bool = False

    @property
    def place(self) -> Place:
        """Return where the stream is once they were acknowledged."""
        last = self.events[-1]
        return Place(last.epoch, int(last.xid), last.id)


def deliver_due(*, tenant_id: UUID, actor: Actor, now: Callable[[], datetime]) -> int:
    """Send what waits in one organization's streams; return how many events were acknowledged."""
    with scope(Scope(tenant_id)):
        due = [row.pk for row in _due(now())]
    deadline, sent, over = time.monotonic() + RUN_SECONDS, 0, False
    for stream_id in due:
        claim: datetime | None = None
        while True:
            with scope(Scope(tenant_id)):
                batch = take(stream_id=stream_id, claim=claim, at=now())
            if batch is None:
                break
            code = send(batch)
            with scope(Scope(tenant_id)):
                sent += note(batch=batch, code=code, actor=actor, at=now())
            claim = batch.claim
            over = time.monotonic() >= deadline
            if code or over:
                break
    if over:
        soon_for(tenant_id)
    return sent


def has_due(*, at: datetime) -> bool:
    """Tell whether an event waits for a stream of the organization in scope that may be tried now."""
    return any(
        any(one["again"] for one in row.set_aside)
        or queries.following(queries.place_of(row), since=row.since, limit=1)
        for row in _due(at)
    )


@use_case
def take(*, stream_id: UUID, claim: datetime | None, at: datetime) -> Batch | None:
    """Take the next events of a stream for two minutes; nothing when another worker has it, or nothing waits.

    `claim` is what the batch before was taken under.
    """
    found = AuditStream.objects.select_for_update(skip_locked=True, no_key=True)
    row: AuditStream | None = found.filter(pk=stream_id, state=AuditStream.State.ACTIVE).first()
    if row is None:
        return None
    mine = claim is not None and row.claimed_until == claim
    if not mine and row.claimed_until is not None and row.claimed_until > at:
        return None
    aside = _wanted_again(row)
    waiting = aside or queries.following(
        queries.place_of(row), since=row.since, limit=rules.batch(row.attempts)
    )
    if not waiting:
        epoch, xmin = queries.bound()
        if epoch > row.epoch or xmin - row.xid > _PLACE_FOLLOWS:
            row.epoch, row.xid, row.last_event = epoch, xmin - 1, None
        row.claimed_until = None
        row.save(update_fields=["epoch", "xid", "last_event", "claimed_until"])
        return None
    row.claimed_until = at + LEASE
    row.save(update_fields=["claimed_until"])
    lines = _lines(row.kind, waiting)
    return Batch(
        stream_id=row.pk,
        claim=row.claimed_until,
        kind=row.kind,
        address=row.address,
        secret=row.secret or "",
        ca=row.ca or "",
        events=tuple(waiting[: len(lines)]),
        lines=lines,
        was_aside=bool(aside),
    )


def _wanted_again(row: AuditStream) -> list[Event]:
    """Return one event that was set aside and is to be sent again. What the trail no longer keeps leaves the list."""
    for one in [one for one in row.set_aside if one["again"]]:
        found = list(Event.objects.filter(pk=UUID(one["event"])))
        if found:
            return found
        row.set_aside = [other for other in row.set_aside if other is not one]
        row.save(update_fields=["set_aside"])
    return []


def send(batch: Batch) -> str:
    """Send one batch and return nothing once it was acknowledged, else a code that says why not."""
    try:
        if batch.kind == AuditStream.Kind.SYSLOG:
            syslog.Client(ca=batch.ca, timeout_seconds=TIMEOUT_SECONDS).send(batch.address, batch.lines)
            return ""
        answer = http.Client(
            ca=batch.ca, timeout_seconds=TIMEOUT_SECONDS, private_origins=http.collector_origins()
        ).send(
            "POST",
            batch.address,
            headers={
                "Content-Type": "application/x-ndjson",
                **({"Authorization": batch.secret} if batch.secret else {}),
            },
            body=b"".join(batch.lines),
        )
        return "" if webhook_rules.is_delivered(answer.status) else f"http_{answer.status}"
    except Refusal as refusal:
        return refusal.code
    except Exception as error:
        # Whatever somebody else's server makes of our libraries is that server's failure, and must be noted as one.
        _log.exception("the trail could not be sent on: %s", type(error).__name__)
        return "not_sent"


@use_case
def note(*, batch: Batch, code: str, actor: Actor, at: datetime) -> int:
    """Note how a batch went and return how many events were acknowledged.

    A stream that was paused, moved or taken over meanwhile keeps its place: the batch is sent again.
    """
    row = AuditStream.objects.select_for_update(no_key=True).filter(pk=batch.stream_id).first()
    if row is None or row.claimed_until != batch.claim:
        return 0
    if batch.was_aside:
        return _note_again(row, batch, code, at)
    row.last_code = code
    if code:
        row.attempts += 1
        many, aside = len(batch.events), len(row.set_aside)
        if rules.is_refused_for_ever(code, events=many, attempts=row.attempts, aside=aside):
            _set_aside(row, batch, code, actor, at)
            return 0
        row.failing_since = row.failing_since or at
        row.next_attempt_at, row.claimed_until = at + rules.wait(row.attempts), None
        row.save()
        return 0
    place = batch.place
    row.epoch, row.xid, row.last_event = place.epoch, place.xid, place.last
    row.last_event_at = batch.events[-1].at
    row.sent += len(batch.events)
    row.attempts, row.failing_since, row.last_ok_at = 0, None, at
    if row.recorded_at.astimezone(UTC).date() != at.astimezone(UTC).date():
        facts = {"events": row.sent - row.recorded}
        audit.record(events.STREAM_SENT, actor=actor, subject=("audit_stream", row.pk), facts=facts)
        row.recorded, row.recorded_at = row.sent, at
    row.save()
    return len(batch.events)


def _set_aside(row: AuditStream, batch: Batch, code: str, actor: Actor, at: datetime) -> None:
    """Go on behind an event that is refused for ever. It stands in the list until it was taken; nobody forgets it."""
    (event,) = batch.events
    place, tries = batch.place, row.attempts
    row.set_aside = [*row.set_aside, _aside(event.id, code, at, tries)]
    row.epoch, row.xid, row.last_event = place.epoch, place.xid, place.last
    row.attempts, row.failing_since, row.claimed_until, row.next_attempt_at = 0, None, None, at
    row.save()
    audit.record(
        events.STREAM_SET_ASIDE,
        actor=actor,
        subject=("audit_stream", row.pk),
        facts={"event": str(event.id), "tries": tries, "code": code},
        result="failed",
    )


def _note_again(row: AuditStream, batch: Batch, code: str, at: datetime) -> int:
    (event,) = batch.events
    left = []
    for one in row.set_aside:
        if one["event"] != str(event.id):
            left.append(one)
        elif code:
            left.append(_aside(event.id, code, at, one["tries"] + 1))
    row.set_aside, row.claimed_until = left, None
    row.sent += not code
    row.save(update_fields=["set_aside", "claimed_until", "sent"])
    return int(not code)


def _aside(event_id: UUID, code: str, at: datetime, tries: int) -> dict[str, object]:
    return {"event": str(event_id), "code": code, "at": at.isoformat(), "tries": tries, "again": False}


@use_case
def look_for_late(*, actor: Actor, at: datetime) -> int:
    """Record once that a stream is late, and once that it is up to date again; return how many are late."""
    late = 0
    for row in AuditStream.objects.select_for_update(skip_locked=True, no_key=True).order_by("id"):
        lag = queries.lag(row)
        is_late = lag.is_late(at)
        late += is_late
        if is_late == (row.late_since is not None):
            continue
        row.late_since = at if is_late else None
        row.save(update_fields=["late_since"])
        audit.record(
            events.STREAM_LATE if is_late else events.STREAM_RECOVERED,
            actor=actor,
            subject=("audit_stream", row.pk),
            facts={"waiting": lag.events, "seconds": round(lag.seconds(at)), "paused": row.state == "paused"},
            reason=row.last_code,
            result="failed" if is_late else "success",
        )
    return late


def soon() -> None:
    """Ask a worker to send what waits once the transaction has committed; without a broker the sweep will."""
    tenant_id = context.current_tenant()
    context.after_commit(lambda: soon_for(tenant_id))


def soon_for(tenant_id: UUID) -> None:
    """Ask a worker to send what waits in an organization's streams."""
    from alerts.streams import tasks  # noqa: PLC0415  a task module imports this one

    try:
        tasks.send_on.delay(str(tenant_id))
    except OperationalError:
        _log.warning("the broker is away; the sweep will send the trail on")


def _due(at: datetime) -> list[AuditStream]:
    rows = AuditStream.objects.filter(state=AuditStream.State.ACTIVE, next_attempt_at__lte=at)
    return list(rows.exclude(claimed_until__gt=at).order_by("id"))


def _lines(kind: str, waiting: Sequence[Event]) -> tuple[bytes, ...]:
    """Write the first events as they leave: as many as fit, and at least one."""
    slug = str(Tenant.objects.values_list("slug", flat=True).get(pk=context.current_tenant()))
    lines: list[bytes] = []
    size = 0
    for event in waiting:
        line = (
            _message(event, slug) if kind == AuditStream.Kind.SYSLOG else _json(ocsf.of_event(event)) + b"\n"
        )
        size += len(line)
        if lines and size > rules.MOST_BYTES:
            break
        lines.append(line)
    return tuple(lines)


def _message(event: Event, slug: str) -> bytes:
    went_well = event.result == Event.Result.SUCCESS
    return syslog.message(
        severity=syslog.Severity.INFORMATIONAL if went_well else syslog.Severity.WARNING,
        at=event.at,
        host=slug,
        id="audit",
        text=_json(ocsf.of_event(event, most_subjects=_SUBJECTS_IN_SYSLOG)).decode(),
    )


def _json(found: dict[str, object]) -> bytes:
    return json.dumps(found, separators=(",", ":")).encode()
