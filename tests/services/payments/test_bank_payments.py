"""Bank payments: recorded by people, put onto invoices, and taken back."""

from datetime import timedelta

import pytest

from core.errors import Invalid, NotFound
from payments.models import Payment
from payments.services import collect
from tenancy import context
from tests.make import billing as bill
from tests.make import payments as make
from tests.services.payments.standing import credit, state

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]


def test_a_bank_payment_pays_an_invoice_and_leaves_the_rest_as_credit(in_a):
    invoice = bill.finalized()
    payment = make.bank_payment(invoice, amount_minor=12_500, reference="Thank you")
    assert state(invoice) == ("paid", 10_000, 0, 0)
    assert credit(invoice) == 2_500
    assert (payment.state, payment.captured_minor, make.fresh(payment).remittance) == (
        "succeeded", 12_500, "Thank you",
    )  # fmt: skip
    assert make.events_of(payment.pk) == ["payment.recorded"]
    assert make.events_of(invoice.pk)[-1] == "invoice.paid"


def test_a_bank_payment_of_several_invoices_goes_where_it_was_meant_for(in_a):
    ada = bill.customer()
    first, second = bill.finalized(of=ada), bill.finalized(of=ada)
    make.bank_payment((first, 4_000), (second, 6_000))
    assert (state(first)[:2], state(second)[:2]) == (("partially_paid", 4_000), ("partially_paid", 6_000))
    assert make.events_of(first.pk)[-1] == "invoice.partially_paid"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"amount_minor": 0}, collect.AmountNotPositive),
        ({"amount_minor": 9_999}, collect.MoreThanPaid),
        ({"received_on": (make.AT + timedelta(days=2)).date()}, collect.ReceivedInFuture),
        ({"reference": "4242 4242 4242 4242"}, Invalid),
        ({"reference": "x" * 1_001}, Invalid),
    ],
    ids=["nothing", "more than paid", "not yet", "card number", "too long"],
)
def test_what_cannot_be_recorded_is_refused_and_leaves_nothing(in_a, change, refusal):
    invoice = bill.finalized()
    named = {"amount_minor": 10_000, "received_on": make.AT.date(), "reference": ""} | change
    with pytest.raises(refusal), context.attempt():
        collect.record(
            customer_id=invoice.customer_id, currency="EUR", wanted=[(invoice.pk, 10_000)], source="staff",
            actor=make.ACTOR, at=make.AT, **named,
        )  # fmt: skip
    assert state(invoice) == ("unpaid", 0, 0, 0)
    assert Payment.objects.count() == 0


def test_an_invoice_of_another_customer_cannot_be_paid(in_a):
    mine, theirs = bill.finalized(of=bill.customer("Ada")), bill.finalized(of=bill.customer("Bob"))
    with pytest.raises(NotFound), context.attempt():
        make.bank_payment((theirs, 100), of=make.fresh(mine).customer)
    with pytest.raises(NotFound), context.attempt():
        make.started(mine, theirs)
    assert Payment.objects.count() == 0


def test_a_reversed_bank_payment_opens_its_invoice_again(in_a):
    invoice = bill.finalized()
    payment = make.bank_payment(invoice, amount_minor=12_500)
    collect.reverse(payment_id=payment.pk, reason="The bank took it back", actor=make.ACTOR, at=make.AT)
    payment = make.fresh(payment)
    assert (payment.state, payment.reversed_minor) == ("reversed", 12_500)
    assert (state(invoice), credit(invoice)) == (("unpaid", 0, 0, 0), 0)
    assert [note.text for note in payment.notes.all()] == ["The bank took it back"]
    assert make.events_of(payment.pk) == ["payment.recorded", "payment.reversed"]
    assert make.events_of(invoice.pk)[-1] == "invoice.reopened"
    with pytest.raises(collect.PaymentMovedOn), context.attempt():
        collect.reverse(payment_id=payment.pk, reason="Again", actor=make.ACTOR, at=make.AT)


def test_a_reversal_needs_a_reason_and_a_bank_payment(in_a):
    invoice = bill.finalized()
    payment = make.card_payment(invoice)
    with pytest.raises(collect.NotABankPayment), context.attempt():
        collect.reverse(payment_id=payment.pk, reason="Why", actor=make.ACTOR, at=make.AT)
    with pytest.raises(Invalid), context.attempt():
        collect.reverse(payment_id=payment.pk, reason=" ", actor=make.ACTOR, at=make.AT)
    assert make.fresh(payment).state == "succeeded"
