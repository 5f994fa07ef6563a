"""Giving money back, the way it came.

Promises kept: the row stands and the amount is reserved before anybody is asked, under the payment's lock, so that more
never leaves than came; the row's id is the key of the call, however often it is made; above somebody's limit, counted
over the payment and over the customer's day (payments/services/allowance), a second person decides.
"""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import ApprovalRequest
from accounts.services import approvals
from audit import services as audit
from billing.invoices import rules as texts
from billing.ledger import services as ledger
from billing.ledger.rules import Account
from billing.settlement import services as settlement
from core import days, ids, states
from core.actor import Actor
from core.errors import Conflict, Invalid, Refusal
from outbound.webhooks import services as webhooks
from payments import events, rules
from payments.gateways.base import RefundOutcome, RefundState
from payments.models import Dispute, Payment, Refund
from payments.services import allowance, holds, moves, soon
from tenancy.context import use_case

KIND = "refund_over_limit"
LEFT, CAME_BACK = "refund", "refund_returned"
REASON_LENGTH = 500


class RefundExceedsPayment(Refusal):
    """More would go back than came and is still here."""

    code = "refund_exceeds_payment"


class PaymentNotRefundable(Conflict):
    """Only a payment that has arrived can be refunded."""

    code = "payment_not_refundable"


class PaymentDisputed(Conflict):
    """This payment is disputed: its money is with the bank, and must not go back twice."""

    code = "payment_disputed"


class RefundMovedOn(Conflict):
    """This refund is no longer where that could be done."""

    code = "refund_moved_on"


class AmountsMovedOn(Conflict):
    """Something of this payment was given back meanwhile. Look at the amounts again."""

    code = "amounts_moved_on"


class PaidOutInFuture(Refusal):
    """A refund cannot have left the bank on a day that has not come."""

    code = "paid_out_in_future"


class NotPaidByHand(Conflict):
    """Only the refund of a bank payment is paid out by hand; the provider sends the others."""

    code = "not_paid_by_hand"


@use_case
def ask(
    *,
    payment_id: UUID,
    amount_minor: int,
    reason: str,
    actor: Actor,
    at: datetime,
    reason_code: str = Refund.ReasonCode.OTHER,
    seen_minor: int | None = None,
    credit_note_id: UUID | None = None,
) -> Refund:
    """Ask for money back: reserved at once, sent after the commit, or waiting for a second person.

    `seen_minor` is what had been given back or promised of the payment when somebody decided, so that a page that is
    sent twice gives nothing back twice. `credit_note_id` is the credit note that has promised this amount.

    Raises:
        NotFound: there is no such payment.
        RefundExceedsPayment, PaymentNotRefundable, PaymentDisputed, AmountsMovedOn, holds.PayoutsHeld.
        Invalid: a reason that cannot be kept.
        approvals.OnlyPeopleAsk: over the limit of somebody who is nobody.
    """
    errors = texts.text_errors("/reason", reason, REASON_LENGTH)
    if errors:
        raise Invalid(errors)
    holds.refuse_if_held(("payment", payment_id))
    payment = moves.lock_payment(payment_id)
    if payment.state != Payment.State.SUCCEEDED:
        raise PaymentNotRefundable
    if seen_minor not in (None, payment.refunding_minor + payment.refunded_minor):
        raise AmountsMovedOn
    _check_room(payment, amount_minor)
    waits = not allowance.is_within(payment, amount_minor, actor=actor, at=at)
    refund = Refund(
        payment=payment,
        customer_id=payment.customer_id,
        state=Refund.State.PENDING_APPROVAL if waits else Refund.State.PENDING,
        credit_note_id=credit_note_id,
        promised_minor=0 if credit_note_id is None else amount_minor,
        currency=payment.currency,
        amount_minor=amount_minor,
        reason_code=Refund.ReasonCode(reason_code),
        reason=reason.strip() or None,
        requested_by=actor.id,
        ask_at=None if waits or _is_by_hand(payment) else at,
        created_at=at,
        updated_at=at,
    )
    if waits:
        refund.approval_id = approvals.request(
            kind=KIND,
            payload={"refund": str(refund.pk)},
            subject=("refund", refund.pk),
            reason=reason.strip(),
            actor=actor,
            at=at,
        ).pk
    refund.save(force_insert=True)
    payment.refunding_minor += amount_minor
    payment.updated_at = at
    payment.save(update_fields=["refunding_minor", "updated_at"])
    audit.record(events.REFUND_REQUESTED, actor=actor, subject=("refund", refund.pk), facts={"waits": waits})
    tell(refund, "requested" if waits else "pending")
    soon.send_refunds()
    return refund


