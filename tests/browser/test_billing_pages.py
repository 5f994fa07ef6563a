"""Every page of billing: readable by all, in both themes, under the policy, narrow enough."""

from datetime import timedelta

from playwright.sync_api import Browser

from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import bank, finance
from tests.make.finance import Books


def pages(live: Live, made: Books) -> list[str]:
    invoice = ids.encode("invoice", made.open[3])
    draft, voided = ids.encode("invoice", made.draft), ids.encode("invoice", made.voided)
    customer, archived = ids.encode("customer", made.customer), ids.encode("customer", made.archived)
    rate = ids.encode("tax_rate", made.rate)
    paths = [
        "",
        "invoices",
        "invoices?view=draft",
        "invoices?view=overdue",
        "invoices?view=paid",
        "invoices?view=open&age=31-60&currency=EUR",
        f"invoices?customer={customer}&q=zzz",
        "invoices/new",
        "invoices/new?q=zzz",
        f"invoices/new?customer={customer}",
        f"invoices/{draft}",
        f"invoices/{draft}/edit",
        f"invoices/{draft}/finalize",
        f"invoices/{draft}/deposit",
        f"invoices/{draft}/discard",
        f"invoices/{invoice}",
        f"invoices/{invoice}/timeline",
        f"invoices/{invoice}/access",
        f"invoices/{invoice}/void",
        f"invoices/{voided}",
        "customers",
        "customers?state=archived",
        "customers?q=zzz",
        "customers/new",
        f"customers/{customer}",
        f"customers/{customer}/edit",
        f"customers/{customer}/access",
        f"customers/{customer}/grants",
        f"customers/{customer}/archive",
        f"customers/{archived}",
        "settings/organization",
        "settings/documents",
        "settings/bank-account",
        "settings/bank-account/change",
        "settings/bank-account/cancel",
        f"invoices/{invoice}/credit",
        f"invoices/{invoice}/write-off",
        "credit-notes",
        f"customers/{customer}/credit-entries",
        "settings/series",
        "settings/series/new",
        "settings/tax-rates",
        "settings/tax-rates/new",
        f"settings/tax-rates/{rate}",
        f"settings/tax-rates/{rate}/supersede",
        "import/invoice",
        "search",
        "search?q=mill",
        "search?q=zzz",
    ]
    return [f"/o/{live.slug}/{path}" for path in paths]


def test_nothing_is_wrong_with_the_pages_of_billing(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant)
    with scope(Scope(live.tenant)):
        since = clock.now() - timedelta(days=200)
        bank.set_first(since, owner=who.member)
        bank.agreed(bank.OTHER, asker=who.member, at=clock.now())
    assert judge(browser, live, pages(live, made), [live.cookie(who)]) == {}


def test_nothing_is_wrong_where_nothing_is_yet(browser: Browser, live: Live) -> None:
    who = live.person()
    paths = [
        f"/o/{live.slug}/{path}"
        for path in (
            "",
            "invoices",
            "customers",
            "invoices/new",
            "settings/tax-rates",
            "settings/bank-account",
        )
    ]
    assert judge(browser, live, paths, [live.cookie(who)]) == {}
