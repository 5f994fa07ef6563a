"""Every page of billing runs: readable by all, in both themes, under the policy, narrow enough."""

from datetime import timedelta

from playwright.sync_api import Browser

from billing.customers import services as customers
from billing.runs import services
from billing.subscriptions.models import PendingCharge
from core import clock, ids
from tenancy import jobs
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import billing as make
from tests.make.charges import charge


def pages(live: Live) -> list[str]:
    """Leave one run finished with somebody skipped, one half done, one that failed, and something still due."""
    at = clock.now()
    today = at.date()
    with scope(Scope(live.tenant)):
        gone = make.customer("Mirjam Ostlund-Featherstonehaugh and Daughters")
        people = [make.customer("Blue Mill Bakery"), make.customer("Kestrel"), gone]
        PendingCharge.objects.bulk_create(
            charge(row.pk, at=at, on=today - timedelta(days=1), amount="1200.00", currency=currency)
            for row in people
            for currency in ("EUR", "USD")
        )
        customers.archive(customer_id=gone.pk, actor=make.ACTOR, at=at)
        done = services.begin(on=today - timedelta(days=1), actor=make.ACTOR, at=at)
        half = services.begin(on=today - timedelta(days=9), actor=make.ACTOR, at=at - timedelta(minutes=3))
        jobs.advance(job_id=half.job_id, at=at - timedelta(minutes=3), done=4_000, total=12_345)
        failed = services.begin(on=today - timedelta(days=8), actor=make.ACTOR, at=at)
        failed.state, failed.code, failed.finished_at = "failed", "period_closed", at
        failed.save()
    services.work(tenant_id=live.tenant, run_id=done.pk, actor=make.ACTOR, clock=clock.now)
    with scope(Scope(live.tenant)):
        PendingCharge.objects.bulk_create([charge(people[0].pk, at=at, on=today, amount="99.00")])
    paths = ["", "/new", f"/new?on={today - timedelta(days=400)}"]
    paths += [f"/{ids.encode('billing_run', row.pk)}" for row in (done, half, failed)]
    return [f"/o/{live.slug}/billing-runs{path}" for path in paths]


def test_nothing_is_wrong_with_the_pages_of_billing_runs(browser: Browser, live: Live) -> None:
    who = live.person()
    assert judge(browser, live, pages(live), [live.cookie(who)]) == {}