@use_case
def apply(*, refund_id: UUID, outcome: RefundOutcome, actor: Actor, at: datetime) -> None:
    """Apply what the provider says of a refund, however often and in whatever order it says it.

    Raises:
        NotFound: there is no such refund.
    """
    payment, refund = moves.lock_refund(refund_id)
    if not _is_what_we_asked(payment, refund, outcome):
        audit.record(events.REFUND_DIFFERS, actor=actor, subject=("refund", refund.pk), result="refused")
        return
    to = {
        RefundState.PENDING: Refund.State.SENT,
        RefundState.SUCCEEDED: Refund.State.SUCCEEDED,
        RefundState.FAILED: Refund.State.FAILED,
        RefundState.CANCELED: Refund.State.FAILED,
    }[outcome.state]
    if to not in rules.REFUND_MOVES[refund.state]:
        return
    refund.reference = outcome.reference
    if to == Refund.State.SUCCEEDED:
        day = moves.today(at)
        succeed(payment, refund, cash_account=Account.GATEWAY, booked_on=day, actor=actor, at=at)
    elif to == Refund.State.FAILED:
        fail(payment, refund, code=outcome.code or outcome.state.value, actor=actor, at=at)
    else:
        refund.asked = 0
        move(refund, Refund.State.SENT, at=at, ask_at=at + rules.pause(refund.asked))
        audit.record(events.REFUND_SENT, actor=actor, subject=("refund", refund.pk))


@use_case
def record_payout(*, refund_id: UUID, paid_on: date, actor: Actor, at: datetime) -> Refund:
    """Record that the refund of a bank payment has left the bank.

    Raises:
        NotFound: there is no such refund.
        NotPaidByHand: the provider sends this one.
        RefundMovedOn: it waits for approval, or has ended.
        DayOutOfRange, PaidOutInFuture.
        PeriodClosed, holds.PayoutsHeld: the books of that month are closed, or no money leaves for now.
    """
    holds.refuse_if_held(("refund", refund_id))
    days.check(paid_on, field="paid_on")
    ledger.require_open(paid_on, at=at, field="paid_on")
    # East of here it may be tomorrow already.
    if paid_on > (at + timedelta(days=1)).date():
        raise PaidOutInFuture(field="paid_on")
    payment, refund = moves.lock_refund(refund_id)
    if not _is_by_hand(payment):
        raise NotPaidByHand
    if refund.state != Refund.State.PENDING:
        raise RefundMovedOn
    succeed(payment, refund, cash_account=Account.BANK, booked_on=paid_on, actor=actor, at=at)
    return refund


@use_case
def cancel(*, refund_id: UUID, actor: Actor, at: datetime) -> Refund:
    """Give up the refund of a bank payment that has not left yet.

    Raises:
        NotFound: there is no such refund.
        NotPaidByHand: the provider may have sent it already.
        RefundMovedOn: it waits for approval, or has ended.
    """
    payment, refund = moves.lock_refund(refund_id)
    if not _is_by_hand(payment):
        raise NotPaidByHand
    if refund.state != Refund.State.PENDING:
        raise RefundMovedOn
    _release(payment, refund, at)
    _keep_promise(refund, actor, at)
    move(refund, Refund.State.CANCELED, at=at)
    audit.record(events.REFUND_CANCELED, actor=actor, subject=("refund", refund.pk))
    return refund


