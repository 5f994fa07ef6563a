"""Every page of tax: readable by all, in both themes, under the policy, narrow enough. One visit a page."""

from datetime import date, timedelta
from decimal import Decimal

from playwright.sync_api import Browser

from billing.invoices import services as invoices
from billing.invoices.rules import Discount, LineInput
from billing.tax import services as tax
from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import billing as make
from tests.make import finance, recurring


def pages(live: Live) -> list[str]:
    """Bill with a discount of every kind and a price of the catalogue, and name the pages that show it."""
    made = finance.books(live.tenant)
    at = clock.now()
    with scope(Scope(live.tenant)):
        parts = [
            tax.create(code=name.lower(), name=name, category="S", percentage=Decimal(percentage),
                       valid_from=date(2020, 1, 1), actor=make.ACTOR, at=at)
            for name, percentage in (("State", "4"), ("City", "4.5"))
        ]  # fmt: skip
        sold = recurring.price("29.00", of=recurring.product("care", "Care plan with everything in it"))
        lines = [
            LineInput(
                description="Care plan with everything in it, at the customer's place",
                unit_amount=Decimal("29.00"),
                quantity=Decimal(12),
                tax_rate_id=made.rate,
                price_id=sold.pk,
                period_from=at.date(),
                period_to=at.date() + timedelta(days=31),
                discount=Discount(percentage=Decimal("12.5"), reason="First order of the year"),
            ),
            LineInput(
                description="Ticket", unit_amount=Decimal("9.99"), tax_rate_id=parts[0].pk, tax_inclusive=True
            ),
        ]
        discounts = [Discount(amount=Decimal("5.00"), reason="Spring")]
        draft, final = (
            invoices.create_draft(
                customer_id=made.customer, lines=lines, discounts=discounts, actor=make.ACTOR, at=at
            )
            for _ in range(2)
        )
        invoices.finalize(invoice_id=final.pk, actor=make.ACTOR, at=at)
        drafted, finalized = ids.encode("invoice", draft.pk), ids.encode("invoice", final.pk)
        customer = ids.encode("customer", made.customer)
    paths = [
        "settings/tax-rates/country",
        "settings/tax-rates/group",
        "settings/tax-rates/sales",
        f"invoices/{drafted}",
        f"invoices/{drafted}/edit",
        f"invoices/{finalized}/explanation",
        f"invoices/new?customer={customer}",
    ]
    return [f"/o/{live.slug}/{path}" for path in paths]


def test_nothing_is_wrong_with_the_pages_of_tax(browser: Browser, live: Live) -> None:
    who = live.person()
    assert judge(browser, live, pages(live), [live.cookie(who)]) == {}
