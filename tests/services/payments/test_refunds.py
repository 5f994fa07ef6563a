"""Refunds: never more than came, never twice, above a limit only with a second person."""

from datetime import timedelta

import pytest

from accounts.models import ApprovalRequest
from accounts.services import approvals
from billing.ledger import queries as books
from billing.settlement import queries as settlement
from core.errors import Invalid, NotFound
from payments.models import Refund
from payments.services import disputes, refunds
from tenancy import context
from tests.make import accounts as people
from tests.make import billing as bill
from tests.make import payments as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books(in_a):
    """After every test of this file the books are proved anew."""
    yield
    assert books.check() == []


@pytest.fixture
def clerk(in_a):
    """A clerk may refund nothing alone."""
    return people.actor(people.member("billing_clerk", at=make.AT).user)


@pytest.fixture
def approver(in_a):
    return people.actor(people.member("approver", at=make.AT).user)


def ask(payment, amount, *, actor=make.ACTOR, at=make.AT, **more):
    return refunds.ask(
        payment_id=payment.pk, amount_minor=amount, reason=more.pop("reason", ""), actor=actor, at=at, **more
    )


def apply(refund, /, state="succeeded", **more):
    outcome = make.refund_says(refund, state, **more)
    refunds.apply(refund_id=refund.pk, outcome=outcome, actor=make.ACTOR, at=make.AT)
    return make.fresh(refund)


def amounts(payment):
    payment = make.fresh(payment)
    return payment.refunding_minor, payment.refunded_minor


def ledger(account):
    from billing.ledger.models import LedgerEntry

    return sum(LedgerEntry.objects.filter(account=account).values_list("amount_minor", flat=True))


def test_half_is_refunded_and_the_invoice_stays_paid(in_a):
    invoice = bill.finalized()
    payment = make.card_payment(invoice)
    refund = ask(payment, 5_000, reason="One of the two was missing", reason_code="not_delivered")
    assert (refund.state, amounts(payment)) == ("pending", (5_000, 0))
    refund = apply(refund)
    assert (refund.state, amounts(payment)) == ("succeeded", (0, 5_000))
    assert make.fresh(invoice).payment_status == "paid"
    assert (ledger("gateway"), ledger("refunds"), ledger("receivable")) == (5_000, 5_000, 0)
    assert make.events_of(refund.pk) == ["refund.requested", "refund.succeeded"]
    assert apply(refund).state == "succeeded"
    assert amounts(payment) == (0, 5_000)


def test_credit_that_the_payment_left_goes_back_first(in_a):
    invoice = bill.finalized()
    payment = make.bank_payment(invoice, amount_minor=13_000)
    refund = ask(payment, 4_000)
    refunds.record_payout(refund_id=refund.pk, paid_on=make.AT.date(), actor=make.ACTOR, at=make.AT)
    assert settlement.credit(customer_id=invoice.customer_id) == {}
    assert (ledger("bank"), ledger("refunds"), ledger("customer_credit")) == (9_000, 1_000, 0)


@pytest.mark.parametrize("amount", [0, -1, 10_001])
def test_more_than_came_is_refused_and_reserves_nothing(in_a, amount):
    payment = make.card_payment(bill.finalized())
    with pytest.raises(refunds.RefundExceedsPayment) as refused, context.attempt():
        ask(payment, amount)
    assert (refused.value.code, refused.value.status, refused.value.field) == (
        "refund_exceeds_payment", 422, "amount_minor",
    )  # fmt: skip
    assert (amounts(payment), Refund.objects.count()) == ((0, 0), 0)


def test_what_waits_counts_against_the_payment(in_a, clerk):
    payment = make.card_payment(bill.finalized())
    assert ask(payment, 6_000, actor=clerk).state == "pending_approval"
    with pytest.raises(refunds.RefundExceedsPayment), context.attempt():
        ask(payment, 6_000, actor=clerk)
    assert amounts(payment) == (6_000, 0)


def test_a_reason_with_a_card_number_is_refused(in_a):
    payment = make.card_payment(bill.finalized())
    with pytest.raises(Invalid), context.attempt():
        ask(payment, 100, reason="Card 4242 4242 4242 4242")
    assert Refund.objects.count() == 0


def test_only_what_arrived_is_refunded(in_a):
    attempt = make.started(bill.finalized())
    with pytest.raises(refunds.PaymentNotRefundable), context.attempt():
        ask(attempt.payment, 100)
    with pytest.raises(NotFound), context.attempt():
        refunds.ask(payment_id=attempt.pk, amount_minor=1, reason="", actor=make.ACTOR, at=make.AT)
    assert Refund.objects.count() == 0


# --- The end of a refund ----------------------------------------------------------------------------


