"""Disputes: the money stands aside while they last; won, all is as before; lost, the invoice is open again."""

from datetime import timedelta

import pytest

from billing.invoices.services import InvoiceHasPayments
from billing.ledger import queries as books
from billing.ledger.models import LedgerEntry
from billing.settlement import queries as settlement
from core.errors import Invalid, NotFound
from core.money import Money
from payments.models import Dispute
from payments.services import disputes, refunds
from tenancy import context
from tests.make import billing as bill
from tests.make import payments as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books(in_a):
    """After every test of this file the books are proved anew."""
    yield
    assert books.check() == []


def say(payment, /, state="needs_response", **more):
    facts = make.dispute_says(payment, state, **more)
    return disputes.apply_facts(facts=facts, actor=make.ACTOR, at=make.AT)


def ledger(account):
    return sum(LedgerEntry.objects.filter(account=account).values_list("amount_minor", flat=True))


def state(invoice):
    invoice = make.fresh(invoice)
    return invoice.payment_status, invoice.amount_paid_minor, invoice.disputes_open


def test_a_dispute_sets_the_money_aside_and_marks_the_invoice(in_a):
    invoice = bill.finalized()
    payment = make.card_payment(invoice)
    dispute = say(payment)
    assert say(payment).pk == dispute.pk
    assert (dispute.state, dispute.amount_minor, dispute.reason_code) == (
        "needs_response", 10_000, "fraudulent",
    )  # fmt: skip
    assert state(invoice) == ("paid", 10_000, 1)
    assert (ledger("gateway"), ledger("disputed")) == (0, 10_000)
    assert make.events_of(dispute.pk) == ["dispute.created"]


def test_won_all_is_as_before(in_a):
    invoice = bill.finalized()
    payment = make.card_payment(invoice)
    say(payment)
    say(payment, "under_review")
    dispute = say(payment, "won")
    assert (state(invoice), make.fresh(payment).state) == (("paid", 10_000, 0), "succeeded")
    assert (ledger("gateway"), ledger("disputed")) == (10_000, 0)
    assert make.events_of(dispute.pk) == ["dispute.created", "dispute.updated", "dispute.won"]
    assert say(payment, "lost").state == "won"


def test_lost_the_money_is_gone_and_the_invoice_open(in_a):
    invoice = bill.finalized()
    payment = make.card_payment(invoice)
    dispute = say(payment, "lost")
    payment = make.fresh(payment)
    assert (payment.state, payment.reversed_minor) == ("reversed", 10_000)
    assert state(invoice) == ("unpaid", 0, 0)
    assert (ledger("gateway"), ledger("disputed"), ledger("receivable")) == (0, 0, 10_000)
    assert make.events_of(dispute.pk) == ["dispute.created", "dispute.lost"]
    assert make.events_of(invoice.pk)[-1] == "invoice.reopened"
    assert make.card_payment(invoice).state == "succeeded"


def test_a_part_that_was_lost_opens_that_part(in_a):
    invoice = bill.finalized()
    payment = make.card_payment(invoice)
    say(payment, "lost", amount=Money(2_500, "EUR"))
    assert (make.fresh(payment).state, state(invoice)) == ("succeeded", ("partially_paid", 7_500, 0))


def test_lost_and_then_won_after_all(in_a):
    invoice = bill.finalized()
    payment = make.card_payment(invoice)
    say(payment, "lost")
    dispute = say(payment, "won")
    payment = make.fresh(payment)
    assert (dispute.state, payment.state, payment.reversed_minor) == ("won", "succeeded", 0)
    assert (state(invoice), ledger("gateway")) == (("paid", 10_000, 0), 10_000)


def test_what_was_refunded_and_then_lost_is_not_counted_twice(in_a):
    invoice = bill.finalized()
    payment = make.card_payment(invoice)
    refund = refunds.ask(payment_id=payment.pk, amount_minor=6_000, reason="", actor=make.ACTOR, at=make.AT)
    refunds.apply(refund_id=refund.pk, outcome=make.refund_says(refund), actor=make.ACTOR, at=make.AT)
    say(payment, "lost")
    payment = make.fresh(payment)
    assert (payment.refunded_minor, payment.reversed_minor, payment.state) == (6_000, 4_000, "reversed")
    # They have had 6,000 back and 10,000 more: the invoice is open, and 6,000 are to be asked back.
    assert (state(invoice), ledger("refunds"), ledger("gateway")) == (("unpaid", 0, 0), 6_000, -6_000)
    say(payment, "won")
    assert (make.fresh(payment).state, state(invoice), ledger("gateway")) == (
        "succeeded", ("paid", 10_000, 0), 4_000,
    )  # fmt: skip


