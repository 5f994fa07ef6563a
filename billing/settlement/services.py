"""Money that came, went or moved: onto invoices, into a customer's credit, and back.

Promise kept: every posting balances, no cent is made or lost, and each caller's source is posted once a kind,
whatever runs twice (a unique key). Lock order: invoices by id, then the customer's credit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.db.models import Sum

from audit import services as audit
from billing import events
from billing.invoices import rules as invoice_rules
from billing.invoices.models import Invoice
from billing.invoices.queries import due_minor
from billing.invoices.services.rows import change_of
from billing.ledger import services as ledger
from billing.ledger.rules import Account, Side
from billing.settlement.models import Allocation, CreditBalance, CreditEntry
from billing.settlement.rules import Part, spread
from billing.tallies import services as tallies
from core.actor import Actor
from core.errors import NotFound, Refusal
from tenancy.context import use_case

Cause = CreditEntry.Cause


class CreditNotEnough(Refusal):
    """The customer has less credit than that."""

    code = "credit_not_enough"


class NothingDue(Refusal):
    """Nothing is due on this invoice, or less than that."""

    code = "nothing_due"


class AllocationExceeded(Refusal):
    """This payment has put less than that on the invoice."""

    code = "allocation_exceeded"


@dataclass(frozen=True, slots=True)
class Settled:
    """Where money went: onto invoices, the rest to the customer's credit."""

    allocated: list[Part] = field(default_factory=list)
    credit_minor: int = 0


@use_case
def settle(
    *,
    customer_id: UUID,
    currency: str,
    amount_minor: int,
    wanted: Sequence[tuple[UUID, int]],
    payment_id: UUID,
    cash_account: str,
    kind: str,
    booked_on: date,
    actor: Actor,
    at: datetime,
) -> Settled:
    """Book money that came: onto the wanted invoices in their order as far as they are due, the rest to credit.

    The money is here whatever we think of it: what cannot go onto an invoice (voided, of another currency, paid
    meanwhile) is never refused, it becomes credit. `wanted` says how much at most goes onto which invoice.
    """
    found = _locked(invoice_id for invoice_id, _ in wanted)
    places = [
        (invoice_id, most, _room(found.get(invoice_id), customer_id, currency)) for invoice_id, most in wanted
    ]
    parts, rest = spread(amount_minor, places)
    sides = [Side(cash_account, amount_minor)]
    if rest < amount_minor:
        sides.append(Side(Account.RECEIVABLE, rest - amount_minor))
    if rest:
        sides.append(Side(Account.CREDIT, -rest))
    ledger.post(
        kind=kind,
        sides=sides,
        currency=currency,
        booked_on=booked_on,
        at=at,
        customer_id=customer_id,
        source_id=payment_id,
    )
    for part in parts:
        _allocate(found[part.id], part.amount_minor, payment_id, booked_on, actor, at)
    if rest:
        _credit(customer_id, currency, rest, payment_id, Cause.OVERPAYMENT, at)
    return Settled(parts, rest)


@use_case
def take_back(
    *,
    customer_id: UUID,
    currency: str,
    payment_id: UUID,
    amount_minor: int,
    cash_account: str,
    kind: str,
    source_id: UUID,
    booked_on: date,
    actor: Actor,
    at: datetime,
) -> list[Part]:
    """Book money of a payment that is gone again (a debit returned, a dispute lost): its invoices open again.

    It comes out of what the payment left as credit, then off its invoices, the last one first. What neither holds
    was refunded before and stays on account `refunds`, in our favour.
    """
    on_invoices = allocated(payment_id=payment_id)
    found = _locked(on_invoices)
    out_of_credit = min(amount_minor, credit_of(payment_id=payment_id))
    places = [(invoice_id, held, held) for invoice_id, held in reversed(list(on_invoices.items()))]
    parts, rest = spread(amount_minor - out_of_credit, places)
    opened = amount_minor - out_of_credit - rest
    sides = [Side(cash_account, -amount_minor)]
    if out_of_credit:
        sides.append(Side(Account.CREDIT, out_of_credit))
    if opened:
        sides.append(Side(Account.RECEIVABLE, opened))
    if rest:
        sides.append(Side(Account.REFUNDS, rest))
    ledger.post(
        kind=kind,
        sides=sides,
        currency=currency,
        booked_on=booked_on,
        at=at,
        customer_id=customer_id,
        source_id=source_id,
    )
    for part in parts:
        _allocate(found[part.id], -part.amount_minor, payment_id, booked_on, actor, at)
    if out_of_credit:
        _credit(customer_id, currency, -out_of_credit, payment_id, Cause.REVERSED, at)
    return parts


