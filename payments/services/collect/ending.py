"""Ending a payment by decision: one that is not wanted any more, and money that is not what was asked for.

Promise kept: held money goes one way. That it goes back is noted before the provider is asked, so that whoever decides
at the same moment, or after a process died in between, cannot also make it credit; and over their limit nobody gives
it back alone.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from audit import services as audit
from billing.invoices import rules as texts
from billing.ledger.rules import Account
from billing.settlement import services as settlement
from core import ids
from core.actor import Actor
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.money import Money
from payments import events, rules
from payments.gateways.base import Gateway, GatewayRefused, Outcome, OutcomeState, RefundAsk
from payments.models import Attempt, GatewayAccount, Payment, PaymentNote
from payments.services import accounts, allowance, moves
from payments.services.collect.asking import close_page
from payments.services.collect.bank import REASON_LENGTH, RECEIVED
from tenancy.context import Scope, scope, use_case
from tenancy.models import only

# Noted on a held payment from the moment its money may be on the way back.
_GOES_BACK = "goes_back"


class Resolution(StrEnum):
    """What becomes of money that is not what was asked for."""

    CREDIT = "credit"
    REFUND = "refund"
    # It is another payment's money, or none of ours.
    DISMISS = "dismiss"


class PaymentArrived(Conflict):
    """This payment arrived meanwhile. It can be refunded."""

    code = "payment_arrived"


class PaymentCannotBeStopped(Conflict):
    """This payment is on its way and cannot be stopped any more."""

    code = "payment_cannot_be_stopped"


class NothingKnownOfIt(Conflict):
    """The provider knows no money of its own under this payment; it can only be dismissed."""

    code = "nothing_known_of_it"


class GoesBackAlready(Conflict):
    """Somebody has begun to give this money back. It can only be given back to the end."""

    code = "goes_back_already"


class HeldOverLimit(Forbidden):
    """This is more than you give back alone. Keep it as credit, then refund it: a second person is asked there."""

    code = "held_over_limit"


def cancel(*, tenant_id: UUID, payment_id: UUID, actor: Actor, at: datetime) -> None:
    """Stop a payment that nobody has paid yet; call it outside any transaction.

    Raises:
        NotFound: there is no such payment.
        PaymentMovedOn: it has ended.
        PaymentCannotBeStopped: its money is on its way, or may be.
        PaymentArrived: it was paid before it could be stopped.
    """
    with scope(Scope(tenant_id)):
        if not Payment.objects.filter(pk=payment_id).exists():
            raise NotFound
        attempt = only(Attempt.objects.filter(payment_id=payment_id, state__in=rules.LIVE_ATTEMPTS))
    if attempt is None:
        raise moves.PaymentMovedOn
    close_page(tenant_id=tenant_id, attempt_id=attempt.pk, actor=actor, at=at)
    with scope(Scope(tenant_id)):
        after = Attempt.objects.get(pk=attempt.pk).state
    if after == Attempt.State.SUCCEEDED:
        raise PaymentArrived
    if after in rules.LIVE_ATTEMPTS:
        raise PaymentCannotBeStopped


def resolve_held(
    *, tenant_id: UUID, payment_id: UUID, how: Resolution, reason: str, actor: Actor, at: datetime
) -> None:
    """Decide about a held payment: the customer's credit, or back to its payer; call it outside any transaction.

    What came is asked of the provider once more: no amount is believed that somebody typed.

    Raises:
        NotFound: there is no such payment.
        PaymentMovedOn: it is not held.
        NothingKnownOfIt: there is no money that could be kept or given back.
        GoesBackAlready: it is to go another way than it has begun to.
        HeldOverLimit: more than this person gives back alone.
        Invalid: no reason, or one that cannot be kept.
        GatewayRefused, GatewayAway, GatewayUnsure: nothing is decided; deciding again is harmless.
    """
    errors = texts.text_errors("/reason", reason, REASON_LENGTH, required=True)
    if errors:
        raise Invalid(errors)
    with scope(Scope(tenant_id)):
        attempt, gateway = _held(payment_id)
    outcome = None
    if how is not Resolution.DISMISS:
        if not attempt.reference:
            raise NothingKnownOfIt
        outcome = gateway.look_up(attempt.reference)
        if outcome.state is not OutcomeState.SUCCEEDED:
            raise NothingKnownOfIt
    if how is Resolution.REFUND and outcome is not None:
        with scope(Scope(tenant_id)):
            begun = note_going_back(attempt_id=attempt.pk, amount=outcome.amount, actor=actor, at=at)
        _give_back(tenant_id, attempt, gateway, outcome, begun=begun)
    with scope(Scope(tenant_id)):
        decide(attempt_id=attempt.pk, how=how, outcome=outcome, reason=reason, actor=actor, at=at)


@use_case
def note_going_back(*, attempt_id: UUID, amount: Money, actor: Actor, at: datetime) -> bool:
    """Note that held money is about to go back; tell whether that had been begun before.

    Raises:
        PaymentMovedOn, HeldOverLimit.
    """
    payment, attempt = moves.lock_attempt(attempt_id)
    if attempt.state != Attempt.State.HELD or payment.state != Payment.State.HELD:
        raise moves.PaymentMovedOn
    if not allowance.is_within(payment, amount.amount_minor, actor=actor, at=at):
        raise HeldOverLimit
    begun = payment.failure_code == _GOES_BACK
    payment.failure_code, payment.updated_at = _GOES_BACK, at
    payment.save(update_fields=["failure_code", "updated_at"])
    return begun


@use_case
def note_staying(*, attempt_id: UUID) -> None:
    """Note that held money surely did not go back after all."""
    payment, _ = moves.lock_attempt(attempt_id)
    if payment.failure_code == _GOES_BACK:
        payment.failure_code = ""
        payment.save(update_fields=["failure_code"])


def _give_back(tenant_id: UUID, attempt: Attempt, gateway: Gateway, outcome: Outcome, *, begun: bool) -> None:
    outside = ids.encode("payment", attempt.payment_id)
    if begun and gateway.find_refund(payment=attempt.reference, refund=outside) is not None:
        # It went before, and whoever asked could not note it any more; the provider may have forgotten the key.
        return
    try:
        gateway.refund(
            RefundAsk(key=outside, payment=attempt.reference, amount=outcome.amount, refund=outside)
        )
    except GatewayRefused:
        if not begun:
            with scope(Scope(tenant_id)):
                note_staying(attempt_id=attempt.pk)
        raise


@use_case
def decide(
    *,
    attempt_id: UUID,
    how: Resolution,
    outcome: Outcome | None,
    reason: str,
    actor: Actor,
    at: datetime,
) -> None:
    """Carry out what was decided about a held payment.

    Raises:
        NotFound, PaymentMovedOn, GoesBackAlready.
    """
    payment, attempt = moves.lock_attempt(attempt_id)
    if attempt.state != Attempt.State.HELD or payment.state != Payment.State.HELD:
        raise moves.PaymentMovedOn
    if payment.failure_code == _GOES_BACK and how is not Resolution.REFUND:
        raise GoesBackAlready
    payment.failure_code = ""
    if how is Resolution.CREDIT and outcome is not None:
        payment.currency, payment.captured_minor = outcome.amount.currency, outcome.amount.amount_minor
        payment.state, payment.reference = Payment.State.SUCCEEDED, attempt.reference
        payment.succeeded_at, payment.received_on = at, moves.today(at)
        payment.save(force_update=True)
        settlement.settle(
            customer_id=payment.customer_id,
            currency=payment.currency,
            amount_minor=payment.captured_minor,
            wanted=[],
            payment_id=payment.pk,
            cash_account=Account.GATEWAY,
            kind=RECEIVED,
            booked_on=payment.received_on,
            actor=actor,
            at=at,
        )
        moves.enter(payment, attempt, Attempt.State.SUCCEEDED, at=at, ask_at=None)
        moves.tell(payment, "succeeded")
    else:
        moves.enter(payment, attempt, Attempt.State.CANCELED, at=at, ask_at=None)
    moves.note(payment, PaymentNote.Kind.RESOLVED, reason, actor=actor, at=at)
    audit.record(
        events.PAYMENT_RESOLVED, actor=actor, subject=("payment", payment.pk), facts={"how": how.value}
    )


def _held(payment_id: UUID) -> tuple[Attempt, Gateway]:
    payment = only(Payment.objects.filter(pk=payment_id))
    if payment is None:
        raise NotFound
    attempt = only(Attempt.objects.filter(payment=payment, state=Attempt.State.HELD))
    if payment.state != Payment.State.HELD or attempt is None:
        raise moves.PaymentMovedOn
    return attempt, accounts.for_account(GatewayAccount.objects.get(pk=attempt.account_id))
