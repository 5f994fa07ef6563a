"""Lines of a draft from the catalogue, on the page: chosen, filled in, changed, and refused with the reason."""

import pytest
from playwright.sync_api import Browser, expect

from billing.invoices.models import Invoice
from core import ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.make import finance, recurring


def shop(live: Live) -> tuple[str, dict[str, str]]:
    """Sell a plan in tiers and a ticket with its tax inside; return whom to bill, and the prices."""
    made = finance.books(live.tenant)
    with scope(Scope(live.tenant)):
        plan = recurring.product("care", "Care plan", unit_code="MON")
        tiers = [recurring.tier("10", "5.00"), recurring.tier(None, "4.00")]
        prices = {
            "plain": recurring.price("29.50", of=plan, code="monthly"),
            "tiers": recurring.price("0", of=plan, code="seats", model="graduated", tiers=tiers),
            "inside": recurring.price("12.00", of=plan, code="ticket", tax_behavior="inclusive"),
        }
        keys = {name: str(row.pk) for name, row in prices.items()}
    return ids.encode("customer", made.customer), keys


@pytest.mark.parametrize("javascript", [True, False])
def test_a_line_is_filled_in_from_the_catalogue(browser: Browser, live: Live, javascript: bool) -> None:
    who = live.person()
    customer, prices = shop(live)
    with visit(browser, live.cookie(who), javascript=javascript) as (page, watch):
        page.goto(live.staff(f"invoices/new?customer={customer}"))
        assert page.locator("#catalogue option").count() >= 3
        line = page.get_by_role("group", name="Line 1")
        line.get_by_text("From the catalogue").first.click()
        line.get_by_label("From the catalogue").fill("care/nothing")
        line.get_by_role("button", name="Fill in line 1").click()
        expect(page.get_by_text("Nothing is sold as “care/nothing” in this currency.")).to_be_visible()
        line.get_by_label("Quantity").fill("12")
        line.get_by_label("From the catalogue").fill("care/seats")
        line.get_by_role("button", name="Fill in line 1").click()
        expect(line.get_by_label("Description")).to_have_value("Care plan (10 × 5; 2 × 4)")
        expect(line.get_by_label("Unit price")).to_have_value("58.00")
        page.get_by_role("button", name="Add a line").click()
        # Whoever does not fill it in first saves it all the same.
        second = page.get_by_role("group", name="Line 2")
        second.get_by_text("From the catalogue").first.click()
        second.get_by_label("From the catalogue").fill("care/monthly")
        page.get_by_role("button", name="Save draft").last.click()
        expect(page.get_by_text("The draft is saved.")).to_be_visible()
        assert watch.faults() == []
    with scope(Scope(live.tenant)):
        kept = Invoice.objects.order_by("-pk").first().lines.order_by("position")
        found = [(str(row.price_id), row.net_minor, row.unit_code) for row in kept]
        assert found == [(prices["tiers"], 5800, ""), (prices["plain"], 2950, "MON")]


def test_a_price_with_tax_inside_stays_so_beside_one_without(browser: Browser, live: Live) -> None:
    who = live.person()
    customer, _ = shop(live)
    with visit(browser, live.cookie(who)) as (page, _watch):
        page.goto(live.staff(f"invoices/new?customer={customer}"))
        page.get_by_label("Description").fill("By hand")
        page.get_by_label("Unit price").fill("1.00")
        page.get_by_role("button", name="Add a line").click()
        line = page.get_by_role("group", name="Line 2")
        line.get_by_text("From the catalogue").first.click()
        line.get_by_label("From the catalogue").fill("care/ticket")
        line.get_by_role("button", name="Fill in line 2").click()
        expect(page.get_by_text("Some prices of this draft include tax and some do not")).to_be_visible()
        page.get_by_role("button", name="Save draft").last.click()
        expect(page.get_by_text("The draft is saved.")).to_be_visible()
    with scope(Scope(live.tenant)):
        rows = Invoice.objects.order_by("-pk").first().lines.order_by("position")
        assert [row.gross_minor for row in rows] == [None, 1200]


def test_where_nothing_is_sold_nothing_is_offered(browser: Browser, live: Live) -> None:
    customer, _ = shop(live)
    with visit(browser, live.cookie(live.person())) as (page, _watch):
        page.goto(live.staff(f"invoices/new?customer={customer}"))
        expect(page.get_by_text("From the catalogue").first).to_be_visible()
    with scope(Scope(live.tenant)):
        recurring.Product.objects.update(state="retired")
    with visit(browser, live.cookie(live.person())) as (page, _watch):
        page.goto(live.staff(f"invoices/new?customer={customer}"))
        expect(page.get_by_text("From the catalogue")).to_have_count(0)
