"""Every page of reports: readable by all, in both themes, under the policy, narrow enough."""

from datetime import timedelta

from playwright.sync_api import Browser

from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import finance, recurring


def test_nothing_is_wrong_with_the_pages_of_reports(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant)
    with scope(Scope(live.tenant)):
        recurring.subscription(recurring.price(), on=clock.now().date() - timedelta(days=70))
    customer = ids.encode("customer", made.customer)
    paths = [
        "reports", "reports/aging", "reports/aging?on=2001-01-01", "reports/aging/rows", "reports/revenue",
        "reports/revenue/rows", "reports/mrr", "reports/mrr/rows", "reports/tax", "reports/cash", "reports/dso",
        f"customers/{customer}/statement",
    ]  # fmt: skip
    assert judge(browser, live, [f"/o/{live.slug}/{path}" for path in paths], [live.cookie(who)]) == {}
