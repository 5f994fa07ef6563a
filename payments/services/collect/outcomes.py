"""What the provider says happened, applied: once, in any order, and only when it is what we asked for.

Promises kept: money that came is never lost and never refused; nothing settles that differs in attempt, amount or
currency; a second payment of the same thing is the customer's credit.
"""

from datetime import datetime
from uuid import UUID

from audit import services as audit
from billing.ledger.rules import Account
from billing.settlement import services as settlement
from core import ids
from core.actor import Actor
from core.money import Money
from payments import events, rules
from payments.gateways.base import Outcome, OutcomeState
from payments.models import Attempt, PageAsk, Payment
from payments.services import methods, moves, sending, soon
from payments.services.collect.bank import RECEIVED, keep_items
from tenancy.context import use_case

_TOLD = {
    Attempt.State.PROCESSING: (events.PAYMENT_PROCESSING, "processing"),
    Attempt.State.FAILED: (events.PAYMENT_FAILED, "failed"),
    Attempt.State.CANCELED: (events.PAYMENT_CANCELED, ""),
    Attempt.State.REQUIRES_ACTION: (events.PAYMENT_NEEDS_PAYER, ""),
    Attempt.State.OPEN: (events.PAYMENT_OPENED, ""),
}


@use_case
def apply_outcome(*, attempt_id: UUID, outcome: Outcome, actor: Actor, at: datetime) -> None:
    """Apply what the provider says of an attempt, however often and in whatever order it says it.

    Raises:
        NotFound: there is no such attempt.
    """
    payment, attempt = moves.lock_attempt(attempt_id)
    if not _is_what_we_asked(payment, attempt, outcome):
        _hold(payment, attempt, outcome, actor, at)
        return
    to = _target(attempt, outcome, at)
    if outcome.state is OutcomeState.FAILED and to is None and attempt.state == Attempt.State.OPEN:
        _note_decline(payment, attempt, outcome, actor, at)
    if to is None or to == attempt.state or not moves.may_move(attempt, to):
        return
    payment = _of_its_own(payment, attempt, to, actor, at)
    _take_over(attempt, outcome)
    if to == Attempt.State.SUCCEEDED:
        _succeed(payment, attempt, outcome, actor, at)
    else:
        _go_on(payment, attempt, to, outcome, actor, at)


def is_page_open(attempt: Attempt, at: datetime) -> bool:
    """Tell whether a payer may still pay on the attempt's page."""
    expires_at = attempt.page_expires_at
    return attempt.state == Attempt.State.OPEN and (expires_at is None or expires_at > at)


def _is_what_we_asked(payment: Payment, attempt: Attempt, outcome: Outcome) -> bool:
    if outcome.attempt != ids.encode("attempt", attempt.pk):
        return False
    if outcome.amount != Money(payment.amount_minor, payment.currency):
        return False
    if attempt.reference and attempt.reference != outcome.reference:
        # A page names itself until money is tried on it; money of another name is other money.
        return outcome.state is not OutcomeState.SUCCEEDED
    known = Attempt.objects.filter(account_id=attempt.account_id, reference=outcome.reference)
    return not outcome.reference or not known.exclude(pk=attempt.pk).exists()


def _target(attempt: Attempt, outcome: Outcome, at: datetime) -> str | None:
    """Return where an outcome takes an attempt; None where it says nothing new."""
    match outcome.state:
        case OutcomeState.OPEN:
            # A page there is; an attempt that ended here is not opened again by it.
            return _waiting(attempt)
        case OutcomeState.REQUIRES_ACTION:
            # On a page the payer is asked right there; without one they have to be fetched.
            return Attempt.State.REQUIRES_ACTION if attempt.saved_method_id else _waiting(attempt)
        case OutcomeState.FAILED:
            # A card that was declined is not the end: the page takes another one.
            return None if is_page_open(attempt, at) else Attempt.State.FAILED
        case OutcomeState.PROCESSING:
            return Attempt.State.PROCESSING
        case OutcomeState.SUCCEEDED:
            return Attempt.State.SUCCEEDED
        case OutcomeState.CANCELED:
            return Attempt.State.CANCELED