@pytest.mark.parametrize("before", ["pending", "succeeded"])
def test_a_refund_that_failed_after_the_dispute_was_lost_leaves_nothing_to_refund(in_a, before):
    payment = make.card_payment(bill.finalized())
    refund = refunds.ask(payment_id=payment.pk, amount_minor=6_000, reason="", actor=make.ACTOR, at=make.AT)
    refunds.apply(refund_id=refund.pk, outcome=make.refund_says(refund, before), actor=make.ACTOR, at=make.AT)
    say(payment, "lost")
    assert make.fresh(payment).reversed_minor == 4_000
    refunds.apply(
        refund_id=refund.pk, outcome=make.refund_says(refund, "failed"), actor=make.ACTOR, at=make.AT
    )
    payment = make.fresh(payment)
    assert (payment.state, payment.reversed_minor, payment.refunding_minor, payment.refunded_minor) == (
        "reversed", 10_000, 0, 0,
    )  # fmt: skip


def test_credit_that_a_disputed_payment_left_is_taken_first(in_a):
    invoice = bill.finalized()
    first = make.apply(make.started(invoice), "failed")
    make.card_payment(invoice)
    doubled = make.apply(first).payment
    assert settlement.credit(customer_id=invoice.customer_id) == {"EUR": 10_000}
    say(doubled, "lost")
    assert settlement.credit(customer_id=invoice.customer_id) == {}
    assert state(invoice) == ("paid", 10_000, 0)


def test_a_dispute_that_is_told_before_its_payment_is_to_be_told_again(in_a):
    payment = make.card_payment(bill.finalized())
    with pytest.raises(disputes.PaymentNotHere), context.attempt():
        say(payment, payment="pi_unknown")
    with pytest.raises(disputes.DisputeDiffers), context.attempt():
        say(payment, amount=Money(10_000, "USD"))
    assert Dispute.objects.count() == 0


def test_an_invoice_that_was_paid_and_is_disputed_cannot_be_voided(in_a):
    invoice = bill.finalized()
    payment = make.card_payment(invoice)
    say(payment)
    with pytest.raises(InvoiceHasPayments), context.attempt():
        bill.void(invoice.pk)
    assert state(invoice) == ("paid", 10_000, 1)


# --- Answering ---------------------------------------------------------------------------------------


def answer(dispute, evidence="Delivered on 3 November, signed for", at=make.AT):
    return disputes.answer(dispute_id=dispute.pk, evidence=evidence, actor=make.ACTOR, at=at)


def test_an_answer_is_kept_and_given_once(in_a):
    dispute = say(make.card_payment(bill.finalized()), answer_by=make.AT + timedelta(days=7))
    answer(dispute)
    dispute = make.fresh(dispute)
    assert (dispute.evidence, dispute.answered_at, dispute.state) == (
        "Delivered on 3 November, signed for", make.AT, "needs_response",
    )  # fmt: skip
    for again in (answer, lambda one: disputes.accept(dispute_id=one.pk, actor=make.ACTOR, at=make.AT)):
        with pytest.raises(disputes.DisputeNotOpen), context.attempt():
            again(dispute)
    assert make.events_of(dispute.pk) == ["dispute.created", "dispute.answered"]


def test_after_the_day_an_answer_is_too_late(in_a):
    dispute = say(make.card_payment(bill.finalized()), answer_by=make.AT)
    with pytest.raises(disputes.AnswerTooLate), context.attempt():
        answer(dispute, at=make.AT + timedelta(seconds=1))
    assert make.fresh(dispute).answered_at is None


@pytest.mark.parametrize("evidence", ["", "Paid with 4242 4242 4242 4242", "x" * 20_001])
def test_evidence_that_cannot_be_kept_is_refused(in_a, evidence):
    dispute = say(make.card_payment(bill.finalized()))
    with pytest.raises(Invalid), context.attempt():
        answer(dispute, evidence)
    assert make.fresh(dispute).evidence is None


def test_a_refused_answer_can_be_given_again(in_a):
    dispute = say(make.card_payment(bill.finalized()))
    answer(dispute)
    disputes.refused(dispute_id=dispute.pk, code="evidence_too_long", actor=make.ACTOR, at=make.AT)
    answer(dispute, "Delivered")
    assert make.events_of(dispute.pk) == [
        "dispute.created", "dispute.answered", "dispute.answer_refused", "dispute.answered",
    ]  # fmt: skip


def test_only_a_dispute_is_given_up(in_a):
    with pytest.raises(NotFound), context.attempt():
        disputes.accept(dispute_id=bill.finalized().pk, actor=make.ACTOR, at=make.AT)
    dispute = say(make.card_payment(bill.finalized()))
    disputes.accept(dispute_id=dispute.pk, actor=make.ACTOR, at=make.AT)
    assert make.events_of(dispute.pk) == ["dispute.created", "dispute.accepted"]
