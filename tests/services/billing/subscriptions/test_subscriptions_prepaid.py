"""Days that were paid ahead and are not had: given back by credit notes when no invoice is to come."""

from datetime import date

import pytest
from django.db import transaction

from audit.models import Event
from billing.creditnotes import services as creditnotes
from billing.creditnotes.models import CreditNote
from billing.creditnotes.rules import LineCredit
from billing.customers.models import Customer
from billing.invoices.models import InvoiceLine
from billing.ledger import queries as books
from billing.subscriptions import services
from billing.subscriptions.models import BilledPeriod, Subscription
from tests.make import billing as make
from tests.make import recurring

pytestmark = pytest.mark.django_db
END = date(2026, 1, 11)
AT = recurring.moment(END)


def ended(*, rate: bool = True, cancel_at=END):
    code = make.tax_rate("20").code if rate else ""
    row = recurring.subscription(recurring.price("31.00", tax_code=code), on=date(2026, 1, 1))
    (invoice,) = recurring.bill(date(2026, 1, 1))
    services.cancel(
        subscription_id=row.pk, actor=make.ACTOR, at=recurring.moment(cancel_at), at_period_end=False
    )
    assert recurring.bill(cancel_at) == []
    return Subscription.objects.get(pk=row.pk), invoice


def test_what_was_paid_ahead_comes_back_with_its_tax_and_once(in_a):
    row, invoice = ended()
    (one,) = services.unused(row, AT)
    assert (one.amount_minor, one.net_minor, one.days) == (2100, 2100, "11 Jan 2026 to 31 Jan 2026")
    (note,) = services.give_back(subscription_id=row.pk, actor=make.ACTOR, at=AT, seen_minor=2100)
    assert (note.invoice_id, note.subtotal_minor, note.tax_minor) == (invoice.pk, 2100, 420)
    assert note.reason_code == "order_cancellation"
    assert sum(BilledPeriod.objects.values_list("amount_minor", flat=True)) == 1000
    row.refresh_from_db()
    assert services.unused(row, AT) == []
    assert row.open_from is None
    assert Event.objects.filter(event="subscription.gave_back", subject_id=row.pk).count() == 1
    with pytest.raises(services.NothingUnused), transaction.atomic():
        services.give_back(subscription_id=row.pk, actor=make.ACTOR, at=AT)
    assert CreditNote.objects.count() == 1
    # An invoice that comes later has nothing to give back any more.
    recurring.charge(Customer.objects.get(pk=invoice.customer_id), "30.00", due_on=date(2026, 1, 20))
    (later,) = recurring.bill(date(2026, 1, 20))
    assert [amount for _, amount in recurring.lines(later)] == [3000]


def test_what_somebody_credited_by_hand_is_not_credited_again(in_a):
    row, invoice = ended(rate=False)
    line = InvoiceLine.objects.get(invoice_id=invoice.pk)
    creditnotes.issue(
        invoice_id=invoice.pk,
        wanted=creditnotes.Wanted(lines=[LineCredit(line_id=line.pk, net_minor=1500)]),
        issued_on=END,
        actor=make.ACTOR,
        at=AT,
    )
    (one,) = services.unused(row, AT)
    assert (one.amount_minor, one.net_minor) == (2100, 600)
    (note,) = services.give_back(subscription_id=row.pk, actor=make.ACTOR, at=AT)
    assert note.total_minor == 600
    assert sum(CreditNote.objects.values_list("total_minor", flat=True)) == 2100


def test_what_was_set_against_later_days_comes_back_from_where_it_was_charged(in_a):
    price = recurring.price("31.00", tax_code=make.tax_rate("20").code)
    row = recurring.subscription(price, quantity="10", on=date(2026, 1, 1))
    (first,) = recurring.bill(date(2026, 1, 1))
    recurring.change(row, date(2026, 1, 1), quantity="2", bill_now=True)
    (second,) = recurring.bill(date(2026, 1, 1))
    assert [amount for _, amount in recurring.lines(second)] == [-6200, 6200]
    services.cancel(subscription_id=row.pk, actor=make.ACTOR, at=AT, at_period_end=False)
    assert recurring.bill(END) == []
    row.refresh_from_db()
    assert sum(one.net_minor for one in services.unused(row, AT)) == 24_800 + 4_200
    (note,) = services.give_back(subscription_id=row.pk, actor=make.ACTOR, at=AT)
    assert (note.invoice_id, note.subtotal_minor) == (first.pk, 29_000)
    assert sum(BilledPeriod.objects.values_list("amount_minor", flat=True)) == 2_000
    assert books.check() == []


def test_a_voided_invoice_gives_nothing_back_and_the_days_are_settled(in_a):
    row, invoice = ended()
    make.void(invoice.pk)
    (one,) = services.unused(row, AT)
    assert (one.amount_minor, one.net_minor) == (2100, 0)
    assert services.give_back(subscription_id=row.pk, actor=make.ACTOR, at=AT) == []
    row.refresh_from_db()
    assert (services.unused(row, AT), CreditNote.objects.count()) == ([], 0)


def test_amounts_that_changed_meanwhile_are_looked_at_again(in_a):
    row, _ = ended()
    with pytest.raises(services.UnusedDiffers), transaction.atomic():
        services.give_back(subscription_id=row.pk, actor=make.ACTOR, at=AT, seen_minor=2099)
    row.refresh_from_db()
    assert (CreditNote.objects.count(), row.open_from) == (0, date(2026, 1, 1))


def test_a_running_subscription_waits_for_its_next_invoice(in_a):
    row = recurring.subscription(recurring.price("31.00"), quantity="2", on=date(2026, 1, 1))
    recurring.bill(date(2026, 1, 1))
    recurring.change(row, END, quantity="1")
    row.refresh_from_db()
    assert services.unused(row, AT) == []
    with pytest.raises(services.NothingUnused):
        services.give_back(subscription_id=row.pk, actor=make.ACTOR, at=AT)


def test_a_rest_gives_back_and_goes_on_to_the_cent(in_a):
    row = recurring.subscription(recurring.price("31.00"), on=date(2026, 1, 1))
    recurring.bill(date(2026, 1, 1))
    services.pause(subscription_id=row.pk, actor=make.ACTOR, at=AT)
    assert recurring.bill(date(2026, 2, 1)) == []
    (note,) = services.give_back(
        subscription_id=row.pk, actor=make.ACTOR, at=recurring.moment(date(2026, 2, 2))
    )
    assert note.total_minor == 2100
    services.resume(subscription_id=row.pk, actor=make.ACTOR, at=recurring.moment(date(2026, 2, 15)))
    (february,) = recurring.bill(date(2026, 2, 15))
    assert [amount for _, amount in recurring.lines(february)] == [1550]
    (march,) = recurring.bill(date(2026, 3, 1))
    assert [amount for _, amount in recurring.lines(march)] == [3100]
