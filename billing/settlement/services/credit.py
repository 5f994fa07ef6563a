"""Money that is here already: from a customer's credit onto an invoice, and off it again; what is under way."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from audit import services as audit
from billing import events
from billing.invoices.models import Invoice
from billing.invoices.services.rows import change_of
from billing.ledger import services as ledger
from billing.ledger.rules import Account, Side
from billing.settlement.services.rows import Cause, CreditNotEnough, Money, allocated, lock_money, save, today
from core.actor import Actor
from core.errors import NotFound, Refusal
from tenancy.context import use_case
from tenancy.models import only


class NothingDue(Refusal):
    """Nothing is due on this invoice, or less than that."""

    code = "nothing_due"


class AllocationExceeded(Refusal):
    """This payment has put less than that on the invoice."""

    code = "allocation_exceeded"


@use_case
def apply_credit(
    *, invoice_id: UUID, amount_minor: int, actor: Actor, at: datetime, payment_id: UUID | None = None
) -> None:
    """Put some of a customer's credit onto one of their invoices: what one payment left, or the oldest money first.

    Raises:
        NotFound: there is no such invoice.
        NothingDue: not finalized, or less is due than that.
        CreditNotEnough: there is less credit than that.
    """
    money = _money_of(invoice_id, actor, at)
    if amount_minor < 1 or amount_minor > money.room(invoice_id):
        raise NothingDue(field="amount_minor")
    sources = [source for source in money.sources() if payment_id in (None, source[0])]
    if sum(held for _, held in sources) < amount_minor:
        raise CreditNotEnough(field="amount_minor")
    sides = [Side(Account.CREDIT, amount_minor), Side(Account.RECEIVABLE, -amount_minor)]
    _post(money, "credit_applied", sides, invoice_id)
    left = amount_minor
    for source, held in sources:
        taken = min(left, held)
        if not taken:
            break
        money.credit(-taken, source, Cause.APPLIED)
        money.allocate(invoice_id, taken, source, from_credit=True)
        left -= taken
    audit.record(events.CREDIT_APPLIED, actor=actor, subject=("invoice", invoice_id))


@use_case
def release(*, invoice_id: UUID, payment_id: UUID, amount_minor: int, actor: Actor, at: datetime) -> None:
    """Take a payment's money off an invoice, back into the customer's credit, where it can be put elsewhere.

    Raises:
        NotFound: there is no such invoice.
        AllocationExceeded: the payment has put less than that on it.
    """
    money = _money_of(invoice_id, actor, at)
    if amount_minor < 1 or amount_minor > allocated(payment_id=payment_id).get(invoice_id, 0):
        raise AllocationExceeded(field="amount_minor")
    sides = [Side(Account.RECEIVABLE, amount_minor), Side(Account.CREDIT, -amount_minor)]
    _post(money, "allocation_released", sides, invoice_id)
    money.allocate(invoice_id, -amount_minor, payment_id)
    money.credit(amount_minor, payment_id, Cause.RELEASED)


@use_case
def mark(
    *, invoice_ids: Iterable[UUID], attempts: int = 0, processing: int = 0, disputes: int = 0, at: datetime
) -> None:
    """Note on invoices that a payment is under way, on its way, or disputed (1), or that it no longer is (-1).

    It locks invoices alone: call it after whatever else locks a customer's credit, never before. One that was voided
    carries no marks: money that still comes for it is credit.
    """
    rows = Invoice.objects.select_for_update(no_key=True).filter(pk__in=list(invoice_ids)).order_by("pk")
    for invoice in rows:
        if invoice.status == Invoice.Status.VOIDED:
            continue
        before = change_of(invoice)
        invoice.attempts_open += attempts
        invoice.attempts_processing += processing
        invoice.disputes_open += disputes
        save(invoice, before, at)


def _money_of(invoice_id: UUID, actor: Actor, at: datetime) -> Money:
    # Whose it is and in which currency never changes once it is final; the rest is read under the lock.
    invoice = only(Invoice.objects.filter(pk=invoice_id))
    if invoice is None:
        raise NotFound
    if invoice.status != Invoice.Status.FINALIZED:
        raise NothingDue
    money = lock_money(
        customer_id=invoice.customer_id, currency=invoice.currency, booked_on=today(at), actor=actor, at=at
    )
    money.lock_invoices([invoice_id])
    return money


def _post(money: Money, kind: str, sides: list[Side], invoice_id: UUID) -> None:
    ledger.post(
        kind=kind,
        sides=sides,
        currency=money.currency,
        booked_on=money.booked_on,
        at=money.at,
        customer_id=money.customer_id,
        invoice_id=invoice_id,
        late_ok=True,
    )
