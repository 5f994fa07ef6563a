"""Money that came past any provider: a bank transfer that a person or a statement says has arrived."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from audit import services as audit
from billing.customers.models import Customer
from billing.invoices import rules as texts
from billing.invoices.models import Invoice
from billing.ledger import services as ledger
from billing.ledger.rules import Account
from billing.settlement import services as settlement
from core import days, money
from core.actor import Actor
from core.errors import Conflict, Invalid, NotFound, Refusal
from payments import events
from payments.models import Payment, PaymentItem, PaymentNote
from payments.services import moves, soon
from tenancy.context import use_case

RECEIVED = "payment_received"
REVERSED = "payment_reversed"
REMITTANCE_LENGTH, REASON_LENGTH = 1_000, 500


class AmountNotPositive(Refusal):
    """An amount has to be more than nothing."""

    code = "amount_not_positive"


class MoreThanPaid(Refusal):
    """The invoices would get more than was paid."""

    code = "more_than_paid"


class ReceivedInFuture(Refusal):
    """Money cannot have been received on a day that has not come."""

    code = "received_in_future"


class InvoiceTwice(Refusal):
    """An invoice stands here twice."""

    code = "invoice_twice"


class NotABankPayment(Conflict):
    """Only a payment that came by bank transfer is taken back like this; others are refunded."""

    code = "not_a_bank_payment"


class RefundsUnderWay(Conflict):
    """A refund of this payment is under way. Wait for its end or cancel it first."""

    code = "refunds_under_way"


@use_case
def record(
    *,
    customer_id: UUID,
    currency: str,
    amount_minor: int,
    wanted: Sequence[tuple[UUID, int]],
    received_on: date,
    source: str,
    actor: Actor,
    at: datetime,
    method: str = Payment.Method.BANK_TRANSFER,
    reference: str = "",
) -> Payment:
    """Record money that has arrived: onto the wanted invoices as far as they are due, the rest to credit.

    `amount_minor` is in minor units; `wanted` says how much at most goes onto which invoice; `reference` is what
    the payer or the bank wrote beside it.

    Raises:
        NotFound: there is no such customer, or an invoice is not theirs.
        AmountNotPositive, MoreThanPaid, InvoiceTwice, ReceivedInFuture, DayOutOfRange.
        PeriodClosed: somebody dates it in a month whose books are closed. What a bank statement dates is booked late.
        Invalid: the reference cannot be kept.
    """
    _check(amount_minor, wanted, received_on, reference, at)
    if source != Payment.Source.STATEMENT:
        ledger.require_open(received_on, at=at, field="received_on")
    money.exponent(currency)
    _check_theirs(customer_id, [invoice_id for invoice_id, _ in wanted])
    payment = Payment(
        customer_id=customer_id,
        state=Payment.State.SUCCEEDED,
        method=method,
        source=source,
        currency=currency,
        amount_minor=amount_minor,
        captured_minor=amount_minor,
        remittance=reference.strip() or None,
        received_on=received_on,
        created_at=at,
        updated_at=at,
        succeeded_at=at,
    )
    payment.save(force_insert=True)
    keep_items(payment, wanted)
    settlement.settle(
        customer_id=customer_id,
        currency=currency,
        amount_minor=amount_minor,
        wanted=wanted,
        payment_id=payment.pk,
        cash_account=Account.BANK,
        kind=RECEIVED,
        booked_on=received_on,
        actor=actor,
        at=at,
    )
    audit.record(events.PAYMENT_RECORDED, actor=actor, subject=("payment", payment.pk))
    moves.tell(payment, "succeeded")
    soon.close_pages_of([invoice_id for invoice_id, _ in wanted])
    return payment


@use_case
def reverse(*, payment_id: UUID, reason: str, actor: Actor, at: datetime) -> Payment:
    """Take a bank payment back, because the bank did or because it was recorded by mistake: its invoices open again.

    What of it was refunded before stays refunded.

    Raises:
        NotFound: there is no such payment.
        NotABankPayment, RefundsUnderWay.
        PaymentMovedOn: it has not arrived, or is taken back already.
        Invalid: no reason, or one that cannot be kept.
    """
    errors = texts.text_errors("/reason", reason, REASON_LENGTH, required=True)
    if errors:
        raise Invalid(errors)
    payment = moves.lock_payment(payment_id)
    if payment.method != Payment.Method.BANK_TRANSFER:
        raise NotABankPayment
    left = payment.captured_minor - payment.refunded_minor - payment.reversed_minor
    if payment.state != Payment.State.SUCCEEDED or left == 0:
        raise moves.PaymentMovedOn
    if payment.refunding_minor:
        raise RefundsUnderWay
    settlement.take_back(
        customer_id=payment.customer_id,
        currency=payment.currency,
        payment_id=payment.pk,
        amount_minor=left,
        cash_account=Account.BANK,
        kind=REVERSED,
        source_id=payment.pk,
        booked_on=moves.today(at),
        actor=actor,
        at=at,
    )
    payment.state = Payment.State.REVERSED
    payment.reversed_minor += left
    payment.updated_at = at
    payment.save(force_update=True)
    moves.note(payment, PaymentNote.Kind.REVERSED, reason, actor=actor, at=at)
    audit.record(events.PAYMENT_REVERSED, actor=actor, subject=("payment", payment.pk))
    moves.tell(payment, "reversed")
    return payment


def keep_items(payment: Payment, items: Sequence[tuple[UUID, int]]) -> None:
    """Note what a payment is meant for."""
    for position, (invoice_id, amount_minor) in enumerate(items):
        PaymentItem.objects.create(
            payment=payment,
            position=position,
            customer_id=payment.customer_id,
            invoice_id=invoice_id,
            amount_minor=amount_minor,
        )


def check_items(items: Sequence[tuple[UUID, int]]) -> None:
    """Let items pass that name each invoice once with an amount (AmountNotPositive, InvoiceTwice)."""
    if any(amount < 1 for _, amount in items):
        raise AmountNotPositive(field="items")
    if len({invoice_id for invoice_id, _ in items}) != len(items):
        raise InvoiceTwice(field="items")


def _check(
    amount_minor: int, wanted: Sequence[tuple[UUID, int]], received_on: date, reference: str, at: datetime
) -> None:
    if amount_minor < 1:
        raise AmountNotPositive(field="amount_minor")
    check_items(wanted)
    if sum(amount for _, amount in wanted) > amount_minor:
        raise MoreThanPaid(field="amount_minor")
    # East of here it may be tomorrow already.
    if received_on > (at + timedelta(days=1)).date():
        raise ReceivedInFuture(field="received_on")
    days.check_near(received_on, today=at.date(), field="received_on")
    errors = texts.text_errors("/reference", reference, REMITTANCE_LENGTH)
    if errors:
        raise Invalid(errors)


def _check_theirs(customer_id: UUID, invoice_ids: list[UUID]) -> None:
    if not Customer.objects.filter(pk=customer_id).exists():
        raise NotFound
    theirs = Invoice.objects.filter(pk__in=invoice_ids, customer_id=customer_id).exclude(
        status=Invoice.Status.DRAFT
    )
    if theirs.count() != len(invoice_ids):
        raise NotFound