def approved(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> Refund:
    """Let a refund go that a second person has agreed to (called by the approval, in its transaction).

    Raises:
        PaymentDisputed, RefundExceedsPayment, holds.PayoutsHeld.
    """
    holds.refuse_if_held(("refund", UUID(str(payload["refund"]))))
    payment, refund = moves.lock_refund(UUID(str(payload["refund"])))
    if _is_disputed(payment):
        raise PaymentDisputed
    here = payment.captured_minor - payment.refunded_minor - moves.lost_minor(payment)
    if payment.refunding_minor > here:
        raise RefundExceedsPayment
    by_hand = _is_by_hand(payment)
    move(refund, Refund.State.PENDING, at=at, ask_at=None if by_hand else at)
    audit.record(events.REFUND_APPROVED, actor=actor, subject=("refund", refund.pk))
    tell(refund, "approved")
    soon.send_refunds()
    return refund


def withdrawn(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    """Set the amount free again of which nobody agreed that it leaves (declined, withdrawn or expired)."""
    payment, refund = moves.lock_refund(UUID(str(payload["refund"])))
    _release(payment, refund, at)
    _keep_promise(refund, actor, at)
    move(refund, Refund.State.DECLINED, at=at)
    audit.record(
        events.REFUND_DECLINED, actor=actor, subject=("refund", refund.pk), facts={"how": request.state}
    )
    tell(refund, "declined")


def register() -> None:
    """Make refunds above a limit known to the approvals; called when the app is ready."""
    approvals.register(approvals.Kind(code=KIND, execute=approved, withdrawn=withdrawn))


def succeed(
    payment: Payment,
    refund: Refund,
    *,
    cash_account: str,
    booked_on: date,
    actor: Actor,
    at: datetime,
) -> None:
    """Book a locked refund that has left."""
    settlement.refund_out(
        customer_id=payment.customer_id,
        currency=payment.currency,
        payment_id=payment.pk,
        amount_minor=refund.amount_minor,
        cash_account=cash_account,
        kind=LEFT,
        source_id=refund.pk,
        booked_on=booked_on,
        actor=actor,
        at=at,
        is_promised=refund.credit_note_id is not None,
    )
    payment.refunding_minor -= refund.amount_minor
    payment.refunded_minor += refund.amount_minor
    moves.count_lost(payment)
    payment.updated_at = at
    payment.save(update_fields=["state", "refunding_minor", "refunded_minor", "reversed_minor", "updated_at"])
    refund.succeeded_at, refund.failure_code = at, ""
    move(refund, Refund.State.SUCCEEDED, at=at)
    audit.record(events.REFUND_SUCCEEDED, actor=actor, subject=("refund", refund.pk))
    tell(refund, "succeeded")


def fail(payment: Payment, refund: Refund, *, code: str, actor: Actor, at: datetime) -> None:
    """Set a locked refund's amount free again; one that had left is booked back."""
    if refund.state == Refund.State.SUCCEEDED:
        settlement.refund_back(
            customer_id=payment.customer_id,
            currency=payment.currency,
            payment_id=payment.pk,
            source_id=refund.pk,
            kind=LEFT,
            returned_kind=CAME_BACK,
            booked_on=moves.today(at),
            actor=actor,
            at=at,
        )
        payment.refunded_minor -= refund.amount_minor
        moves.count_lost(payment)
        payment.updated_at = at
        payment.save(update_fields=["state", "refunded_minor", "reversed_minor", "updated_at"])
    else:
        _release(payment, refund, at)
    _keep_promise(refund, actor, at)
    refund.failure_code = code
    move(refund, Refund.State.FAILED, at=at)
    audit.record(
        events.REFUND_FAILED,
        actor=actor,
        subject=("refund", refund.pk),
        facts={"code": code},
        result="failed",
    )
    tell(refund, "failed")


def move(refund: Refund, to: str, *, at: datetime, ask_at: datetime | None = None) -> None:
    """Move a locked refund. Raises RefundMovedOn when the table has no such move."""
    refund.state = states.move(rules.REFUND_MOVES, refund.state, to=to, refusal=RefundMovedOn)
    refund.ask_at, refund.updated_at = ask_at, at
    refund.save(force_update=True)


def tell(refund: Refund, what: str) -> None:
    """Publish what happened to a refund."""
    webhooks.publish(
        type=f"refund.{what}",
        subject=("refund", refund.pk),
        data={
            "payment": refund.payment_id,
            "customer": refund.customer_id,
            "status": refund.state,
            "currency": refund.currency,
            "amount_minor": refund.amount_minor,
            "reason_code": refund.reason_code,
            "credit_note": refund.credit_note_id,
            "failure_code": refund.failure_code,
        },
    )


def _check_room(payment: Payment, amount_minor: int) -> None:
    gone = payment.refunding_minor + payment.refunded_minor + payment.reversed_minor
    if amount_minor < 1 or amount_minor > payment.captured_minor - gone:
        raise RefundExceedsPayment(field="amount_minor")
    if _is_disputed(payment):
        raise PaymentDisputed


def _is_disputed(payment: Payment) -> bool:
    return Dispute.objects.filter(
        payment=payment, state__in=[Dispute.State.NEEDS_RESPONSE, Dispute.State.UNDER_REVIEW]
    ).exists()


def _is_by_hand(payment: Payment) -> bool:
    return payment.account_id is None


def _is_what_we_asked(payment: Payment, refund: Refund, outcome: RefundOutcome) -> bool:
    return (
        outcome.refund == ids.encode("refund", refund.pk)
        and outcome.payment == payment.reference
        and (outcome.amount.amount_minor, outcome.amount.currency) == (refund.amount_minor, refund.currency)
        and refund.reference in ("", outcome.reference)
    )


def _keep_promise(refund: Refund, actor: Actor, at: datetime) -> None:
    """What a credit note promised back and did not arrive stays the customer's: it becomes credit."""
    if refund.credit_note_id is None:
        return
    settlement.refund_to_credit(
        customer_id=refund.customer_id,
        currency=refund.currency,
        payment_id=refund.payment_id,
        credit_note_id=refund.credit_note_id,
        amount_minor=refund.promised_minor,
        source_id=refund.pk,
        booked_on=moves.today(at),
        actor=actor,
        at=at,
    )


def _release(payment: Payment, refund: Refund, at: datetime) -> None:
    payment.refunding_minor -= refund.amount_minor
    moves.count_lost(payment)
    payment.updated_at = at
    payment.save(update_fields=["state", "refunding_minor", "reversed_minor", "updated_at"])
