"""Each job of a payer and a customer in the number of acts it may take: presses, typing not counted."""

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core import ids
from outbound.models import OutboxMessage
from payments.models import PaymentMethod
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.gateway import Gateway
from tests.journeys.payer.test_paying import rows
from tests.journeys.payer.test_portal import portal
from tests.make import customers, payer, paying

pytestmark = pytest.mark.usefixtures("selling")


class Acts:
    """Counts what somebody presses."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def begin(self, url: str, *, opening: int = 0) -> None:
        """Stand before the job; opening a link from a mail is an act of its own."""
        self.page.goto(url)
        self.count = opening

    def press(self, *found: Locator) -> None:
        for one in found:
            one.click()
            self.count += 1

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def link(self, name: str) -> Locator:
        return self.page.get_by_role("link", name=name, exact=True)

    def save(self, *found: Locator) -> str:
        with self.page.expect_download() as file:
            self.press(*found)
        return file.value.suggested_filename


def type_card(page: Page) -> Locator:
    for label, text in (("Card number", payer.SUCCESS), ("Expires", "12/34"), ("Security code", "123")):
        page.get_by_label(label).fill(text)
    return page.locator("form:has(#number)").get_by_role("button")


def test_each_job_takes_no_more_acts_than_it_may(browser: Browser, live: Live, gateway: Gateway) -> None:
    first = paying.bill(live.tenant, due_in=9)
    others = [paying.bill(live.tenant, due_in=days, of=first.customer) for days in (10, 11, 12)]
    cookie = customers.signed_in(live.tenant, first.customer, url=live.url)
    with visit(browser, cookie) as (page, _watch):
        acts = Acts(page)
        # 1 and 2: the PDF in one act; an invoice paid by somebody new in three, the first of them opening the mail.
        acts.begin(live.at(first.path))
        assert acts.save(acts.link("Download invoice")).endswith(".pdf")
        assert acts.count == 1
        acts.begin(live.at(first.path), opening=1)
        acts.press(page.get_by_label("Keep this way to pay"))
        acts.count -= 1  # kept for later jobs of this test; nobody has to
        acts.press(acts.button("Pay €100.00"))
        acts.press(type_card(page))
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
        assert acts.count == 3

        # After paying: a sign-in in one act, by mail to the address on file.
        acts.count = 0
        acts.press(acts.button("Create a sign-in"))
        expect(page.get_by_role("heading", name="Look into your e-mail")).to_be_visible()
        assert (acts.count, len(rows(live, OutboxMessage, template="portal_invitation"))) == (1, 1)

        # 1, returning: open the invoice's page to pay, press once.
        assert len(rows(live, PaymentMethod)) == 1
        acts.begin(portal(live, f"pay?invoice={ids.encode('invoice', others[0].invoice)}"), opening=1)
        acts.press(acts.button("Pay €100.00"))
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
        assert acts.count == 2

        # 3: two invoices in four acts.
        acts.begin(portal(live))
        acts.press(*(page.get_by_label(f"Pay {bill.number}") for bill in others[1:]))
        acts.press(acts.button("Pay 2 invoices · €200.00"))
        expect(page.get_by_label("Amount for").first).to_be_visible()
        acts.press(acts.button("Pay 2 invoices · €200.00"))
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
        assert acts.count == 4

        # 4: a card that runs out is replaced in three, then typed at the provider.
        with scope(Scope(live.tenant)):
            PaymentMethod.objects.update(expires_month=1, expires_year=2020)
        acts.begin(portal(live))
        acts.press(
            acts.link("Replace it"),
            page.get_by_label("I agree"),
            acts.button("Go on to the payment provider"),
        )
        expect(page.get_by_label("Card number")).to_be_visible()
        assert acts.count == 3

        # 5: the statement as PDF in three at most.
        acts.begin(portal(live))
        acts.press(acts.link("Statements"))
        assert acts.save(acts.link("PDF")).startswith("statement-")
        assert acts.count <= 3

        # 6: a question in two.
        acts.begin(portal(live))
        acts.press(acts.link(first.number))
        page.get_by_label("Your message").fill("Which order is it for?")
        acts.press(acts.button("Send"))
        expect(page.locator("#messages")).to_contain_text("Which order is it for?")
        assert acts.count == 2

        # 7: a colleague gets the mail, within four.
        acts.begin(portal(live))
        acts.press(acts.link("People"))
        page.get_by_label("Name").fill("Nina Ruiz")
        page.get_by_label("E-mail address").fill("nina@ada.example")
        acts.press(page.get_by_role("button", name="Add", exact=True))
        expect(page.get_by_role("rowheader", name="Nina Ruiz")).to_be_visible()
        assert acts.count <= 4
        page.get_by_role("button", name="Remove Nina Ruiz").click()
        expect(page.get_by_text("Nina Ruiz")).to_have_count(0)

        # 8: a privacy request within four.
        acts.begin(portal(live))
        acts.press(
            acts.link("Your data"),
            acts.link("Ask about your data"),
            page.get_by_role("button", name="Ask", exact=True),
        )
        expect(page.get_by_text("You get an answer by")).to_be_visible()
        assert acts.count <= 4
