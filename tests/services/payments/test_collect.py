"""Collecting: what may be begun, what an outcome does, in any order and any number of times."""

import pytest

from billing.ledger import queries as books
from billing.settlement import queries as settlement
from tests.make import billing as bill
from tests.make import collecting as make

pytestmark = pytest.mark.django_db


def state(invoice):
    invoice = make.fresh(invoice)
    return (
        invoice.payment_status,
        invoice.amount_paid_minor,
        invoice.attempts_open,
        invoice.attempts_processing,
    )


def test_a_bank_payment_pays_an_invoice_and_leaves_the_rest_as_credit(in_a):
    invoice = bill.finalized()
    payment = make.bank_payment(invoice, amount_minor=12_500)
    assert state(invoice) == ("paid", 10_000, 0, 0)
    assert settlement.credit(customer_id=invoice.customer_id) == {"EUR": 2_500}
    assert (payment.state, payment.captured_minor) == ("succeeded", 12_500)
    assert make.events_of(payment.pk) == ["payment.recorded"]
    assert make.events_of(invoice.pk)[-1] == "invoice.paid"
    assert books.check() == []


def test_a_card_payment_is_begun_once_and_settles_once(in_a):
    invoice = bill.finalized()
    attempt = make.started(invoice)
    assert make.started(invoice).pk == attempt.pk
    assert state(invoice) == ("unpaid", 0, 1, 0)
    for _ in range(2):
        attempt = make.apply(attempt)
    assert (attempt.state, attempt.payment.state, attempt.payment.captured_minor) == (
        "succeeded",
        "succeeded",
        10_000,
    )
    assert state(invoice) == ("paid", 10_000, 0, 0)
    assert make.events_of(attempt.payment_id) == ["payment.started", "payment.succeeded"]
    assert books.check() == []
