"""What was agreed and what was billed cannot be rewritten, and no usage counts twice, whatever is tried."""

import threading
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing.catalog.models import Price, PriceTier
from billing.subscriptions.models import BilledPeriod, PendingCharge, Subscription, SubscriptionItem
from billing.usage import services as usage
from billing.usage.models import UsageEvent
from billing.usage.rules import EventInput
from core import ids
from tenancy import context
from tests.make import billing as make
from tests.make import recurring

FROZEN = {
    "billing_price": (
        "unit_amount = 1",
        "flat_minor = 5",
        "currency = 'USD'",
        "steps = 9",
        "interval = 'day'",
    ),
    "billing_pricetier": ("unit_amount = 1", "up_to = 5"),
    "billing_subscription": ("anchor_on = '2020-01-01'", "currency = 'USD'", "start_on = '2020-01-01'"),
    "billing_subscriptionitem": ("quantity = 99", "from_on = '2020-01-01'", "price_id = id"),
    "billing_billedperiod": ("amount_minor = 0", "revision = 7", "invoice_id = NULL"),
    "billing_usageevent": ("quantity = 0", "at = now()"),
    "billing_pendingcharge": ("unit_amount = 0", "quantity = 9", "due_on = '2020-01-01'"),
    "billing_product": ("code = 'other'",),
}


@pytest.fixture
def sold(in_a):
    """A price with tiers, a subscription that was billed, usage and a charge."""
    ada = make.customer()
    tiered = recurring.price(
        "0", model="graduated", tiers=[recurring.tier("10", "5.00"), recurring.tier(None, "4.00")]
    )
    counted = recurring.price("1.00", of=tiered.product, code="calls", meter_id=recurring.meter().pk)
    row = recurring.subscription(tiered, counted, of=ada, on=date(2026, 1, 1))
    recurring.used(row, datetime(2026, 1, 5, tzinfo=UTC), "4", key="one")
    recurring.charge(ada, due_on=date(2026, 1, 1))
    recurring.bill(date(2026, 1, 1))
    return row


@pytest.mark.django_db
def test_what_was_agreed_billed_or_used_is_not_edited_and_does_not_go(sold):
    for table, changes in FROZEN.items():
        for change in (*changes, None):
            sql = f"DELETE FROM {table}" if change is None else f"UPDATE {table} SET {change}"
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)


@pytest.mark.django_db
def test_no_tier_is_added_to_a_price_that_is_made(sold):
    price = Price.objects.get(model="graduated")
    with pytest.raises(DatabaseError), transaction.atomic():
        PriceTier.objects.create(price=price, position=2, unit_amount=Decimal(0))
    flat = Price.objects.get(code="calls")
    with pytest.raises(DatabaseError), transaction.atomic():
        PriceTier.objects.create(price=flat, position=0, unit_amount=Decimal(0))


@pytest.mark.django_db
def test_days_that_were_billed_are_refused_by_the_database_itself(sold):
    row = BilledPeriod.objects.filter(kind="recurring").first()
    charge = BilledPeriod.objects.get(kind="charge")
    for twin in (row, charge):
        twin.pk = ids.uuid7()
        with pytest.raises(IntegrityError), transaction.atomic():
            twin.save(force_insert=True)
    assert PendingCharge.objects.get().billed_at is not None


@pytest.mark.django_db
def test_a_customers_scope_sees_no_neighbours_subscription(sold):
    other = make.customer("Grace Hopper")
    tenant = context.current_tenant()
    with context.scope(context.Scope(tenant, customer=other.pk)):
        for model in (Subscription, SubscriptionItem, BilledPeriod, PendingCharge, UsageEvent):
            assert not model.objects.exists(), model
    with context.scope(context.Scope(tenant, customer=sold.customer_id)):
        assert Subscription.objects.count() == 1


@pytest.mark.django_db
def test_usage_that_is_too_early_too_late_elsewhere_or_absurd_is_refused_one_by_one(sold):
    recurring.bill(date(2026, 2, 1))
    at = datetime(2026, 2, 10, tzinfo=UTC)

    def event(key, **values):
        return EventInput(**{"key": key, "subscription_id": sold.pk, "meter": "requests", "at": at, **values})

    outcomes = usage.record(
        events=[
            event("one", at=datetime(2026, 1, 5, tzinfo=UTC), quantity=Decimal(4)),
            event("late", at=datetime(2026, 1, 31, 23, 59, tzinfo=UTC)),
            event("future", at=datetime(2026, 5, 1, tzinfo=UTC)),
            event("before", at=datetime(2025, 12, 31, tzinfo=UTC)),
            event("stranger", subscription_id=ids.uuid7()),
            event("meter", meter="nothing"),
            event("value", value="somebody"),
            event("back", quantity=Decimal(-5)),
            event("fine"),
            event("fine"),
        ],
        actor=make.ACTOR,
        at=make.AT,
    )
    assert [outcome.code or outcome.status for outcome in outcomes] == [
        "known",
        "usage_period_billed",
        "in_the_future",
        "not_metered",
        "no_such_subscription",
        "no_such_meter",
        "value_not_allowed",
        "recorded",
        "recorded",
        "known",
    ]
    # A correction below nothing never becomes a credit.
    (invoice,) = recurring.bill(date(2026, 3, 1))
    assert not any("used" in words and amount < 0 for words, amount in recurring.lines(invoice))


@pytest.mark.django_db(transaction=True)
def test_the_same_events_sent_by_many_at_once_count_once(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        metered = recurring.price("1.00", meter_id=recurring.meter().pk)
        row = recurring.subscription(metered, on=date(2026, 1, 1))
    at = datetime(2026, 1, 5, tzinfo=UTC)
    events = [
        EventInput(key=f"k{n}", subscription_id=row.pk, meter="requests", at=at, quantity=Decimal(2))
        for n in range(50)
    ]
    recorded: list[int] = []

    def send(order):
        try:
            with context.scope(context.Scope(tenant_a)):
                outcomes = usage.record(events=order, actor=make.ACTOR, at=make.AT)
            recorded.append(sum(outcome.status == "recorded" for outcome in outcomes))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(events if n % 2 else events[::-1],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(recorded), sum(recorded)) == (4, 50)
    with context.scope(context.Scope(tenant_a)):
        assert UsageEvent.objects.count() == 50
