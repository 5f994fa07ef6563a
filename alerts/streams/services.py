"""What people do with streams: add, change, pause, resume, remove. A test is an event of the trail like any other.

Promise kept: adding a stream, and everything that stops one, is recorded in the trail that it sends.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from alerts import events
from alerts.channels.services import check_address
from alerts.streams import queries, rules, sending
from alerts.streams.models import AuditStream
from audit import services as audit
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from tenancy.context import use_case

FIELDS = ("address", "description", "secret", "ca")
_MONTH = timedelta(days=30)
_EVER = timedelta(days=3650)


class TooManyStreams(Refusal):
    """An organization sends its trail to at most five places; remove one first."""

    code = "too_many_streams"


class NothingSetAside(Conflict):
    """Nothing is set aside: what was, has been taken meanwhile."""

    code = "nothing_set_aside"


@use_case
def create(
    *,
    kind: str,
    address: str,
    actor: Actor,
    at: datetime,
    description: str = "",
    secret: str = "",
    ca: str = "",
    begin: str = rules.Begin.NOW,
) -> AuditStream:
    """Send the trail of the organization in scope to a receiver: from now on, of 30 days, or all of it.

    Raises:
        Invalid: names every field that cannot be used.
        AddressRefused, HostUnknown: of `outbound.http`; the address leads to nowhere public.
        TooManyStreams: there are five.
    """
    rules.check(kind=kind, address=address, description=description, secret=secret, ca=ca)
    check_address(kind, address, ca)
    if AuditStream.objects.count() >= rules.MOST_STREAMS:
        raise TooManyStreams
    place = queries.now_place() if begin == rules.Begin.NOW else queries.first_place()
    back = {rules.Begin.NOW: timedelta(minutes=1), rules.Begin.MONTH: _MONTH}.get(rules.Begin(begin), _EVER)
    row = AuditStream(
        kind=kind,
        address=address,
        description=description.strip() or None,
        secret=secret or None,
        ca=ca.strip() or None,
        epoch=place.epoch,
        xid=place.xid,
        last_event=place.last,
        since=at - back,
        recorded_at=at,
        next_attempt_at=at,
        created_by=actor.id,
        created_at=at,
        updated_at=at,
    )
    row.save(force_insert=True)
    _record(events.STREAM_CREATED, row, actor, facts={"kind": kind, "begin": begin})
    sending.soon()
    return row


@use_case
def update(*, stream_id: UUID, changes: Mapping[str, Any], actor: Actor, at: datetime) -> AuditStream:
    """Change the named parts of a stream (see FIELDS); it goes on from where it was.

    Raises:
        NotFound: there is no such stream.
        Invalid, AddressRefused, HostUnknown: as at adding.
    """
    row = _locked(stream_id)
    wanted = {name: (changes.get(name, getattr(row, name)) or "").strip() for name in FIELDS}
    changed = [name for name in FIELDS if wanted[name] != (getattr(row, name) or "")]
    if not changed:
        return row
    rules.check(kind=row.kind, **wanted)
    check_address(row.kind, wanted["address"], wanted["ca"], look_up="address" in changed or "ca" in changed)
    for name in changed:
        setattr(row, name, wanted[name] or None)
    # A batch that is under way to the old place must not count as sent to the new one.
    row.claimed_until, row.next_attempt_at, row.attempts, row.updated_at = None, at, 0, at
    row.save()
    _record(events.STREAM_UPDATED, row, actor, fields=changed)
    sending.soon()
    return row


@use_case
def test(*, stream_id: UUID, actor: Actor, at: datetime) -> AuditStream:
    """Have a stream tried now: the record of this very act is what arrives.

    Raises:
        NotFound: there is no such stream.
    """
    row = _locked(stream_id)
    if row.state == AuditStream.State.ACTIVE:
        row.next_attempt_at = at
        row.save(update_fields=["next_attempt_at"])
    _record(events.STREAM_TESTED, row, actor)
    sending.soon()
    return row


@use_case
def pause(*, stream_id: UUID, actor: Actor, at: datetime) -> AuditStream:
    """Send nothing until it is resumed; its place is kept. Without effect on a paused one.

    Raises:
        NotFound: there is no such stream.
    """
    row = _locked(stream_id)
    if row.state == AuditStream.State.ACTIVE:
        row.state, row.updated_at, row.claimed_until = AuditStream.State.PAUSED, at, None
        row.save(update_fields=["state", "updated_at", "claimed_until"])
        _record(events.STREAM_PAUSED, row, actor)
    return row


@use_case
def try_again(*, stream_id: UUID, actor: Actor, at: datetime) -> AuditStream:
    """Send everything that was set aside once more, each event alone.

    Raises:
        NotFound: there is no such stream.
        NothingSetAside
    """
    row = _locked(stream_id)
    if not row.set_aside:
        raise NothingSetAside
    row.set_aside = [{**one, "again": True} for one in row.set_aside]
    row.next_attempt_at, row.updated_at = at, at
    row.save(update_fields=["set_aside", "next_attempt_at", "updated_at"])
    facts = {"events": len(row.set_aside)}
    audit.record(events.STREAM_TRIED_AGAIN, actor=actor, subject=("audit_stream", row.pk), facts=facts)
    sending.soon()
    return row


@use_case
def resume(*, stream_id: UUID, actor: Actor, at: datetime) -> AuditStream:
    """Send what has come up since it was paused, and go on. Without effect on an active one.

    Raises:
        NotFound: there is no such stream.
    """
    row = _locked(stream_id)
    if row.state == AuditStream.State.PAUSED:
        row.state, row.updated_at = AuditStream.State.ACTIVE, at
        row.next_attempt_at, row.attempts, row.failing_since = at, 0, None
        row.save()
        _record(events.STREAM_RESUMED, row, actor)
        sending.soon()
    return row


@use_case
def remove(*, stream_id: UUID, actor: Actor) -> None:
    """Send nothing more and forget the place.

    Raises:
        NotFound: there is no such stream.
    """
    row = _locked(stream_id)
    _record(events.STREAM_REMOVED, row, actor, facts={"sent": row.sent})
    AuditStream.objects.filter(pk=row.pk).delete()


def _locked(stream_id: UUID) -> AuditStream:
    row: AuditStream | None = AuditStream.objects.select_for_update(no_key=True).filter(pk=stream_id).first()
    if row is None:
        raise NotFound
    return row


def _record(event: Any, row: AuditStream, actor: Actor, **more: Any) -> None:
    audit.record(event, actor=actor, subject=("audit_stream", row.pk), **more)