def test_a_refund_that_failed_sets_its_amount_free(in_a):
    payment = make.card_payment(bill.finalized())
    refund = apply(ask(payment, 5_000), "failed", code="expired_or_canceled_card")
    assert (refund.state, refund.failure_code, amounts(payment)) == (
        "failed", "expired_or_canceled_card", (0, 0),
    )  # fmt: skip
    assert make.events_of(refund.pk) == ["refund.requested", "refund.failed"]


def test_a_refund_that_came_back_weeks_later_is_booked_back(in_a):
    invoice = bill.finalized()
    payment = make.card_payment(invoice)
    refund = apply(apply(ask(payment, 5_000), "pending"))
    refund = apply(refund, "failed", code="account_closed")
    assert (refund.state, amounts(payment)) == ("failed", (0, 0))
    assert (ledger("gateway"), ledger("refunds")) == (10_000, 0)
    assert apply(refund).state == "failed"
    assert make.events_of(refund.pk) == [
        "refund.requested", "refund.sent", "refund.succeeded", "refund.failed",
    ]  # fmt: skip


def test_credit_that_was_refunded_and_came_back_is_credit_again(in_a):
    invoice = bill.finalized()
    make.bank_payment(invoice)
    late = make.apply(make.apply(make.started(other := bill.finalized(of=invoice.customer)), "canceled"))
    payment = late.payment
    assert make.fresh(other).payment_status == "paid"
    refund = apply(apply(ask(payment, 2_000)), "failed", code="declined")
    assert (refund.state, amounts(payment)) == ("failed", (0, 0))


@pytest.mark.parametrize(
    "difference",
    [{"payment": "pi_other"}, {"refund": "rfn_other"}, {"amount": make.Money(1, "EUR")}],
    ids=["payment", "refund", "amount"],
)
def test_what_is_not_the_refund_we_asked_for_changes_nothing(in_a, difference):
    payment = make.card_payment(bill.finalized())
    refund = apply(ask(payment, 5_000), **difference)
    assert (refund.state, amounts(payment)) == ("pending", (5_000, 0))
    assert make.events_of(refund.pk) == ["refund.requested", "refund.differs"]


def test_a_bank_refund_waits_until_it_was_paid_out_and_can_be_given_up(in_a):
    payment = make.bank_payment(bill.finalized())
    paid, given_up = ask(payment, 3_000), ask(payment, 2_000)
    refunds.record_payout(refund_id=paid.pk, paid_on=make.AT.date(), actor=make.ACTOR, at=make.AT)
    refunds.cancel(refund_id=given_up.pk, actor=make.ACTOR, at=make.AT)
    assert (make.fresh(paid).state, make.fresh(given_up).state) == ("succeeded", "canceled")
    assert (amounts(payment), ledger("bank")) == ((0, 3_000), 7_000)
    for act in (refunds.cancel, lambda **named: refunds.record_payout(paid_on=make.AT.date(), **named)):
        with pytest.raises(refunds.RefundMovedOn), context.attempt():
            act(refund_id=paid.pk, actor=make.ACTOR, at=make.AT)
    assert make.events_of(given_up.pk) == ["refund.requested", "refund.canceled"]


def test_a_card_refund_is_not_paid_out_by_hand(in_a):
    refund = ask(make.card_payment(bill.finalized()), 3_000)
    with pytest.raises(refunds.NotPaidByHand), context.attempt():
        refunds.record_payout(refund_id=refund.pk, paid_on=make.AT.date(), actor=make.ACTOR, at=make.AT)
    assert make.fresh(refund).state == "pending"


def test_what_a_bank_holds_for_a_dispute_is_not_refunded_too(in_a):
    payment = make.card_payment(bill.finalized())
    disputes.apply_facts(facts=make.dispute_says(payment), actor=make.ACTOR, at=make.AT)
    with pytest.raises(refunds.PaymentDisputed), context.attempt():
        ask(payment, 100)
    assert Refund.objects.count() == 0


# --- Limits -----------------------------------------------------------------------------------------


def test_above_the_limit_a_second_person_lets_it_go(in_a, clerk, approver):
    payment = make.card_payment(bill.finalized())
    refund = ask(payment, 4_000, actor=clerk, reason="Goodwill")
    assert (refund.state, amounts(payment)) == ("pending_approval", (4_000, 0))
    assert make.events_of(refund.pk) == ["refund.requested"]
    approvals.approve(request_id=refund.approval_id, actor=approver, at=make.AT)
    assert make.fresh(refund).state == "pending"
    assert make.fresh(refund).ask_at == make.AT
    assert make.events_of(refund.pk) == ["refund.requested", "refund.approved"]