@use_case
def refund_out(
    *,
    customer_id: UUID,
    currency: str,
    payment_id: UUID,
    amount_minor: int,
    cash_account: str,
    kind: str,
    source_id: UUID,
    booked_on: date,
    at: datetime,
) -> int:
    """Book a refund that has left: first out of the credit its payment left, the rest on account `refunds`.

    Invoices stay paid: what they say is still owed and was paid; why money went back is a credit note's to say.
    Returns how much came out of credit.
    """
    out_of_credit = min(amount_minor, credit_of(payment_id=payment_id))
    rest = amount_minor - out_of_credit
    sides = [Side(cash_account, -amount_minor)]
    if out_of_credit:
        sides.append(Side(Account.CREDIT, out_of_credit))
    if rest:
        sides.append(Side(Account.REFUNDS, rest))
    ledger.post(
        kind=kind,
        sides=sides,
        currency=currency,
        booked_on=booked_on,
        at=at,
        customer_id=customer_id,
        source_id=source_id,
    )
    if out_of_credit:
        _credit(customer_id, currency, -out_of_credit, payment_id, Cause.REFUNDED, at)
    return out_of_credit


@use_case
def apply_credit(*, invoice_id: UUID, amount_minor: int, actor: Actor, at: datetime) -> None:
    """Put some of a customer's credit onto one of their invoices, the oldest money first.

    Raises:
        NotFound: there is no such invoice.
        NothingDue: not finalized, or less is due than that.
        CreditNotEnough: there is less credit than that.
    """
    invoice = _locked([invoice_id]).get(invoice_id)
    if invoice is None:
        raise NotFound
    if amount_minor < 1 or amount_minor > _room(invoice, invoice.customer_id, invoice.currency):
        raise NothingDue(field="amount_minor")
    # The balance is locked before its sources are read: two who spend the same credit wait for each other.
    _locked_balance(invoice.customer_id, invoice.currency)
    sources = _credit_by_payment(invoice.customer_id, invoice.currency)
    if sum(amount for _, amount in sources) < amount_minor:
        raise CreditNotEnough(field="amount_minor")
    booked_on = at.date()
    ledger.post(
        kind="credit_applied",
        sides=[Side(Account.CREDIT, amount_minor), Side(Account.RECEIVABLE, -amount_minor)],
        currency=invoice.currency,
        booked_on=booked_on,
        at=at,
        customer_id=invoice.customer_id,
        invoice_id=invoice.pk,
    )
    left = amount_minor
    for payment_id, held in sources:
        taken = min(left, held)
        if not taken:
            break
        _credit(invoice.customer_id, invoice.currency, -taken, payment_id, Cause.APPLIED, at)
        _allocate(invoice, taken, payment_id, booked_on, actor, at, from_credit=True)
        left -= taken
    audit.record(events.CREDIT_APPLIED, actor=actor, subject=("invoice", invoice.pk))


@use_case
def release(*, invoice_id: UUID, payment_id: UUID, amount_minor: int, actor: Actor, at: datetime) -> None:
    """Take a payment's money off an invoice, back into the customer's credit, where it can be put elsewhere.

    Raises:
        NotFound: there is no such invoice.
        AllocationExceeded: the payment has put less than that on it.
    """
    invoice = _locked([invoice_id]).get(invoice_id)
    if invoice is None:
        raise NotFound
    if amount_minor < 1 or amount_minor > allocated(payment_id=payment_id).get(invoice_id, 0):
        raise AllocationExceeded(field="amount_minor")
    booked_on = at.date()
    ledger.post(
        kind="allocation_released",
        sides=[Side(Account.RECEIVABLE, amount_minor), Side(Account.CREDIT, -amount_minor)],
        currency=invoice.currency,
        booked_on=booked_on,
        at=at,
        customer_id=invoice.customer_id,
        invoice_id=invoice.pk,
    )
    _allocate(invoice, -amount_minor, payment_id, booked_on, actor, at)
    _credit(invoice.customer_id, invoice.currency, amount_minor, payment_id, Cause.RELEASED, at)


@use_case
def mark(
    *, invoice_ids: Iterable[UUID], attempts: int = 0, processing: int = 0, disputes: int = 0, at: datetime
) -> None:
    """Note on invoices that a payment is under way, on its way, or disputed (1), or that it no longer is (-1)."""
    for invoice in _locked(invoice_ids).values():
        before = change_of(invoice)
        invoice.attempts_open += attempts
        invoice.attempts_processing += processing
        invoice.disputes_open += disputes
        _save(invoice, before, at)


