"""Tax on the pages: a country's rates, what is sold, a proposal with its reason, discounts, prices with tax inside."""

import re
from datetime import date
from decimal import Decimal

from playwright.sync_api import Browser, expect

from billing.customers import services as customers
from billing.invoices.models import Invoice
from billing.tax import services as tax
from billing.tax.models import TaxRate
from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.make import billing as make
from tests.make import finance


def test_a_draft_is_proposed_its_tax_and_says_why(browser: Browser, live: Live) -> None:
    who = live.person()
    finance.books(live.tenant)
    with scope(Scope(live.tenant)):
        buyer = customers.create(
            name="Atelier Duval", currency="EUR", tax_id="FR40303265045", address={"country": "FR"},
            actor=make.ACTOR, at=clock.now(),
        )  # fmt: skip
    with visit(browser, live.cookie(who)) as (page, _):
        page.goto(live.staff("settings/tax-rates"))
        page.get_by_role("link", name="Add a country’s rates").click()
        page.get_by_label("Country").select_option("IE")
        page.get_by_role("button", name="Add its rates").click()
        expect(page.get_by_text("tax rates added")).to_be_visible()
        expect(page.get_by_role("link", name="Ireland standard").first).to_be_visible()

        page.goto(live.staff(f"invoices/new?customer={ids.encode('customer', buyer.pk)}"))
        expect(page.get_by_text("Reverse charge: customer in FR with VAT id.")).to_be_visible()
        page.get_by_label("Description").fill("Design")
        page.get_by_label("Unit price").fill("100.00")
        page.get_by_text("Discount, days of service").click()
        line = page.get_by_role("group", name="Line 1")
        line.get_by_label(re.compile(r"^Discount \(")).fill("10 %")
        line.get_by_label("Reason of the discount").fill("First order")
        line.get_by_label("For the days from").fill("2026-03-01")
        line.get_by_label("Through").fill("2026-03-31")
        page.get_by_role("button", name="Save draft").last.click()
        expect(page.get_by_text("The draft is saved.")).to_be_visible()
        expect(page.get_by_text("First order 10")).to_be_visible()
        expect(page.get_by_text("Article 196")).to_be_visible()
        page.get_by_role("link", name="Amounts").click()
        expect(page.get_by_text("Reverse charge: the customer is a business")).to_be_visible()
    with scope(Scope(live.tenant)):
        row = Invoice.objects.filter(customer=buyer).get()
        (kept,) = row.lines.all()
        assert (row.tax_rule, row.total_minor, kept.tax_category) == ("reverse_charge", 9000, "AE")
        assert (kept.period_from, kept.period_to) == (date(2026, 3, 1), date(2026, 4, 1))


def test_prices_with_tax_inside_stay_what_they_are(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant)
    with visit(browser, live.cookie(who), javascript=False) as (page, _):
        page.goto(live.staff(f"invoices/new?customer={ids.encode('customer', made.customer)}"))
        page.get_by_label("Description").fill("Ticket")
        page.get_by_label("Quantity").fill("3")
        page.get_by_label("Unit price").fill("9.99")
        page.get_by_label("Prices include tax").check()
        page.get_by_label("Discount on everything").fill("10%")
        page.get_by_role("button", name="Save draft").last.click()
        expect(page.get_by_text("The draft is saved.")).to_be_visible()
        expect(page.locator(".paper-sums [data-total]")).to_contain_text("€26.97")
        page.get_by_role("link", name="Edit", exact=True).click()
        expect(page.get_by_label("Prices include tax")).to_be_checked()
        expect(page.get_by_label("Discount on everything")).to_have_value("10 %")
        page.get_by_role("button", name="Save draft").last.click()
        expect(page.locator(".paper-sums [data-total]")).to_contain_text("€26.97")


def test_taxes_are_stacked_and_what_is_sold_is_said(browser: Browser, live: Live) -> None:
    who = live.person()
    finance.books(live.tenant)
    with scope(Scope(live.tenant)):
        for name, percentage in (("State", "4"), ("City", "4.5")):
            tax.create(code=name.lower(), name=name, category="S", percentage=Decimal(percentage),
                       valid_from=date(2020, 1, 1), actor=make.ACTOR, at=clock.now())  # fmt: skip
    with visit(browser, live.cookie(who)) as (page, _):
        page.goto(live.staff("settings/tax-rates/group"))
        page.get_by_label("Code").fill("ny")
        page.get_by_label("Name").fill("New York")
        page.get_by_label("First tax").select_option(label="4\u202f% State")
        page.get_by_label("Second tax").select_option(label="4.5\u202f% City")
        page.get_by_role("button", name="Put them together").click()
        expect(page.get_by_text("New York is added.")).to_be_visible()
        page.goto(live.staff("settings/tax-rates/sales"))
        page.get_by_label("What you usually sell").select_option("digital")
        page.get_by_label("We use One Stop Shop").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("New drafts are proposed their tax by it.")).to_be_visible()
    with scope(Scope(live.tenant)):
        assert str(TaxRate.objects.get(code="ny").percentage) == "8.500000"
