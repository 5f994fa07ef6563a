"""The test clock bills each day on its way, once; it never goes back, and no live organization has one."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from billing.invoices.models import Invoice, InvoiceLine
from billing.ledger import queries as books
from billing.runs import services as runs
from billing.subscriptions import clock, planning, testclock
from billing.subscriptions import models as rows
from billing.subscriptions.models import BilledPeriod, Subscription
from config.embedded import demo_subscriptions
from tenancy import context, jobs
from tenancy.models import Tenant
from tests import databases
from tests.make import billing as make
from tests.make import recurring

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
TODAY = NOW.date()


def now() -> datetime:
    return NOW


def inside(tenant):
    return context.scope(context.Scope(tenant))


def live(tenant):
    databases.as_owner("UPDATE tenancy_tenant SET mode = 'live' WHERE id = %s RETURNING id", [tenant])


def test_every_day_on_the_way_is_billed_once_and_what_ends_ends(tenant_a):
    to, passed = TODAY + timedelta(days=12), []
    testclock.when_day_passes(lambda tenant_id, actor, at: passed.append(at.date()))
    with inside(tenant_a):
        assert Tenant.objects.get(pk=tenant_a).mode == "test"
        daily = recurring.price("1.00", interval="day")
        row = recurring.subscription(daily, on=TODAY, trial_until=TODAY + timedelta(days=2))
        job = testclock.ask(to=to, actor=make.ACTOR, at=NOW)
        with pytest.raises(testclock.ClockIsMoving), context.attempt():
            testclock.ask(to=to, actor=make.ACTOR, at=NOW)
    try:
        assert testclock.move(tenant_id=tenant_a, job_id=job.pk, to=to, actor=make.ACTOR, now=now) == 12
        assert testclock.move(tenant_id=tenant_a, job_id=job.pk, to=to, actor=make.ACTOR, now=now) == 0
    finally:
        testclock._when_passed.pop()
    assert passed == [TODAY + timedelta(days=n) for n in range(1, 13)]
    with inside(tenant_a):
        assert clock.today(NOW) == to
        issued = list(Invoice.objects.order_by("sequence").values_list("issued_on", "total_minor"))
        assert issued == [(TODAY + timedelta(days=n), 100) for n in range(2, 13)]
        assert BilledPeriod.objects.count() == 11
        assert Subscription.objects.get(pk=row.pk).status == "active"
        assert jobs.find(job.pk).state == "done"
        assert books.check() == []
        for wrong in (to, TODAY, to + timedelta(days=400)):
            with pytest.raises(testclock.ClockRunsForward), context.attempt():
                testclock.ask(to=wrong, actor=make.ACTOR, at=NOW)
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.TestClock.objects.update(today=TODAY)


def test_a_live_organization_has_no_clock_to_move_not_even_by_sql(tenant_a):
    live(tenant_a)
    try:
        with inside(tenant_a):
            with pytest.raises(testclock.ClockIsReal), context.attempt():
                testclock.ask(to=TODAY + timedelta(days=1), actor=make.ACTOR, at=NOW)
            with pytest.raises(DatabaseError), transaction.atomic():
                rows.TestClock.objects.create(today=TODAY, updated_at=NOW)
    finally:
        databases.as_owner("UPDATE tenancy_tenant SET mode = 'test' WHERE id = %s RETURNING id", [tenant_a])


def test_a_billing_run_bills_what_the_demo_sells_and_finds_nothing_the_second_time(tenant_a):
    with inside(tenant_a):
        make.tax_rate("19")
        buyers = [make.customer(f"Buyer {n}").pk for n in range(6)]
        demo_subscriptions.fill(buyers, owner=make.ACTOR, at=NOW, today=TODAY)
        wanted = planning.due(TODAY, None, 100)
        run = runs.begin(on=TODAY, actor=make.ACTOR, at=NOW)
    done = runs.work(tenant_id=tenant_a, run_id=run.pk, actor=make.ACTOR, clock=now)
    assert (done.invoices, done.skipped) == (6, 0)
    with inside(tenant_a):
        assert sum(len(one.lines) for one in wanted) == InvoiceLine.objects.count()
        again = runs.begin(on=TODAY, actor=make.ACTOR, at=NOW)
    assert runs.work(tenant_id=tenant_a, run_id=again.pk, actor=make.ACTOR, clock=now).invoices == 0
    with inside(tenant_a):
        later = runs.begin(on=TODAY + timedelta(days=31), actor=make.ACTOR, at=NOW)
    assert runs.work(tenant_id=tenant_a, run_id=later.pk, actor=make.ACTOR, clock=now).invoices == 6
