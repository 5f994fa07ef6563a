"""Changing the bank details: asked for by one, agreed to by another, announced to everybody, and then waited for.

Promise kept against invoice fraud: nobody changes where the money goes alone (but a founder with nobody beside them)
or unseen: from the agreement on 72 hours pass in which every portal contact and everybody who could stop it knows,
and until they are over documents name the old account.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from accounts.services import approvals
from audit import services as audit
from billing import events
from billing.bankaccounts import queries, rules
from billing.bankaccounts.models import BankAccount
from core.actor import Actor, ActorKind
from core.errors import Conflict, Forbidden, NotFound
from tenancy import constraints, context
from tenancy.context import use_case

KIND = "bank_details_change"


class ChangeUnderWay(Conflict):
    """A change of the bank details is under way already. Withdraw or cancel it first."""

    code = "change_under_way"


class SameDetails(Conflict):
    """These are the details that hold already."""

    code = "same_details"


class OnlyMembersChange(Forbidden):
    """Only a member of this organization can change its bank details."""

    code = "only_members_change"


class RequesterMayNoLongerChange(Conflict):
    """Whoever asked for this may no longer change the bank details. It has to be asked for again."""

    code = "requester_may_no_longer_change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The account as it is now, or the request that waits for a second person."""

    account: BankAccount | None = None
    waiting: ApprovalRequest | None = None


@use_case
def propose(
    *, holder: str, iban: str, bic: str = "", actor: Actor, at: datetime, reason: str = ""
) -> Proposed:
    """Ask for new bank details; as long as nobody else could agree, a founder sets them alone (decision 0006).

    Raises:
        Invalid: names every field that cannot be used.
        ChangeUnderWay, SameDetails, OnlyMembersChange.
    """
    member = people.member_acting(actor, at=at)
    if member is None or actor.id is None:
        raise OnlyMembersChange
    kept = rules.check(holder=holder, iban=iban, bic=bic)
    _take_up_by_itself(at)
    _refuse_second(at)
    now = queries.current(at)
    if now is not None and (now.holder, now.iban, now.bic) == kept:
        raise SameDetails
    if people.deciders_beside(actor.id, at=at):
        waiting = approvals.request(
            kind=KIND,
            payload=dict(zip(("holder", "iban", "bic"), kept, strict=True)),
            actor=actor,
            at=at,
            subject=("bank_account", now.id) if now is not None else None,
            reason=reason,
        )
        return Proposed(waiting=waiting)
    return Proposed(account=_announce(kept, asked_by=actor.id, agreed_by=None, actor=actor, at=at))


def carry_out(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    """Announce what a second person has agreed to; the executor of approvals.

    Raises:
        RequesterMayNoLongerChange: they left, or their role no longer allows it.
        Invalid, ChangeUnderWay.
    """
    asker = people.membership(user_id=request.requested_by, tenant_id=context.current_tenant(), at=at)
    operator = people.in_operator_organization()
    if asker is None or Permission.BANK_ACCOUNT_MANAGE not in asker.permissions(of_operator=operator):
        raise RequesterMayNoLongerChange
    kept = rules.check(holder=payload["holder"], iban=payload["iban"], bic=payload["bic"])
    _take_up_by_itself(at)
    _announce(kept, asked_by=request.requested_by, agreed_by=actor.id, actor=actor, at=at)


@use_case
def cancel(*, actor: Actor, at: datetime) -> BankAccount:
    """Stop the announced change; the details that hold go on to hold. One person is enough to stop it.

    Raises:
        NotFound: nothing is announced, or it holds already.
        OnlyMembersChange
    """
    if actor.kind is not ActorKind.USER or people.member_acting(actor, at=at) is None:
        raise OnlyMembersChange
    announced = BankAccount.objects.select_for_update().filter(state=BankAccount.State.ANNOUNCED)
    row: BankAccount | None = announced.filter(holds_from__gt=at).first()
    if row is None:
        raise NotFound
    row.state, row.ended_at = BankAccount.State.CANCELED, at
    row.save(update_fields=["state", "ended_at"])
    audit.record(events.BANK_ACCOUNT_CANCELED, actor=actor, subject=("bank_account", row.pk))
    _tell_soon()
    return row


@use_case
def take_up(*, actor: Actor, at: datetime) -> BankAccount | None:
    """Note that announced details have begun to hold, and return them; None when there are none."""
    due = BankAccount.objects.select_for_update().filter(
        state=BankAccount.State.ANNOUNCED, holds_from__lte=at
    )
    row: BankAccount | None = due.first()
    if row is None:
        return None
    before = BankAccount.objects.select_for_update().filter(state=BankAccount.State.CURRENT).first()
    if before is not None:
        before.state, before.ended_at = BankAccount.State.FORMER, row.holds_from
        before.save(update_fields=["state", "ended_at"])
    row.state = BankAccount.State.CURRENT
    row.save(update_fields=["state"])
    audit.record(events.BANK_ACCOUNT_TOOK_EFFECT, actor=actor, subject=("bank_account", row.pk))
    return row


def _announce(
    kept: tuple[str, str, str], *, asked_by: UUID, agreed_by: UUID | None, actor: Actor, at: datetime
) -> BankAccount:
    holder, iban, bic = kept
    first = not BankAccount.objects.exclude(state=BankAccount.State.CANCELED).exists()
    row = BankAccount(
        holder=holder,
        iban=iban,
        bic=bic or None,
        # Where nothing is replaced, nobody can be led to pay somebody else: the first account holds at once.
        state=BankAccount.State.CURRENT if first else BankAccount.State.ANNOUNCED,
        asked_by=asked_by,
        agreed_by=agreed_by,
        announced_at=at,
        holds_from=at if first else at + rules.NOTICE,
        told=BankAccount.State.CURRENT if first else "",
    )
    with constraints.refusing(
        ChangeUnderWay(), "billing_bankaccount_one_current", "billing_bankaccount_one_change"
    ):
        row.save(force_insert=True)
    row.refresh_from_db(fields=["written_at", "holds_from"])
    event = events.BANK_ACCOUNT_SET if first else events.BANK_ACCOUNT_ANNOUNCED
    audit.record(event, actor=actor, subject=("bank_account", row.pk), fields=["holder", "iban", "bic"])
    if not first:
        _tell_soon()
    return row


def _take_up_by_itself(at: datetime) -> None:
    # Somebody came before the periodic work: it is still the time that let the details hold, and not they.
    take_up(actor=Actor.system("bank_account_notice"), at=at)


def _refuse_second(at: datetime) -> None:
    waiting = people.approvals(state=ApprovalRequest.State.PENDING).filter(kind=KIND, expires_at__gt=at)
    if waiting.exists() or BankAccount.objects.filter(state=BankAccount.State.ANNOUNCED).exists():
        raise ChangeUnderWay


def _tell_soon() -> None:
    from billing.bankaccounts import tasks  # noqa: PLC0415  a task module imports this one's telling

    tasks.tend_soon(context.current_tenant())
