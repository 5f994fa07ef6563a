"""Excusing somebody from a course: two people agree, and the reason stands with the request."""

from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.models import ApprovalRequest
from accounts.services import approvals
from audit import services as audit
from billing.issuer import queries as issuers
from core import cardnumbers
from core.actor import Actor
from core.errors import Conflict
from tenancy.context import use_case
from training import events
from training.models import Assignment
from training.services import duties

KIND = "training_excuse"


class AskedAlready(Conflict):
    """Somebody has asked for this already, and it waits for a decision."""

    code = "asked_already"


def register() -> None:
    """Make the act known; called when the app is ready."""
    approvals.register(approvals.Kind(code=KIND, execute=approved))


def waiting(assignment_id: UUID) -> bool:
    """Say whether excusing somebody waits for a second person."""
    return bool(
        ApprovalRequest.objects.filter(
            kind=KIND, subject_id=assignment_id, state=ApprovalRequest.State.PENDING
        ).exists()
    )


@use_case
def ask(*, assignment_id: UUID, reason: str, actor: Actor, at: datetime) -> ApprovalRequest:
    """Ask for somebody to be excused from a course; never oneself.

    Raises:
        NotFound, duties.NotYours, duties.EndedAlready, AskedAlready.
        cardnumbers.CardNumberRefused
    """
    cardnumbers.refuse({"reason": reason})
    mine = duties.locked(assignment_id, actor)
    if waiting(mine.pk):
        raise AskedAlready
    return approvals.request(
        kind=KIND,
        payload={"assignment": str(mine.pk)},
        actor=actor,
        at=at,
        subject=("training_record", mine.pk),
        reason=reason,
    )


def approved(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> Assignment:
    """Excuse somebody, once a second person agreed; that person is never the one who is excused.

    Raises:
        NotFound, duties.NotYours, duties.EndedAlready.
    """
    mine = duties.locked(UUID(payload["assignment"]), actor)
    mine.state, mine.ended_at, mine.note = Assignment.State.EXCUSED, at, request.reason
    mine.save(update_fields=["state", "ended_at", "note"])
    audit.record(
        events.EXCUSED, actor=actor, subject=("training_record", mine.pk), facts={"course": mine.course}
    )
    duties.settle(member_ids=[mine.member_id], actor=actor, today=_day(at))
    return mine


def _day(at: datetime) -> date:
    return at.astimezone(ZoneInfo(issuers.time_zone())).date()
