"""Subscriptions from their start to their end, and every line that they bring onto invoices."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from billing.invoices.models import Invoice, InvoiceLine
from billing.issuer import services as issuer
from billing.subscriptions import planning, services
from billing.subscriptions.models import BilledPeriod, Subscription
from tests.make import billing as make
from tests.make import recurring

pytestmark = pytest.mark.django_db


def test_a_month_of_seats_is_billed_on_its_first_day_and_once(in_a):
    rate = make.tax_rate("20")
    row = recurring.subscription(recurring.price(tax_code=rate.code), quantity="5", on=date(2026, 1, 31))
    assert [recurring.lines(i) for i in recurring.bill(date(2026, 1, 30))] == []
    (invoice,) = recurring.bill(date(2026, 1, 31))
    assert recurring.lines(invoice) == [("Team plan: 31 Jan 2026 to 27 Feb 2026", 5000)]
    line = InvoiceLine.objects.get(invoice_id=invoice.pk)
    assert (line.quantity, line.unit_amount, line.period_from, line.period_to) == (
        Decimal(5),
        Decimal(10),
        date(2026, 1, 31),
        date(2026, 2, 28),
    )
    assert (invoice.total_minor, line.price_id) == (6000, row.items.get().price_id)
    assert recurring.bill(date(2026, 1, 31)) == []
    assert recurring.bill(date(2026, 2, 27)) == []
    # The 31st comes back after February.
    (second,) = recurring.bill(date(2026, 2, 28))
    assert recurring.lines(second) == [("Team plan: 28 Feb 2026 to 30 Mar 2026", 5000)]
    (third,) = recurring.bill(date(2026, 3, 31))
    assert recurring.lines(third) == [("Team plan: 31 Mar 2026 to 29 Apr 2026", 5000)]


def test_months_that_were_missed_come_together_on_one_invoice(in_a):
    recurring.subscription(recurring.price(), on=date(2026, 1, 1))
    (invoice,) = recurring.bill(date(2026, 3, 15))
    assert [amount for _, amount in recurring.lines(invoice)] == [1000, 1000, 1000]
    assert recurring.bill(date(2026, 3, 31)) == []


def test_an_upgrade_in_the_middle_gives_back_what_was_not_used_and_charges_what_is_line_by_line(in_a):
    row = recurring.subscription(recurring.price(), quantity="5", on=date(2026, 1, 1))
    recurring.bill(date(2026, 1, 1))
    recurring.change(row, date(2026, 1, 20), quantity="8")
    assert recurring.bill(date(2026, 1, 31)) == []
    (invoice,) = recurring.bill(date(2026, 2, 1))
    assert recurring.lines(invoice) == [
        ("Team plan: unused 20 Jan 2026 to 31 Jan 2026, 12 of 31 days of EUR 50.00 (5 × 10)", -1935),
        ("Team plan: 20 Jan 2026 to 31 Jan 2026, 12 of 31 days of EUR 80.00 (8 × 10)", 3097),
        ("Team plan: 1 Feb 2026 to 28 Feb 2026", 8000),
    ]
    back = InvoiceLine.objects.get(invoice_id=invoice.pk, net_minor__lt=0)
    assert (back.quantity, back.unit_amount) == (Decimal(-1), Decimal("19.35"))


def test_an_upgrade_can_be_billed_at_once(in_a):
    row = recurring.subscription(recurring.price(), quantity="5", on=date(2026, 1, 1))
    recurring.bill(date(2026, 1, 1))
    recurring.change(row, date(2026, 1, 20), quantity="8", bill_now=True)
    (invoice,) = recurring.bill(date(2026, 1, 20))
    assert [amount for _, amount in recurring.lines(invoice)] == [-1935, 3097]
    (invoice,) = recurring.bill(date(2026, 2, 1))
    assert [amount for _, amount in recurring.lines(invoice)] == [8000]


def test_a_downgrade_never_makes_an_invoice_of_less_than_nothing_and_what_is_left_comes_later(in_a):
    large = recurring.price("100.00")
    small = recurring.price("1.00", of=large.product, code="small")
    row = recurring.subscription(large, on=date(2026, 1, 1))
    recurring.bill(date(2026, 1, 1))
    recurring.change(row, date(2026, 1, 2), price=small, bill_now=True)
    (first,) = recurring.bill(date(2026, 1, 2))
    assert [amount for _, amount in recurring.lines(first)] == [-97, 97]
    (second,) = recurring.bill(date(2026, 2, 1))
    assert [amount for _, amount in recurring.lines(second)] == [-100, 100]
    assert second.total_minor == 0
    paid = sum(BilledPeriod.objects.values_list("amount_minor", flat=True))
    (third,) = recurring.bill(date(2028, 1, 1))[-1:]
    assert third.total_minor >= 0
    # One day of the large plan, and each month of the small one.
    assert sum(BilledPeriod.objects.values_list("amount_minor", flat=True)) >= paid


def test_pause_and_resume_cost_the_days_that_were_had(in_a):
    row = recurring.subscription(recurring.price("31.00"), on=date(2026, 1, 1))
    recurring.bill(date(2026, 1, 1))
    services.pause(subscription_id=row.pk, actor=make.ACTOR, at=recurring.moment(date(2026, 1, 11)))
    assert recurring.bill(date(2026, 2, 1)) == []
    services.resume(subscription_id=row.pk, actor=make.ACTOR, at=recurring.moment(date(2026, 2, 15)))
    (invoice,) = recurring.bill(date(2026, 2, 15))
    assert recurring.lines(invoice) == [
        ("Team plan: unused 11 Jan 2026 to 31 Jan 2026, 21 of 31 days of EUR 31.00 (1 × 31), in part", -1550),
        ("Team plan: 15 Feb 2026 to 28 Feb 2026, 14 of 28 days of EUR 31.00 (1 × 31)", 1550),
    ]
    (march,) = recurring.bill(date(2026, 3, 1))
    assert [amount for _, amount in recurring.lines(march)] == [-550, 3100]


def test_a_trial_is_free_and_its_end_is_the_day_that_counts_from_then_on(in_a):
    row = recurring.subscription(recurring.price(), on=date(2026, 1, 10), trial_until=date(2026, 1, 24))
    assert row.status == "trialing"
    assert recurring.bill(date(2026, 1, 23)) == []
    (invoice,) = recurring.bill(date(2026, 1, 24))
    assert recurring.lines(invoice) == [("Team plan: 24 Jan 2026 to 23 Feb 2026", 1000)]
    assert services.pass_day(today=date(2026, 1, 24), actor=make.ACTOR, at=make.AT) == 1
    row.refresh_from_db()
    assert row.status == "active"
    assert services.pass_day(today=date(2026, 1, 24), actor=make.ACTOR, at=make.AT) == 0


def test_an_anchor_makes_the_first_period_a_part_of_one(in_a):
    recurring.subscription(recurring.price("31.00"), on=date(2026, 1, 22), anchor_on=date(2026, 2, 1))
    (invoice,) = recurring.bill(date(2026, 1, 22))
    assert recurring.lines(invoice) == [
        ("Team plan: 22 Jan 2026 to 31 Jan 2026, 10 of 31 days of EUR 31.00 (1 × 31)", 1000)
    ]
    (invoice,) = recurring.bill(date(2026, 2, 1))
    assert [amount for _, amount in recurring.lines(invoice)] == [3100]


def test_a_subscription_canceled_at_the_end_of_its_period_ends_there_and_can_be_kept(in_a):
    row = recurring.subscription(recurring.price(), on=date(2026, 1, 1))
    recurring.bill(date(2026, 1, 1))
    at = recurring.moment(date(2026, 1, 10))
    row = services.cancel(subscription_id=row.pk, actor=make.ACTOR, at=at)
    assert (row.status, row.ends_on, row.cancel_at_period_end) == ("canceled", date(2026, 2, 1), True)
    row = services.keep(subscription_id=row.pk, actor=make.ACTOR, at=at)
    assert (row.status, row.ends_on) == ("active", None)
    row = services.cancel(subscription_id=row.pk, actor=make.ACTOR, at=at)
    assert recurring.bill(date(2026, 2, 1)) == []
    assert recurring.bill(date(2027, 2, 1)) == []
    services.pass_day(today=date(2026, 2, 1), actor=make.ACTOR, at=make.AT)
    row = Subscription.objects.get()
    assert (row.status, row.next_on, row.items.get().to_on) == ("ended", None, date(2026, 2, 1))
    with pytest.raises(services.SubscriptionEnded):
        services.pause(subscription_id=row.pk, actor=make.ACTOR, at=at)


def test_what_is_left_of_a_subscription_that_ended_rides_on_another_invoice(in_a):
    ada = make.customer()
    row = recurring.subscription(recurring.price("31.00"), of=ada, on=date(2026, 1, 1))
    recurring.bill(date(2026, 1, 1))
    at = recurring.moment(date(2026, 1, 11))
    row = services.cancel(subscription_id=row.pk, actor=make.ACTOR, at=at, at_period_end=False)
    assert row.status == "ended"
    assert recurring.bill(date(2026, 1, 11)) == []
    recurring.charge(ada, "30.00", due_on=date(2026, 1, 20))
    (invoice,) = recurring.bill(date(2026, 1, 20))
    assert sorted(amount for _, amount in recurring.lines(invoice)) == [-2100, 3000]
    assert recurring.bill(date(2026, 12, 31)) == []


def test_arrears_are_billed_when_the_period_is_over(in_a):
    row = recurring.subscription(recurring.price(), on=date(2026, 1, 1), timing="arrears")
    assert recurring.bill(date(2026, 1, 31)) == []
    recurring.change(row, date(2026, 1, 16), quantity="2")
    (invoice,) = recurring.bill(date(2026, 2, 1))
    assert [amount for _, amount in recurring.lines(invoice)] == [484, 1032]


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        # Clocks changed in these zones within the period, or around its end.
        (
            "Europe/Vienna",
            datetime(2026, 3, 31, 21, 59, tzinfo=UTC),
            datetime(2026, 3, 31, 22, 0, tzinfo=UTC),
        ),
        ("America/Santiago", datetime(2026, 4, 1, 2, 59, tzinfo=UTC), datetime(2026, 4, 1, 3, 0, tzinfo=UTC)),
        (
            "Pacific/Auckland",
            datetime(2026, 3, 31, 10, 59, tzinfo=UTC),
            datetime(2026, 3, 31, 11, 0, tzinfo=UTC),
        ),
    ],
)
def test_usage_belongs_to_the_month_it_is_where_the_organization_is(in_a, zone, before, after):
    issuer.set_issuer(name="Organization A", time_zone=zone, actor=make.ACTOR, at=make.AT)
    metered = recurring.price("1.00", meter_id=recurring.meter().pk)
    row = recurring.subscription(metered, on=date(2026, 3, 1))
    assert recurring.used(row, before, "3").status == "recorded"
    assert recurring.used(row, after, "5").status == "recorded"
    (march,) = recurring.bill(date(2026, 4, 1))
    assert recurring.lines(march) == [("Team plan: 1 Mar 2026 to 31 Mar 2026", 300)]
    (april,) = recurring.bill(date(2026, 5, 1))
    assert recurring.lines(april) == [("Team plan: 1 Apr 2026 to 30 Apr 2026", 500)]


def test_everything_of_a_customer_and_currency_stands_on_one_invoice(in_a):
    ada = make.customer()
    seats = recurring.price()
    metered = recurring.price("0.50", of=seats.product, code="calls", meter_id=recurring.meter().pk)
    row = recurring.subscription(seats, metered, of=ada, on=date(2026, 1, 1))
    recurring.subscription(recurring.price("7.00", of=seats.product, code="b"), of=ada, on=date(2026, 1, 1))
    dollars = recurring.price("3.00", of=seats.product, code="usd", currency="USD")
    recurring.subscription(dollars, of=ada, on=date(2026, 1, 1))
    recurring.bill(date(2026, 1, 1))
    recurring.used(row, datetime(2026, 1, 5, tzinfo=UTC), "4")
    recurring.charge(ada, due_on=date(2026, 1, 9))
    recurring.bill(date(2026, 1, 9))
    recurring.charge(ada, "1.00", "Postage", due_on=date(2026, 2, 1))
    made = {invoice.currency: recurring.lines(invoice) for invoice in recurring.bill(date(2026, 2, 1))}
    assert sorted(amount for _, amount in made["EUR"]) == [100, 200, 700, 1000]
    assert made["USD"] == [("Team plan: 1 Feb 2026 to 28 Feb 2026", 300)]
    assert Invoice.objects.count() == 5


def test_what_was_planned_before_a_change_or_another_event_is_refused_and_writes_nothing(in_a):
    metered = recurring.price("1.00", meter_id=recurring.meter().pk)
    row = recurring.subscription(metered, on=date(2026, 1, 1))
    recurring.used(row, datetime(2026, 1, 5, tzinfo=UTC), "4")
    (planned,) = planning.due(date(2026, 2, 1), None, 10)
    recurring.used(row, datetime(2026, 1, 6, tzinfo=UTC), "1")
    assert planning.claim([(None, planned)], at=make.AT) == [planned]
    assert BilledPeriod.objects.count() == 0
    (again,) = planning.due(date(2026, 2, 1), None, 10)
    assert again.lines[0].quantity == Decimal(5)
    assert planning.claim([(None, again)], at=make.AT) == []
    assert planning.claim([(None, again)], at=make.AT) == [again], "the second of two runs"
    assert recurring.used(row, datetime(2026, 1, 7, tzinfo=UTC), "1").code == "usage_period_billed"
