"""Money that would leave twice: by a dispute that was lost and a refund beside it."""

from datetime import timedelta

import pytest

from accounts.services import approvals
from billing.ledger import queries as books
from core.money import Money
from payments.services import disputes, refunds
from tenancy import context
from tests.make import accounts as people
from tests.make import billing as bill
from tests.make import payments as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books(in_a):
    yield
    assert books.check() == []


def ask(payment, amount, *, actor=make.ACTOR):
    return refunds.ask(payment_id=payment.pk, amount_minor=amount, reason="", actor=actor, at=make.AT)


def say(payment, state, **more):
    facts = make.dispute_says(payment, state, **more)
    return disputes.apply_facts(facts=facts, actor=make.ACTOR, at=make.AT)


def amounts(payment):
    payment = make.fresh(payment)
    return payment.state, payment.refunding_minor, payment.refunded_minor, payment.reversed_minor


@pytest.fixture
def waiting(in_a):
    """A refund of 60 of 100 that waits for a second person, while its payer went to their bank for all 100."""
    payment = make.card_payment(bill.finalized())
    refund = ask(payment, 6_000, actor=people.actor(people.member("billing_clerk", at=make.AT).user))
    say(payment, "lost")
    return payment, refund


def approver():
    return people.actor(people.member("approver", at=make.AT).user)


def test_what_a_dispute_took_is_not_approved_to_go_back_as_well(waiting):
    payment, refund = waiting
    with pytest.raises(refunds.RefundExceedsPayment), context.attempt():
        approvals.approve(request_id=refund.approval_id, actor=approver(), at=make.AT)
    assert make.fresh(refund).state == "pending_approval"
    assert amounts(payment) == ("succeeded", 6_000, 0, 4_000)


def test_what_a_declined_request_sets_free_is_gone_with_the_dispute(waiting):
    payment, refund = waiting
    approvals.decline(request_id=refund.approval_id, actor=approver(), at=make.AT)
    assert make.fresh(refund).state == "declined"
    assert amounts(payment) == ("reversed", 0, 0, 10_000)
    with pytest.raises(refunds.PaymentNotRefundable), context.attempt():
        ask(payment, 6_000)


def test_what_a_failed_refund_sets_free_is_gone_with_the_dispute(in_a):
    payment = make.card_payment(bill.finalized())
    refund = ask(payment, 6_000)
    say(payment, "lost", amount=Money(7_000, "EUR"))
    assert amounts(payment) == ("succeeded", 6_000, 0, 4_000)
    refunds.apply(
        refund_id=refund.pk, outcome=make.refund_says(refund, "failed"), actor=make.ACTOR, at=make.AT
    )
    assert amounts(payment) == ("succeeded", 0, 0, 7_000)
    with pytest.raises(refunds.RefundExceedsPayment), context.attempt():
        ask(payment, 3_001)
    ask(payment, 3_000)
    # The bank changes its mind: what it gives back is here again, once.
    say(payment, "won", amount=Money(7_000, "EUR"))
    assert amounts(payment) == ("succeeded", 3_000, 0, 0)


def test_what_was_lost_after_a_refund_left_is_counted_when_the_refund_returns(in_a):
    payment = make.card_payment(bill.finalized())
    refund = ask(payment, 6_000)
    refunds.apply(refund_id=refund.pk, outcome=make.refund_says(refund), actor=make.ACTOR, at=make.AT)
    say(payment, "lost")
    assert amounts(payment) == ("reversed", 0, 6_000, 4_000)
    refunds.apply(
        refund_id=refund.pk, outcome=make.refund_says(refund, "failed"), actor=make.ACTOR, at=make.AT
    )
    assert amounts(payment) == ("reversed", 0, 0, 10_000)


def test_no_refund_has_left_the_bank_on_a_day_that_has_not_come(in_a):
    payment = make.bank_payment(bill.finalized())
    refund = ask(payment, 4_000)
    with pytest.raises(refunds.PaidOutInFuture), context.attempt():
        day = make.AT.date() + timedelta(days=2)
        refunds.record_payout(refund_id=refund.pk, paid_on=day, actor=make.ACTOR, at=make.AT)
    assert (make.fresh(refund).state, amounts(payment)) == ("pending", ("succeeded", 4_000, 0, 0))
