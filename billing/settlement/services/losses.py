"""Giving up what is owed: a write-off, with a second person's agreement, and what is taken up again when money comes.

Promises kept: nobody writes an invoice off alone (but a founder with nobody beside them, and a key up to the limit a
person gave it); what is agreed to is an amount, and no more than that is given up; the debt stays on record, and
whatever comes for it later reinstates as much (`Money.allocate`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Limit, Permission
from accounts.services import approvals
from audit import services as audit
from billing import events
from billing.invoices import rules as texts
from billing.invoices.models import Invoice
from billing.invoices.queries import due_minor
from billing.invoices.services.finals import InvoiceDisputed, InvoiceNotFinalized, PaymentUnderWay
from billing.invoices.services.rows import tell
from billing.issuer import queries as issuer
from billing.settlement.services.credit import NothingDue
from billing.settlement.services.rows import Money, lock_money
from core.actor import Actor, ActorKind
from core.errors import Conflict, Forbidden, Invalid, NotFound
from tenancy import context
from tenancy.context import use_case
from tenancy.models import only

KIND = "invoice_write_off"


class WriteOffWaits(Conflict):
    """A second person has been asked already whether this invoice is written off."""

    code = "write_off_waits"


class DueMovedOn(Conflict):
    """Something was paid or credited meanwhile. Look at the amounts again."""

    code = "due_moved_on"


class OnlyMembersWriteOff(Forbidden):
    """Only a member of this organization, or a key a member made, can write an invoice off."""

    code = "only_members_write_off"


class RequesterMayNoLongerWriteOff(Conflict):
    """Whoever asked for this may no longer write invoices off. It has to be asked for again."""

    code = "requester_may_no_longer_write_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenOff:
    """The invoice as it now stands, and the request that waits for a second person, if one is needed."""

    invoice: Invoice
    waiting: ApprovalRequest | None = None


@use_case
def write_off(
    *, invoice_id: UUID, reason: str, actor: Actor, at: datetime, seen_minor: int | None = None
) -> WrittenOff:
    """Give up all that is due on an invoice, or ask a second person whether it may be.

    The whole amount goes to account `bad_debt`, tax included: a tax office gives tax back only once a debt is lost for
    good, which a credit note then says. `seen_minor` is what was due when somebody decided.

    Raises:
        NotFound: there is no such invoice.
        InvoiceNotFinalized, NothingDue, PaymentUnderWay, InvoiceDisputed, DueMovedOn, WriteOffWaits.
        OnlyMembersWriteOff
        Invalid: no reason, or one that cannot be kept.
    """
    errors = texts.text_errors("/reason", reason, texts.REASON_LENGTH, required=True)
    if errors:
        raise Invalid(errors)
    money, invoice = _locked(invoice_id, actor, at)
    due = due_minor(invoice)
    if seen_minor not in (None, due):
        raise DueMovedOn
    waiting = people.approvals(state=ApprovalRequest.State.PENDING).filter(
        kind=KIND, subject_id=invoice_id, expires_at__gt=at
    )
    if waiting.exists():
        raise WriteOffWaits
    if _may_alone(actor, due, at):
        _carry(money, invoice, due, reason=reason, asked_by=actor.id, agreed_by=None)
        return WrittenOff(invoice=invoice)
    asked = approvals.request(
        kind=KIND,
        payload={
            "invoice": str(invoice_id),
            "amount_minor": due,
            "currency": invoice.currency,
            "reason": reason,
        },
        subject=("invoice", invoice_id),
        reason=reason.strip(),
        actor=actor,
        at=at,
    )
    audit.record(events.INVOICE_WRITE_OFF_ASKED, actor=actor, subject=("invoice", invoice_id))
    return WrittenOff(invoice=invoice, waiting=asked)


def carry_out(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    """Write off what a second person has agreed to, as far as it is still due; the executor of approvals.

    Raises:
        RequesterMayNoLongerWriteOff: they left, or their role no longer allows it.
        InvoiceNotFinalized, NothingDue, PaymentUnderWay, InvoiceDisputed.
    """
    asker = people.membership(user_id=request.requested_by, tenant_id=context.current_tenant(), at=at)
    operator = people.in_operator_organization()
    if asker is None or Permission.INVOICE_WRITE_OFF not in asker.permissions(of_operator=operator):
        raise RequesterMayNoLongerWriteOff
    money, invoice = _locked(UUID(str(payload["invoice"])), actor, at)
    amount = min(due_minor(invoice), int(payload["amount_minor"]))
    _carry(
        money, invoice, amount, reason=payload["reason"], asked_by=request.requested_by, agreed_by=actor.id
    )


def _locked(invoice_id: UUID, actor: Actor, at: datetime) -> tuple[Money, Invoice]:
    found = only(Invoice.objects.filter(pk=invoice_id).only("customer_id", "currency", "status"))
    if found is None:
        raise NotFound
    if found.status != Invoice.Status.FINALIZED:
        raise InvoiceNotFinalized
    day = texts.local_day(at, issuer.time_zone())
    money = lock_money(
        customer_id=found.customer_id, currency=found.currency, booked_on=day, actor=actor, at=at
    )
    money.lock_invoices([invoice_id])
    invoice = money.invoices[invoice_id]
    if invoice.status != Invoice.Status.FINALIZED:
        raise InvoiceNotFinalized
    if due_minor(invoice) <= 0:
        raise NothingDue
    if invoice.attempts_open:
        raise PaymentUnderWay
    if invoice.disputes_open:
        raise InvoiceDisputed
    return money, invoice


def _may_alone(actor: Actor, due: int, at: datetime) -> bool:
    if actor.kind is ActorKind.SYSTEM:
        return True
    if actor.key_id is not None:
        limits = people.limits_of_actor(actor=actor, at=at)
        return due <= limits.get(Limit.WRITE_OFF_MINOR, 0)
    member = people.member_acting(actor, at=at)
    if member is None or actor.id is None:
        raise OnlyMembersWriteOff
    return not people.deciders_beside(actor.id, at=at)


def _carry(
    money: Money, invoice: Invoice, amount: int, *, reason: str, asked_by: UUID | None, agreed_by: UUID | None
) -> None:
    money.write_off(invoice, amount, reason=reason.strip(), asked_by=asked_by, agreed_by=agreed_by)
    audit.record(events.INVOICE_WRITTEN_OFF, actor=money.actor, subject=("invoice", invoice.pk))
    tell(invoice, "written_off")
