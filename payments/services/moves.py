"""What the use cases of payments share: locked rows, and a move with everything that hangs on it.

Lock order, everywhere: payment, its attempt, refund or dispute, then the customer's credit, then invoices by id.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.db.models import Sum

from billing.invoices.rules import local_day
from billing.issuer import queries as issuer
from billing.settlement import services as settlement
from core.actor import Actor
from core.errors import Conflict, NotFound
from outbound.webhooks import services as webhooks
from payments import rules
from payments.models import Attempt, Dispute, Payment, PaymentItem, PaymentNote, Refund
from tenancy.models import only

# A payment goes where its attempt goes.
_FOLLOWS = {
    Attempt.State.CREATED: Payment.State.PENDING,
    Attempt.State.OPEN: Payment.State.PENDING,
    Attempt.State.REQUIRES_ACTION: Payment.State.PENDING,
    Attempt.State.PROCESSING: Payment.State.PROCESSING,
    Attempt.State.UNKNOWN: Payment.State.UNKNOWN,
    Attempt.State.SUCCEEDED: Payment.State.SUCCEEDED,
    Attempt.State.FAILED: Payment.State.FAILED,
    Attempt.State.CANCELED: Payment.State.CANCELED,
    Attempt.State.HELD: Payment.State.HELD,
}


class PaymentMovedOn(Conflict):
    """This payment is no longer where that could be done."""

    code = "payment_moved_on"


def lock_payment(payment_id: UUID) -> Payment:
    """Lock a payment. Raises NotFound."""
    payment: Payment | None = only(Payment.objects.select_for_update(no_key=True).filter(pk=payment_id))
    if payment is None:
        raise NotFound
    return payment


def lock_attempt(attempt_id: UUID) -> tuple[Payment, Attempt]:
    """Lock an attempt after its payment. Raises NotFound."""
    payment_id = None
    while True:
        attempt = only(Attempt.objects.filter(pk=attempt_id).values_list("payment_id", flat=True))
        if attempt is None:
            raise NotFound
        payment_id = attempt
        payment = lock_payment(payment_id)
        locked: Attempt = Attempt.objects.select_for_update(no_key=True).get(pk=attempt_id)
        # Money that came a second time moves to a payment of its own; then its lock is asked for again.
        if locked.payment_id == payment_id:
            return payment, locked


def lock_refund(refund_id: UUID) -> tuple[Payment, Refund]:
    """Lock a refund after its payment. Raises NotFound."""
    payment_id = only(Refund.objects.filter(pk=refund_id).values_list("payment_id", flat=True))
    if payment_id is None:
        raise NotFound
    payment = lock_payment(payment_id)
    return payment, Refund.objects.select_for_update(no_key=True).get(pk=refund_id)


def items_of(payment_id: UUID) -> list[tuple[UUID, int]]:
    """Return what a payment is meant for: which invoice, how much, in the order it was asked for."""
    rows = PaymentItem.objects.filter(payment_id=payment_id).order_by("position")
    return list(rows.values_list("invoice_id", "amount_minor"))


def may_move(attempt: Attempt, to: str) -> bool:
    """Tell whether the table lets an attempt move there from where it stands."""
    return to in rules.ATTEMPT_MOVES[attempt.state]


def enter(payment: Payment, attempt: Attempt, to: str, *, at: datetime, ask_at: datetime | None) -> None:
    """Move a locked attempt, its payment with it, and the marks on its invoices; call it after settling.

    Raises:
        PaymentMovedOn: the table has no such move.
    """
    if to != attempt.state and not may_move(attempt, to):
        raise PaymentMovedOn
    live = _change(attempt.state, to, rules.LIVE_ATTEMPTS)
    on_its_way = _change(attempt.state, to, {Attempt.State.PROCESSING})
    attempt.state, attempt.ask_at, attempt.updated_at = Attempt.State(to), ask_at, at
    attempt.save(force_update=True)
    follow(payment, to, at=at)
    if live or on_its_way:
        invoices = [invoice_id for invoice_id, _ in items_of(payment.pk)]
        settlement.mark(invoice_ids=invoices, attempts=live, processing=on_its_way, at=at)


def follow(payment: Payment, to: str, *, at: datetime) -> None:
    """Let a payment go where its attempt went, unless it is further already or another attempt still runs."""
    state = _FOLLOWS[Attempt.State(to)]
    ended = to in (Attempt.State.FAILED, Attempt.State.CANCELED)
    another = ended and Attempt.objects.filter(payment=payment, state__in=rules.LIVE_ATTEMPTS).exists()
    if state in rules.PAYMENT_MOVES[payment.state] and not another:
        payment.state = state
    payment.updated_at = at
    payment.save(force_update=True)


def lost_minor(payment: Payment) -> int:
    """Return what lost disputes have taken of a payment, in minor units; it may be more than is left of it."""
    rows = Dispute.objects.filter(payment=payment, state=Dispute.State.LOST)
    return int(rows.aggregate(lost=Sum("amount_minor"))["lost"] or 0)


def count_lost(payment: Payment) -> None:
    """Count anew what of a locked payment is gone by disputes, after these or its refunds have changed.

    What was refunded too is gone twice; it is not counted twice. Once that refund fails, or is not agreed to, it is
    gone by the dispute: it must not be given back again.
    """
    if payment.account_id is None:
        return
    lost = lost_minor(payment)
    left = payment.captured_minor - payment.refunding_minor - payment.refunded_minor
    payment.reversed_minor = min(lost, left)
    over = lost > 0 and payment.reversed_minor + payment.refunded_minor == payment.captured_minor
    if payment.state in (Payment.State.SUCCEEDED, Payment.State.REVERSED):
        payment.state = Payment.State.REVERSED if over else Payment.State.SUCCEEDED


def today(at: datetime) -> date:
    """Return the day it is where the organization keeps its books."""
    return local_day(at, issuer.time_zone())


def tell(payment: Payment, what: str, *, invoices: Sequence[UUID] | None = None) -> None:
    """Publish what happened to a payment, such as `succeeded`, with its state and amounts as they now are."""
    if invoices is None:
        invoices = [invoice_id for invoice_id, _ in items_of(payment.pk)]
    webhooks.publish(
        type=f"payment.{what}",
        subject=("payment", payment.pk),
        data={
            "customer": payment.customer_id,
            "status": payment.state,
            "method": payment.method,
            "currency": payment.currency,
            "amount_minor": payment.amount_minor,
            "captured_minor": payment.captured_minor,
            "refunded_minor": payment.refunded_minor,
            "reversed_minor": payment.reversed_minor,
            "failure_code": payment.failure_code,
            "invoices": list(invoices),
        },
    )


def note(payment: Payment, kind: str, text: str, *, actor: Actor, at: datetime) -> None:
    """Keep somebody's words about a payment, encrypted; the trail holds none."""
    PaymentNote(
        payment=payment,
        customer_id=payment.customer_id,
        kind=kind,
        text=text.strip(),
        written_by=actor.id,
        at=at,
    ).save(force_insert=True)


def _change(before: str, after: str, among: "frozenset[str] | set[str]") -> int:
    return (after in among) - (before in among)
