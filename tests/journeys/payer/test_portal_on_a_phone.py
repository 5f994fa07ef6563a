"""The portal on a phone of 360 pixels, and what it says of an amount that was left empty."""

import pytest
from playwright.sync_api import Browser, expect

from core import ids
from payments.models import Payment
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.journeys.payer.test_paying import rows
from tests.journeys.payer.test_portal import portal
from tests.make import billing, customers, paying

pytestmark = pytest.mark.usefixtures("selling")
_OVER = """
() => [...document.querySelectorAll('.pay-list')].map(list => {
  const box = name => list.querySelector(name).getBoundingClientRect();
  const head = box('thead'), bar = box('.pay-bar');
  return bar.top >= head.bottom - 0.5;
})
"""


def test_the_bar_of_a_second_currency_never_covers_its_heading(browser: Browser, live: Live) -> None:
    first = paying.bill(live.tenant)
    with scope(Scope(live.tenant)):
        customer = billing.Customer.objects.get(pk=first.customer)
        for amount in ("10.00", "20.00", "30.00", "40.00"):
            billing.finalized(of=customer, currency="CHF", lines=[billing.line(amount)])
    for _ in range(4):
        paying.bill(live.tenant, of=first.customer)
    cookie = customers.signed_in(live.tenant, first.customer, url=live.url)
    with visit(browser, cookie) as (page, watch):
        page.set_viewport_size({"width": 360, "height": 640})
        page.goto(portal(live))
        expect(page.locator(".pay-bar")).to_have_count(2)
        height = page.evaluate("document.documentElement.scrollHeight")
        clear = []
        for top in range(0, height, 40):
            page.evaluate(f"window.scrollTo(0, {top})")
            clear.append(page.evaluate(_OVER))
        assert clear == [[True, True]] * len(clear)
        assert watch.faults() == []


def test_an_amount_left_empty_is_asked_for_in_the_product_s_words(browser: Browser, live: Live) -> None:
    bill = paying.bill(live.tenant)
    cookie = customers.signed_in(live.tenant, bill.customer, url=live.url)
    with visit(browser, cookie) as (page, _watch):
        page.goto(portal(live, f"pay?invoice={ids.encode('invoice', bill.invoice)}"))
        page.get_by_label(f"Amount for {bill.number}").fill("")
        page.locator("#pay-ways button").click()
        expect(page.get_by_text(f"Enter the amount for {bill.number}.").first).to_be_visible()
        expect(page.get_by_text("This field is required")).to_have_count(0)
    assert rows(live, Payment) == []


def test_a_statement_over_millions_fits_a_narrow_phone(browser: Browser, live: Live) -> None:
    bill = paying.bill(live.tenant)
    with scope(Scope(live.tenant)):
        customer = billing.Customer.objects.get(pk=bill.customer)
        billing.finalized(of=customer, lines=[billing.line("7654321.09")])
    cookie = customers.signed_in(live.tenant, bill.customer, url=live.url)
    with visit(browser, cookie) as (page, watch):
        for language in ("en", "de"):
            page.goto(portal(live, "statements"))
            if language == "de":
                page.get_by_text("Deutsch").click()
                page.wait_for_load_state("load")
            page.set_viewport_size({"width": 320, "height": 640})
            region = page.locator(".table-region").first
            assert region.evaluate("it => it.scrollWidth - it.clientWidth") == 0
            assert region.locator("tbody td .second").last.is_visible()
        assert watch.faults() == []
