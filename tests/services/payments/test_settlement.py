"""Credit: spent once, the oldest first, and taken off an invoice again."""

from datetime import UTC, date, datetime

import pytest

from billing.issuer import services as issuers
from billing.ledger import queries as books
from billing.ledger.models import LedgerTransaction
from billing.settlement import queries
from billing.settlement import services as settlement
from core.errors import NotFound
from tenancy import context
from tests.make import billing as bill
from tests.make import payments as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books(in_a):
    """After every test of this file the books are proved anew."""
    yield
    assert books.check() == []


def apply(invoice, amount, **more):
    settlement.apply_credit(invoice_id=invoice.pk, amount_minor=amount, actor=make.ACTOR, at=make.AT, **more)


def release(invoice, payment, amount):
    settlement.release(
        invoice_id=invoice.pk, payment_id=payment.pk, amount_minor=amount, actor=make.ACTOR, at=make.AT
    )


def paid(invoice):
    invoice = make.fresh(invoice)
    return invoice.payment_status, invoice.amount_paid_minor


def credit(customer):
    return queries.credit(customer_id=customer.pk).get("EUR", 0)


def test_credit_is_spent_the_oldest_first_and_says_which_payment_it_came_from(in_a):
    ada = bill.customer()
    first, second = (make.bank_payment(of=ada, amount_minor=amount) for amount in (3_000, 9_000))
    invoice = bill.finalized(of=ada)
    apply(invoice, 10_000)
    assert (paid(invoice), credit(ada)) == (("paid", 10_000), 2_000)
    rows = queries.allocations(invoice_id=invoice.pk)
    assert [(row.payment_id, row.amount_minor, row.from_credit) for row in rows] == [
        (first.pk, 3_000, True), (second.pk, 7_000, True),
    ]  # fmt: skip
    assert make.events_of(invoice.pk)[-1] == "credit.applied"


def test_what_one_payment_left_can_be_named(in_a):
    ada = bill.customer()
    make.bank_payment(of=ada, amount_minor=3_000)
    second = make.bank_payment(of=ada, amount_minor=4_000)
    invoice = bill.finalized(of=ada)
    apply(invoice, 4_000, payment_id=second.pk)
    with pytest.raises(settlement.CreditNotEnough), context.attempt():
        apply(invoice, 1, payment_id=second.pk)
    assert settlement.allocated(payment_id=second.pk) == {invoice.pk: 4_000}
    assert credit(ada) == 3_000


@pytest.mark.parametrize("amount", [0, -1, 10_001])
def test_an_invoice_takes_no_more_credit_than_is_due(in_a, amount):
    ada = bill.customer()
    make.bank_payment(of=ada, amount_minor=20_000)
    invoice = bill.finalized(of=ada)
    with pytest.raises(settlement.NothingDue), context.attempt():
        apply(invoice, amount)
    assert (paid(invoice), credit(ada)) == (("unpaid", 0), 20_000)


def test_credit_is_booked_on_the_day_of_the_organization(in_a):
    ada = bill.customer()
    payment = make.bank_payment(of=ada, amount_minor=5_000)
    invoice = bill.finalized(of=ada)
    issuers.set_issuer(name="A", time_zone="Pacific/Auckland", actor=make.ACTOR, at=make.AT)
    at = datetime(2026, 3, 31, 12, tzinfo=UTC)
    who = {"invoice_id": invoice.pk, "amount_minor": 100, "actor": make.ACTOR, "at": at}
    settlement.apply_credit(**who)
    settlement.release(payment_id=payment.pk, **who)
    rows = LedgerTransaction.objects.filter(kind__in=["credit_applied", "allocation_released"])
    assert set(rows.values_list("booked_on", flat=True)) == {date(2026, 4, 1)}


def test_there_is_no_more_credit_than_was_paid(in_a):
    ada = bill.customer()
    make.bank_payment(of=ada, amount_minor=5_000)
    invoice = bill.finalized(of=ada)
    with pytest.raises(settlement.CreditNotEnough), context.attempt():
        apply(invoice, 5_001)
    with pytest.raises(NotFound), context.attempt():
        settlement.apply_credit(invoice_id=ada.pk, amount_minor=1, actor=make.ACTOR, at=make.AT)
    with pytest.raises(settlement.NothingDue), context.attempt():
        apply(bill.draft(of=ada), 1)
    assert (paid(invoice), credit(ada)) == (("unpaid", 0), 5_000)


def test_credit_of_another_currency_or_customer_pays_nothing_here(in_a):
    ada, bob = bill.customer("Ada"), bill.customer("Bob")
    make.bank_payment(of=ada, amount_minor=5_000, currency="USD")
    make.bank_payment(of=bob, amount_minor=5_000)
    invoice = bill.finalized(of=ada)
    with pytest.raises(settlement.CreditNotEnough), context.attempt():
        apply(invoice, 1)
    assert paid(invoice) == ("unpaid", 0)


def test_money_is_taken_off_one_invoice_and_put_onto_another(in_a):
    ada = bill.customer()
    wrong, right = bill.finalized(of=ada), bill.finalized(of=ada)
    payment = make.bank_payment(wrong)
    release(wrong, payment, 10_000)
    assert (paid(wrong), credit(ada)) == (("unpaid", 0), 10_000)
    apply(right, 10_000, payment_id=payment.pk)
    assert (paid(right), settlement.allocated(payment_id=payment.pk)) == (
        ("paid", 10_000), {right.pk: 10_000},
    )  # fmt: skip
    assert make.events_of(wrong.pk)[-1] == "invoice.reopened"
    for amount in (0, 10_001):
        with pytest.raises(settlement.AllocationExceeded), context.attempt():
            release(right, payment, amount)
    assert paid(right) == ("paid", 10_000)


def test_money_taken_back_is_taken_from_where_it_went(in_a):
    ada = bill.customer()
    first, second = bill.finalized(of=ada), bill.finalized(of=ada)
    payment = make.bank_payment(first, amount_minor=25_000)
    apply(second, 10_000)
    from payments.services import collect

    collect.reverse(payment_id=payment.pk, reason="Returned by the bank", actor=make.ACTOR, at=make.AT)
    assert (paid(first), paid(second), credit(ada)) == (("unpaid", 0), ("unpaid", 0), 0)


def test_an_invoice_is_told_about_when_it_is_paid(in_a):
    from outbound.webhooks.models import WebhookEvent

    invoice = bill.finalized()
    make.bank_payment((invoice, 4_000))
    make.bank_payment((invoice, 6_000))
    told = WebhookEvent.objects.filter(object_id=invoice.pk).order_by("id").values_list("type", flat=True)
    assert list(told)[-2:] == ["invoice.partially_paid", "invoice.paid"]


def test_rows_of_money_never_change(in_a):
    from django.db import DatabaseError, transaction

    from billing.settlement.models import Allocation, CreditEntry

    make.bank_payment(bill.finalized(), amount_minor=12_000)
    for model in (Allocation, CreditEntry):
        for act in (lambda rows: rows.update(amount_minor=1), lambda rows: rows.delete()):
            with pytest.raises(DatabaseError), transaction.atomic():
                act(model.objects.all())
    assert (Allocation.objects.get().amount_minor, CreditEntry.objects.get().amount_minor) == (10_000, 2_000)