def test_a_limit_counts_all_that_goes_back_of_one_payment(in_a):
    manager = people.actor(people.member("billing_manager", at=make.AT).user)
    payment = make.card_payment(bill.finalized(lines=[bill.line("1000.00")]))
    assert ask(payment, 30_000, actor=manager).state == "pending"
    assert ask(payment, 20_000, actor=manager).state == "pending"
    assert ask(payment, 1, actor=manager).state == "pending_approval"


def test_a_limit_counts_what_one_person_gives_a_customer_back_in_a_day_however_it_is_split(in_a):
    manager = people.actor(people.member("billing_manager", at=make.AT).user)
    ada, large = bill.customer(), [bill.line("1000.00")]
    first, second, third = (make.card_payment(bill.finalized(of=ada, lines=large)) for _ in range(3))
    assert ask(first, 30_000, actor=manager).state == "pending"
    waits = ask(second, 20_001, actor=manager)
    assert (waits.state, make.events_of(waits.pk)) == ("pending_approval", ["refund.requested"])
    # What a second person is asked about is not counted as done alone; what was done alone is.
    assert ask(third, 20_000, actor=manager).state == "pending"
    assert ask(second, 1, actor=manager).state == "pending_approval"
    # Another customer, another person, another day.
    assert ask(make.card_payment(bill.finalized(lines=large)), 50_000, actor=manager).state == "pending"
    other = people.actor(people.member("billing_manager", at=make.AT).user)
    fourth = make.card_payment(bill.finalized(of=ada, lines=large))
    assert ask(fourth, 50_000, actor=other).state == "pending"
    fifth = make.card_payment(bill.finalized(of=ada, lines=large))
    day = make.AT + timedelta(hours=24)
    just_before = refunds.ask(
        payment_id=fifth.pk, amount_minor=1, reason="", actor=manager, at=day - timedelta(seconds=1)
    )
    sixth = make.card_payment(bill.finalized(of=ada, lines=large))
    after = refunds.ask(payment_id=sixth.pk, amount_minor=50_000, reason="", actor=manager, at=day)
    assert (just_before.state, after.state) == ("pending_approval", "pending")


def test_a_refund_that_failed_is_free_of_the_limit_again(in_a):
    manager = people.actor(people.member("billing_manager", at=make.AT).user)
    ada, large = bill.customer(), [bill.line("1000.00")]
    first, second = (make.card_payment(bill.finalized(of=ada, lines=large)) for _ in range(2))
    failed = ask(first, 50_000, actor=manager)
    refunds.apply(
        refund_id=failed.pk, outcome=make.refund_says(failed, "failed"), actor=make.ACTOR, at=make.AT
    )
    assert ask(second, 50_000, actor=manager).state == "pending"


def test_a_key_refunds_as_far_as_a_person_has_let_it(in_a):
    from core import ids
    from core.actor import Actor, ActorKind, SignInMethod, Via

    made = people.api_key(people.member("owner", at=make.AT), limits={"refund_minor": 1_000}, at=make.AT)
    key = Actor(
        kind=ActorKind.API_KEY, via=Via.API, request_id=ids.uuid7(), id=made.key.pk, key_id=made.key.pk,
        method=SignInMethod.API_KEY,
    )  # fmt: skip
    payment = make.card_payment(bill.finalized())
    assert ask(payment, 1_000, actor=key).state == "pending"
    assert ask(payment, 1, actor=key).state == "pending_approval"


@pytest.mark.parametrize("how", ["declined", "withdrawn", "expired"])
def test_what_nobody_agreed_to_is_free_again(in_a, clerk, approver, how):
    payment = make.card_payment(bill.finalized())
    refund = ask(payment, 4_000, actor=clerk)
    if how == "declined":
        approvals.decline(request_id=refund.approval_id, actor=approver, at=make.AT)
    elif how == "withdrawn":
        approvals.withdraw(request_id=refund.approval_id, actor=clerk, at=make.AT)
    else:
        assert approvals.expire(actor=make.ACTOR, at=make.AT + timedelta(days=8)) == 1
    assert ApprovalRequest.objects.get(pk=refund.approval_id).state == how
    assert (make.fresh(refund).state, amounts(payment)) == ("declined", (0, 0))
    assert make.events_of(refund.pk) == ["refund.requested", "refund.declined"]


def test_a_refund_is_not_let_go_while_its_payment_is_disputed(in_a, clerk, approver):
    payment = make.card_payment(bill.finalized())
    refund = ask(payment, 4_000, actor=clerk)
    disputes.apply_facts(facts=make.dispute_says(payment), actor=make.ACTOR, at=make.AT)
    with pytest.raises(refunds.PaymentDisputed), context.attempt():
        approvals.approve(request_id=refund.approval_id, actor=approver, at=make.AT)
    assert make.fresh(refund).state == "pending_approval"