def allocated(*, payment_id: UUID) -> dict[UUID, int]:
    """Return what a payment has put on which invoice, in minor units, in the order of their ids."""
    rows = (
        Allocation.objects.filter(payment_id=payment_id)
        .values("invoice_id")
        .annotate(held=Sum("amount_minor"))
        .order_by("invoice_id")
    )
    return {row["invoice_id"]: int(row["held"]) for row in rows if row["held"]}


def credit_of(*, payment_id: UUID) -> int:
    """Return what a payment has left in the customer's credit, in minor units."""
    found = CreditEntry.objects.filter(payment_id=payment_id).aggregate(held=Sum("amount_minor"))["held"]
    return int(found or 0)


def _locked(invoice_ids: Iterable[UUID]) -> dict[UUID, Invoice]:
    rows = Invoice.objects.select_for_update(no_key=True).filter(pk__in=list(invoice_ids)).order_by("pk")
    return {invoice.pk: invoice for invoice in rows}


def _room(invoice: Invoice | None, customer_id: UUID, currency: str) -> int:
    if invoice is None or invoice.status != Invoice.Status.FINALIZED:
        return 0
    if (invoice.customer_id, invoice.currency) != (customer_id, currency):
        return 0
    return max(0, due_minor(invoice))


def _allocate(
    invoice: Invoice,
    amount_minor: int,
    payment_id: UUID | None,
    booked_on: date,
    actor: Actor,
    at: datetime,
    *,
    from_credit: bool = False,
) -> None:
    Allocation.objects.create(
        customer_id=invoice.customer_id,
        invoice_id=invoice.pk,
        payment_id=payment_id,
        from_credit=from_credit,
        currency=invoice.currency,
        amount_minor=amount_minor,
        booked_on=booked_on,
        at=at,
    )
    before = change_of(invoice)
    invoice.amount_paid_minor += amount_minor
    _save(invoice, before, at)
    if amount_minor < 0:
        event = events.INVOICE_REOPENED
    else:
        event = events.INVOICE_PARTIALLY_PAID if due_minor(invoice) > 0 else events.INVOICE_PAID
    audit.record(event, actor=actor, subject=("invoice", invoice.pk))


def _save(invoice: Invoice, before: tallies.Change, at: datetime) -> None:
    if invoice.status == Invoice.Status.FINALIZED:
        invoice.payment_status = invoice_rules.payment_status(
            due_minor=due_minor(invoice),
            paid_minor=invoice.amount_paid_minor + invoice.prepaid_minor,
            processing=invoice.attempts_processing > 0,
        )
    invoice.updated_at = at
    invoice.save(
        update_fields=[
            "amount_paid_minor", "payment_status", "attempts_open", "attempts_processing", "disputes_open",
            "updated_at",
        ]
    )  # fmt: skip
    tallies.add([before.taken_back(), change_of(invoice)])


def _locked_balance(customer_id: UUID, currency: str) -> CreditBalance:
    CreditBalance.objects.bulk_create(
        [CreditBalance(customer_id=customer_id, currency=currency)], ignore_conflicts=True
    )
    balance: CreditBalance = CreditBalance.objects.select_for_update(no_key=True).get(
        customer_id=customer_id, currency=currency
    )
    return balance


def _credit(
    customer_id: UUID, currency: str, amount_minor: int, payment_id: UUID | None, cause: Cause, at: datetime
) -> None:
    balance = _locked_balance(customer_id, currency)
    if balance.amount_minor + amount_minor < 0:
        raise CreditNotEnough(field="amount_minor")
    CreditEntry.objects.create(
        customer_id=customer_id,
        payment_id=payment_id,
        currency=currency,
        amount_minor=amount_minor,
        cause=cause,
        at=at,
    )
    balance.amount_minor += amount_minor
    balance.save(update_fields=["amount_minor"])


def _credit_by_payment(customer_id: UUID, currency: str) -> list[tuple[UUID | None, int]]:
    """Return which payment has left how much credit, the oldest first (ids sort by time)."""
    rows = (
        CreditEntry.objects.filter(customer_id=customer_id, currency=currency)
        .values("payment_id")
        .annotate(held=Sum("amount_minor"))
        .order_by("payment_id")
    )
    return [(row["payment_id"], int(row["held"])) for row in rows if row["held"] > 0]
