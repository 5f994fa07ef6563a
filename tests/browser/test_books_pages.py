"""Every page of the books: readable by all, in both themes, under the policy, narrow enough."""

from playwright.sync_api import Browser

from billing.ledger.models import LedgerAccount, LedgerTransaction
from billing.periods.rules import Month
from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import billing, books, finance


def pages(live: Live) -> list[str]:
    """Fill the books with two currencies, close a month, and name every page."""
    finance.books(live.tenant)
    this = Month.of(clock.now().date())
    last, before = this.before, this.before.before
    with scope(Scope(live.tenant)):
        for day, rate in ((before.starts_on, "0.9"), (before.ends_on, "0.95"), (last.ends_on, "0.97")):
            books.rate(day.isoformat(), rate)
        invoice = books.invoice(before.starts_on.isoformat(), "1000.00", of=billing.customer(currency="USD"))
        books.close(str(before), on=this.starts_on.isoformat())
        receivable = LedgerAccount.objects.get(code="receivable")
        booked = LedgerTransaction.objects.get(kind="invoice_finalized", invoice=invoice.pk)
        account, own = (
            ids.encode("ledger_account", receivable.pk),
            ids.encode("ledger_transaction", booked.pk),
        )
    paths = [
        "close",
        f"close/{last}",
        f"close/{before}/reopen",
        "ledger",
        f"ledger/journal?month={before}",
        "ledger/accounts",
        "ledger/accounts/new",
        f"ledger/accounts/{account}?currency=USD&since={before.starts_on}",
        f"ledger/accounts/{account}/edit",
        f"ledger/transactions/{own}",
        "exchange-rates",
        "exchange-rates?currency=CHF",
        "exchange-rates/new",
        "exchange-rates/upload",
    ]
    return [f"/o/{live.slug}/{path}" for path in paths]


def test_nothing_is_wrong_with_the_pages_of_the_books(browser: Browser, live: Live) -> None:
    who = live.person()
    assert judge(browser, live, pages(live), [live.cookie(who)]) == {}
