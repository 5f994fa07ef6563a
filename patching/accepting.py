"""Living with a weakness for a while: one person asks and says why, another agrees, and a day ends it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from accounts.services import approvals
from audit import services as audit
from billing.invoices import rules as texts
from core.actor import Actor
from core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from patching import events, queries, rules
from patching.models import Acceptance, Finding
from tenancy import context
from tenancy.context import use_case

KIND = "patch_acceptance"
REASON_LENGTH = 1_000


class FindingNotOpen(Conflict):
    """This weakness is not open any more, or is accepted already."""

    code = "finding_not_open"


class AcceptanceAsked(Conflict):
    """Somebody has asked for this already. It waits for a second person."""

    code = "acceptance_asked"


class OnlyMembersAccept(Forbidden):
    """Only a signed-in member of the operator can ask for this."""

    code = "only_members_accept"


class RequesterMayNoLongerAccept(Forbidden):
    """Whoever asked for this has left, or may no longer do it."""

    code = "requester_may_no_longer_accept"


def register() -> None:
    """Make the act known to approvals."""
    approvals.register(approvals.Kind(code=KIND, execute=carry_out, permission=Permission.APPROVAL_DECIDE))


@use_case
def ask(*, finding_id: UUID, until: date, reason: str, actor: Actor, at: datetime) -> ApprovalRequest:
    """Ask a second person to agree to live with a weakness until a day.

    Raises:
        NotFound, OnlyMembersAccept, FindingNotOpen, AcceptanceAsked.
        Invalid: no reason, one that cannot be kept, or a day that is past or too far away.
    """
    errors = texts.text_errors("/reason", reason, REASON_LENGTH, required=True) + _day_errors(until, at)
    if errors:
        raise Invalid(errors)
    if people.member_acting(actor, at=at) is None:
        raise OnlyMembersAccept
    row = _open(finding_id)
    if queries.waiting(row.pk, at=at) is not None:
        raise AcceptanceAsked
    return approvals.request(
        kind=KIND,
        payload={"finding": str(row.pk), "version": row.version, "until": until.isoformat()},
        actor=actor,
        at=at,
        subject=("finding", row.pk),
        reason=reason.strip(),
    )


def carry_out(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    """Accept as a second person has agreed to; the executor of approvals.

    Raises:
        RequesterMayNoLongerAccept, FindingNotOpen.
        Invalid: the day has passed since.
    """
    asker = people.membership(user_id=request.requested_by, tenant_id=context.current_tenant(), at=at)
    operator = people.in_operator_organization()
    if asker is None or Permission.OPS_PATCHES not in asker.role.permissions(of_operator=operator):
        raise RequesterMayNoLongerAccept
    until = date.fromisoformat(payload["until"])
    if errors := _day_errors(until, at):
        raise Invalid(errors)
    row = _open(UUID(payload["finding"]))
    if row.version != payload["version"] or actor.id is None:
        raise FindingNotOpen
    Acceptance(
        finding=row,
        reason=request.reason or "",
        requested_by=request.requested_by,
        approved_by=actor.id,
        accepted_at=at,
        until=until,
    ).save(force_insert=True)
    row.status = Finding.Status.ACCEPTED
    row.save(update_fields=["status"])
    audit.record(
        events.PATCH_ACCEPTED, actor=actor, subject=("finding", row.pk), facts={"until": until.isoformat()}
    )


def _day_errors(until: date, at: datetime) -> list[FieldError]:
    if until <= at.date():
        return [FieldError("/until", "past", "Choose a day after today.")]
    if until > at.date() + rules.LONGEST_ACCEPTANCE:
        days = rules.LONGEST_ACCEPTANCE.days
        return [
            FieldError("/until", "too_far", f"Choose a day within {days} days: then it is decided again.")
        ]
    return []


def _open(finding_id: UUID) -> Finding:
    row: Finding | None = Finding.objects.select_for_update().filter(pk=finding_id).first()
    if row is None:
        raise NotFound
    if row.status != Finding.Status.OPEN:
        raise FindingNotOpen
    return row
