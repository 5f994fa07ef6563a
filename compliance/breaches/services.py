"""Keeping the register of breaches: opened with its clocks, noted in, told, looked at for whom it touched, closed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from audit import services as audit
from compliance import events
from compliance.breaches import affected, rules
from compliance.breaches.models import Breach, BreachNote
from compliance.requests.words import sentence
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound
from tenancy.context import use_case

Risk, Kind = Breach.Risk, BreachNote.Kind
_CLOCK_SKEW = timedelta(minutes=5)


class BreachClosed(Conflict):
    """This breach is closed; what is found out later is a new entry."""

    code = "breach_closed"


class RiskNotJudged(Conflict):
    """Judge first what it means for the people."""

    code = "risk_not_judged"


class NotToldYet(Conflict):
    """Note first that those who must know were told."""

    code = "not_told_yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known when a breach is entered."""

    title: str
    kind: str
    facts: str
    aware_at: datetime
    began_at: datetime | None = None
    ended_at: datetime | None = None
    actor_id: UUID | None = None
    key_id: UUID | None = None
    session_id: UUID | None = None


@use_case
def open_breach(*, found: Found, actor: Actor, at: datetime) -> Breach:
    """Enter a breach; its clocks run from when somebody became aware.

    Raises:
        Invalid: names every field that cannot be used.
    """
    title = sentence("title", found.title)
    facts = sentence("facts", found.facts)
    errors = []
    if len(title) > rules.TITLE_LENGTH:
        errors.append(FieldError("/title", "too_long", f"This may have {rules.TITLE_LENGTH} characters."))
    if found.kind not in Breach.Kind.values:
        errors.append(FieldError("/kind", "unknown_choice", "Choose what was lost."))
    if found.aware_at > at + _CLOCK_SKEW:
        errors.append(FieldError("/aware_at", "moment", "Nobody can have become aware in the future."))
    if found.began_at and found.ended_at and found.ended_at < found.began_at:
        errors.append(FieldError("/ended_at", "moment", "It cannot end before it began."))
    if errors:
        raise Invalid(errors)
    row = Breach(
        title=title,
        kind=found.kind,
        began_at=found.began_at,
        ended_at=found.ended_at,
        aware_at=found.aware_at,
        authority_due_at=rules.authority_due(found.aware_at),
        people_due_at=rules.people_due(found.aware_at),
        actor_id=found.actor_id,
        key_id=found.key_id,
        session_id=found.session_id,
        opened_by=actor.id,
        created_at=at,
        updated_at=at,
    )
    row.save(force_insert=True)
    _write(row, Kind.FACT, facts, actor, at)
    audit.record(events.BREACH_OPENED, actor=actor, subject=("breach", row.pk), facts={"kind": row.kind})
    return row


@use_case
def judge(*, breach_id: UUID, risk: str, text: str, actor: Actor, at: datetime) -> Breach:
    """Say what it means for the people, and why.

    Raises:
        NotFound, BreachClosed, Invalid.
    """
    row = _open(breach_id)
    if risk not in set(Risk.values) - {Risk.UNKNOWN}:
        raise Invalid([FieldError("/risk", "unknown_choice", "Choose what it means for the people.")])
    said = sentence("text", text)
    row.risk, row.updated_at = risk, at
    row.save(update_fields=["risk", "updated_at"])
    _write(row, Kind.EFFECT, said, actor, at)
    audit.record(events.BREACH_NOTED, actor=actor, subject=("breach", row.pk), facts={"risk": risk})
    return row


@use_case
def note(*, breach_id: UUID, kind: str, text: str, actor: Actor, at: datetime) -> Breach:
    """Note what was found out, done or told; telling stops its clock.

    Raises:
        NotFound, BreachClosed, Invalid.
    """
    row = _open(breach_id)
    if kind not in set(Kind.values) - {Kind.CLOSING}:
        raise Invalid([FieldError("/kind", "unknown_choice", "Choose what the note is about.")])
    said = sentence("text", text)
    if kind == Kind.AUTHORITY and row.authority_told_at is None:
        row.authority_told_at = at
    if kind == Kind.PEOPLE and row.people_told_at is None:
        row.people_told_at = at
    row.updated_at = at
    row.save(update_fields=["authority_told_at", "people_told_at", "updated_at"])
    _write(row, kind, said, actor, at)
    audit.record(events.BREACH_NOTED, actor=actor, subject=("breach", row.pk), facts={"note": kind})
    return row


@use_case
def count_affected(*, breach_id: UUID, actor: Actor, at: datetime) -> int:
    """Look over the trail for whom it touched, and keep the count.

    Raises:
        NotFound, BreachClosed.
    """
    row = _open(breach_id)
    touched = affected.customers(row, at=at)
    row.customers_affected, row.updated_at = len(touched), at
    row.save(update_fields=["customers_affected", "updated_at"])
    audit.record(
        events.BREACH_MEASURED, actor=actor, subject=("breach", row.pk), facts={"customers": len(touched)}
    )
    return len(touched)


@use_case
def close(*, breach_id: UUID, text: str, actor: Actor, at: datetime) -> Breach:
    """Close a breach once those who must know were told.

    Raises:
        NotFound, BreachClosed, RiskNotJudged, NotToldYet, Invalid.
    """
    row = _open(breach_id)
    said = sentence("text", text)
    if row.risk == Risk.UNKNOWN:
        raise RiskNotJudged
    if (rules.waits_for_authority(row.risk) and row.authority_told_at is None) or (
        rules.waits_for_people(row.risk) and row.people_told_at is None
    ):
        raise NotToldYet
    row.state, row.closed_by, row.closed_at, row.updated_at = Breach.State.CLOSED, actor.id, at, at
    row.save(update_fields=["state", "closed_by", "closed_at", "updated_at"])
    _write(row, Kind.CLOSING, said, actor, at)
    audit.record(events.BREACH_CLOSED, actor=actor, subject=("breach", row.pk), facts={"risk": row.risk})
    return row


@use_case
def tell_due_soon(*, actor: Actor, at: datetime) -> int:
    """Say once of each open breach that the authority must be told within a day; return how many."""
    near = Breach.objects.select_for_update(skip_locked=True, no_key=True).filter(
        ~Q(risk=Risk.UNLIKELY),
        state=Breach.State.OPEN,
        authority_told_at__isnull=True,
        authority_due_at__lte=at + rules.SOON,
        due_soon_at__isnull=True,
    )
    rows = list(near.order_by("authority_due_at")[:100])
    for row in rows:
        Breach.objects.filter(pk=row.pk).update(due_soon_at=at)
        audit.record(events.BREACH_DUE_SOON, actor=actor, subject=("breach", row.pk))
    return len(rows)


def _open(breach_id: UUID) -> Breach:
    row: Breach | None = Breach.objects.select_for_update(no_key=True).filter(pk=breach_id).first()
    if row is None:
        raise NotFound
    if row.state == Breach.State.CLOSED:
        raise BreachClosed
    return row


def _write(row: Breach, kind: str, text: str, actor: Actor, at: datetime) -> None:
    BreachNote(breach=row, kind=kind, text=text, written_by=actor.id, at=at).save(force_insert=True)
