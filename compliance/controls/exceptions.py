"""Letting a control pass for a while although it does not: one asks, another agrees, and it ends by itself.

Promise kept: an exception hides nothing (the last answer stays beside it), is agreed to by a second person, and never
outlives its day.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from accounts.services import approvals
from audit import services as audit
from compliance import events
from compliance.controls import registry, rules
from compliance.controls.models import ControlException
from core import cardnumbers, characters, ids
from core.actor import Actor, ActorKind
from core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from tenancy.context import use_case

KIND = "control_exception"
MOST_CHARACTERS = 1_000
_OPEN = (ControlException.State.WAITING, ControlException.State.ACTIVE)


class ExceptedAlready(Conflict):
    """This control is excepted already, or somebody has asked for it. End that one first."""

    code = "excepted_already"


class OnlyPeopleExcept(Forbidden):
    """Only a signed-in person can accept a risk."""

    code = "only_people_except"


class ExceptionOver(Conflict):
    """This exception has ended already."""

    code = "exception_over"


@use_case
def ask(*, code: str, reason: str, risk: str, ends_on: date, actor: Actor, at: datetime) -> ControlException:
    """Ask to let a control pass until a day. Somebody else has to agree.

    Raises:
        NotFound: there is no such control.
        Invalid: a text is missing or the day is not within a year.
        ExceptedAlready, OnlyPeopleExcept.
    """
    control = registry.of(code)
    if control is None:
        raise NotFound
    if actor.kind is not ActorKind.USER or actor.id is None:
        raise OnlyPeopleExcept
    texts = {"reason": reason.strip(), "risk": risk.strip()}
    errors = [
        FieldError(f"/{name}", "required", f"Enter up to {MOST_CHARACTERS:,} characters.")
        for name, text in texts.items()
        if not text or len(text) > MOST_CHARACTERS
    ]
    if not at.date() < ends_on <= at.date() + rules.LONGEST_EXCEPTION:
        errors.append(FieldError("/ends_on", "out_of_range", "It ends after today and within a year."))
    if errors:
        raise Invalid(errors)
    cardnumbers.refuse(texts)
    characters.refuse(texts)
    if ControlException.objects.filter(code=code, state__in=_OPEN).exists():
        raise ExceptedAlready
    key = ids.uuid7()
    waiting = approvals.request(
        kind=KIND,
        payload={"exception": str(key)},
        subject=("control_exception", key),
        reason=texts["reason"],
        actor=actor,
        at=at,
    )
    row = ControlException(
        id=key,
        code=code,
        **texts,
        asked_by=actor.id,
        asked_at=at,
        approval_id=waiting.pk,
        ends_on=ends_on,
    )
    row.save(force_insert=True)
    audit.record(
        events.EXCEPTION_ASKED,
        actor=actor,
        subject=("control_exception", row.pk),
        facts={"control": code, "until": ends_on.isoformat()},
    )
    return row


def carry_out(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    """Grant what a second person agreed to; the executor of approvals.

    Raises:
        ExceptionOver: its day has come before anybody agreed.
    """
    row = _locked(UUID(payload["exception"]))
    if row.state != ControlException.State.WAITING or row.ends_on <= at.date():
        raise ExceptionOver
    row.state, row.approved_by, row.approved_at = ControlException.State.ACTIVE, actor.id, at
    row.save(update_fields=["state", "approved_by", "approved_at"])
    audit.record(
        events.EXCEPTION_GRANTED,
        actor=actor,
        subject=("control_exception", row.pk),
        facts={"control": row.code, "until": row.ends_on.isoformat()},
    )


def declined(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    """Note that nobody agreed."""
    row = _locked(UUID(payload["exception"]))
    if row.state == ControlException.State.WAITING:
        row.state, row.ended_at = ControlException.State.DECLINED, at
        row.save(update_fields=["state", "ended_at"])
        audit.record(
            events.EXCEPTION_DECLINED,
            actor=actor,
            subject=("control_exception", row.pk),
            facts={"control": row.code},
        )


@use_case
def end(*, exception_id: UUID, actor: Actor, at: datetime) -> ControlException:
    """End an exception before its day.

    Raises:
        NotFound
        ExceptionOver: it is not in force.
    """
    row = _locked(exception_id)
    if row.state != ControlException.State.ACTIVE:
        raise ExceptionOver
    return _end(row, "ended", actor=actor, at=at)


@use_case
def end_due(*, actor: Actor, at: datetime) -> int:
    """End the exceptions of the organization in scope whose day is over; return how many."""
    rows = ControlException.objects.select_for_update(skip_locked=True).filter(
        state=ControlException.State.ACTIVE, ends_on__lt=at.date()
    )
    return len([_end(row, "run_out", actor=actor, at=at) for row in rows])


def _end(row: ControlException, why: str, *, actor: Actor, at: datetime) -> ControlException:
    row.state, row.ended_at = ControlException.State.ENDED, at
    row.save(update_fields=["state", "ended_at"])
    audit.record(
        events.EXCEPTION_ENDED,
        actor=actor,
        subject=("control_exception", row.pk),
        facts={"control": row.code, "why": why},
    )
    return row


def _locked(exception_id: UUID) -> ControlException:
    row: ControlException | None = (
        ControlException.objects.select_for_update().filter(pk=exception_id).first()
    )
    if row is None:
        raise NotFound
    return row


def register_own() -> None:
    """Make the act that waits for a second person known; called once, when the app is ready."""
    approvals.register(
        approvals.Kind(
            code=KIND, execute=carry_out, withdrawn=declined, permission=Permission.COMPLIANCE_READ
        )
    )