def _waiting(attempt: Attempt) -> str | None:
    waits = attempt.state in (Attempt.State.CREATED, Attempt.State.UNKNOWN)
    return Attempt.State.OPEN if waits and attempt.checkout_reference else None


def _of_its_own(payment: Payment, attempt: Attempt, to: str, actor: Actor, at: datetime) -> Payment:
    """Give an attempt a payment of its own where another attempt has taken its place: one money, one payment."""
    taken = payment.state in (Payment.State.SUCCEEDED, Payment.State.REVERSED, Payment.State.HELD)
    others = Attempt.objects.filter(payment=payment).exclude(pk=attempt.pk)
    revived = attempt.state not in rules.LIVE_ATTEMPTS and to in rules.LIVE_ATTEMPTS
    displaced = revived and others.filter(state__in=rules.LIVE_ATTEMPTS).exists()
    money = to in (Attempt.State.SUCCEEDED, Attempt.State.PROCESSING, Attempt.State.HELD)
    if not (displaced or (taken and money and attempt.state != Attempt.State.HELD)):
        return payment
    was_live = attempt.state in rules.LIVE_ATTEMPTS
    was_on_its_way = attempt.state == Attempt.State.PROCESSING
    items = moves.items_of(payment.pk)
    if was_live:
        # The credit before the invoices, as everywhere.
        settlement.lock_money(
            customer_id=payment.customer_id,
            currency=payment.currency,
            booked_on=moves.today(at),
            actor=actor,
            at=at,
        )
        settlement.mark(
            invoice_ids=[invoice_id for invoice_id, _ in items],
            attempts=-1,
            processing=-int(was_on_its_way),
            at=at,
        )
        attempt.state = Attempt.State.CANCELED
    own = Payment(
        customer_id=payment.customer_id,
        account_id=payment.account_id,
        state=Payment.State.CANCELED,
        method=payment.method,
        source=payment.source,
        currency=payment.currency,
        amount_minor=payment.amount_minor,
        created_at=at,
        updated_at=at,
    )
    own.save(force_insert=True)
    # What the first one paid is not paid again: without items it becomes credit.
    if payment.state not in (Payment.State.SUCCEEDED, Payment.State.REVERSED):
        keep_items(own, items)
    attempt.payment, attempt.number = own, 1
    attempt.save(force_update=True)
    audit.record(
        events.PAYMENT_DOUBLED, actor=actor, subject=("payment", own.pk), facts={"first": str(payment.pk)}
    )
    return own


def _take_over(attempt: Attempt, outcome: Outcome) -> None:
    if outcome.reference and outcome.reference != attempt.checkout_reference:
        attempt.reference = outcome.reference
    attempt.failure_code = outcome.code


def _take_method(payment: Payment, outcome: Outcome) -> None:
    """Note what is really paid with: a page takes more than was expected when it was asked for."""
    if outcome.method is None:
        return
    if outcome.method.kind in Payment.Method.values:
        payment.method = Payment.Method(outcome.method.kind)
    payment.brand, payment.last4 = outcome.method.brand, outcome.method.last4


def _succeed(payment: Payment, attempt: Attempt, outcome: Outcome, actor: Actor, at: datetime) -> None:
    payment.captured_minor = payment.amount_minor
    payment.state = Payment.State.SUCCEEDED
    payment.reference, payment.failure_code = attempt.reference, ""
    payment.succeeded_at, payment.received_on = at, moves.today(at)
    _take_method(payment, outcome)
    payment.save(force_update=True)
    items = moves.items_of(payment.pk)
    settled = settlement.settle(
        customer_id=payment.customer_id,
        currency=payment.currency,
        amount_minor=payment.captured_minor,
        wanted=items,
        payment_id=payment.pk,
        cash_account=Account.GATEWAY,
        kind=RECEIVED,
        booked_on=payment.received_on,
        actor=actor,
        at=at,
    )
    moves.enter(payment, attempt, Attempt.State.SUCCEEDED, at=at, ask_at=None)
    audit.record(
        events.PAYMENT_SUCCEEDED,
        actor=actor,
        subject=("payment", payment.pk),
        facts={"to_credit": bool(settled.credit_minor)},
    )
    moves.tell(payment, "succeeded", invoices=[invoice_id for invoice_id, _ in items])
    if attempt.save_method and outcome.method is not None:
        methods.keep(attempt=attempt, method=outcome.method, actor=actor, at=at)
    # Not before: with it stands what the payer agreed to.
    _forget_page(attempt)
    soon.close_superseded()


def _go_on(payment: Payment, attempt: Attempt, to: str, outcome: Outcome, actor: Actor, at: datetime) -> None:
    ended = to in (Attempt.State.FAILED, Attempt.State.CANCELED)
    payment.failure_code = outcome.code if to == Attempt.State.FAILED else ""
    if to == Attempt.State.FAILED:
        attempt.declines += 1
    if to == Attempt.State.PROCESSING:
        _take_method(payment, outcome)
    attempt.asked = 0
    ask_at = None if ended else at + rules.pause(attempt.asked)
    moves.enter(payment, attempt, to, at=at, ask_at=ask_at)
    if ended:
        _forget_page(attempt)
    event, told = _TOLD[Attempt.State(to)]
    audit.record(event, actor=actor, subject=("payment", payment.pk), facts={"code": outcome.code})
    if told and payment.state == to:
        moves.tell(payment, told)
    if to in (Attempt.State.FAILED, Attempt.State.REQUIRES_ACTION):
        tell_payer(payment, outcome.code, actor, at)


def tell_payer(payment: Payment, code: str, actor: Actor, at: datetime) -> None:
    """Write to a payer who is not there that what was collected by itself did not go through, with a way to pay."""
    if payment.source == Payment.Source.AUTOPAY:
        sending.ask_payer(payment_id=payment.pk, code=code, actor=actor, at=at)


def _note_decline(payment: Payment, attempt: Attempt, outcome: Outcome, actor: Actor, at: datetime) -> None:
    attempt.declines += 1
    attempt.failure_code = outcome.code
    attempt.updated_at = at
    attempt.save(force_update=True)
    audit.record(
        events.PAYMENT_DECLINED, actor=actor, subject=("payment", payment.pk), facts={"code": outcome.code}
    )


def _hold(payment: Payment, attempt: Attempt, outcome: Outcome, actor: Actor, at: datetime) -> None:
    """Keep money apart that is not what we asked for; anything else that differs is only noted."""
    came = outcome.state is OutcomeState.SUCCEEDED and moves.may_move(attempt, Attempt.State.HELD)
    if not came:
        if attempt.state != Attempt.State.HELD:
            audit.record(
                events.PAYMENT_DIFFERS, actor=actor, subject=("payment", payment.pk), result="refused"
            )
        return
    payment = _of_its_own(payment, attempt, Attempt.State.HELD, actor, at)
    if not Attempt.objects.filter(account_id=attempt.account_id, reference=outcome.reference).exists():
        attempt.reference = outcome.reference
    moves.enter(payment, attempt, Attempt.State.HELD, at=at, ask_at=None)
    _forget_page(attempt)
    asked = ids.encode("attempt", attempt.pk)
    audit.record(
        events.PAYMENT_HELD,
        actor=actor,
        subject=("payment", payment.pk),
        facts={
            "attempt_differs": outcome.attempt != asked,
            "amount_differs": outcome.amount.amount_minor != payment.amount_minor,
            "currency_differs": outcome.amount.currency != payment.currency,
        },
        result="refused",
    )
    moves.tell(payment, "held")


def _forget_page(attempt: Attempt) -> None:
    """Drop where the payer was to return to: it may be their link."""
    PageAsk.objects.filter(attempt=attempt).delete()
    if attempt.page_url is not None:
        attempt.page_url = None
        attempt.save(update_fields=["page_url"])
