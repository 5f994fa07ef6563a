"""Paying an invoice from its link, in a real browser and through the sandbox gateway's own pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect

from audit.models import Event
from billing.invoices.models import Invoice
from billing.ledger import queries as books
from core import clock, ids
from core.actor import Actor
from outbound.models import OutboxMessage
from payments.models import Attempt, PayLink, Payment, PaymentMethod
from payments.services import sending
from tenancy.context import Scope, scope
from tests.browser import harness
from tests.browser.keys import Keys
from tests.browser.live import Live, visit
from tests.gateway import Gateway
from tests.make import customers, payer, paying
from tests.make.paying import Bill

pytestmark = pytest.mark.usefixtures("selling")


@pytest.fixture
def bill(live: Live, selling: UUID) -> Bill:
    return paying.bill(live.tenant)


@contextmanager
def payer_of(browser: Browser, *, javascript: bool = True) -> Iterator[tuple[Page, harness.Watch]]:
    """Be a payer with a browser of their own, and hold its page to its policy until the end."""
    with visit(browser, javascript=javascript) as (page, watch):
        page.add_init_script(harness._LISTEN)
        yield page, watch
        if javascript:
            assert page.evaluate("window.__violations ?? []") == []


def type_card(page: Page, number: str) -> None:
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expires").fill("12/34")
    page.get_by_label("Security code").fill("123")
    page.get_by_label("Name on card").fill("Paula Payer")
    page.locator("form:has(#number)").get_by_role("button").click()


def rows(live: Live, model, **named):
    with scope(Scope(live.tenant)):
        return list(model.objects.filter(**named).order_by("id"))


def charged(gateway: Gateway) -> list[int]:
    """Return what the gateway has really taken."""
    return [intent["amount"] for intent in gateway.truth()["payments"] if intent["status"] == "succeeded"]


def test_a_card_with_3d_secure_pays_although_no_webhook_came(
    browser: Browser, live: Live, gateway: Gateway, bill: Bill
) -> None:
    with payer_of(browser) as (page, watch):
        page.goto(live.at(bill.path))
        expect(page.get_by_role("heading", level=1)).to_contain_text("€100.00")
        page.get_by_role("button", name="Pay €100.00").click()
        type_card(page, payer.AUTHENTICATE_ALWAYS)
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
        assert page.url.split("?")[0] == live.at(f"{bill.path}/result")
        expect(page.locator("#result")).to_contain_text("Visa ending 3184")
        assert watch.faults() == []
        # Kept as a bookmark it says the same, without any query.
        page.goto(live.at(f"{bill.path}/result"))
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
        page.goto(live.at(bill.path))
        expect(page.get_by_text("Nothing more is due")).to_be_visible()
    (payment,) = rows(live, Payment)
    (invoice,) = rows(live, Invoice)
    assert (payment.state, payment.captured_minor, invoice.payment_status) == ("succeeded", 10_000, "paid")
    with scope(Scope(live.tenant)):
        assert books.check() == []
        assert Event.objects.filter(event="invoice.paid", subject_id=bill.invoice).count() == 1
    assert sending.send_receipts(tenant_id=live.tenant, actor=Actor.system("tests"), at=clock.now()) == 1
    (receipt,) = rows(live, OutboxMessage, template="receipt")
    with scope(Scope(live.tenant)):
        assert receipt.body["to"] == paying.EMAIL
        assert f"Invoice {bill.number}: €100.00" in receipt.body["text"]


def test_a_declined_card_then_another(browser: Browser, live: Live, gateway: Gateway, bill: Bill) -> None:
    with payer_of(browser) as (page, _watch):
        page.goto(live.at(bill.path))
        page.get_by_role("button", name="Pay €100.00").click()
        type_card(page, payer.DECLINED)
        expect(page.get_by_role("alert")).to_be_visible()
        type_card(page, payer.SUCCESS)
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    assert [payment.state for payment in rows(live, Payment)] == ["succeeded"]


def test_leaving_the_provider_charges_nothing_and_the_same_page_is_used_again(
    browser: Browser, live: Live, gateway: Gateway, bill: Bill
) -> None:
    with payer_of(browser) as (page, watch):
        page.goto(live.at(bill.path))
        page.get_by_role("button", name="Pay €100.00").click()
        page.wait_for_url("http://127.0.0.1:*/**")
        first = page.url
        page.get_by_role("link", name="Cancel and go back").click()
        expect(page.get_by_text("Nothing was charged")).to_be_visible()
        page.get_by_role("button", name="Pay €100.00").click()
        page.wait_for_url("http://127.0.0.1:*/**")
        assert page.url == first
        assert watch.faults() == []
    assert len(rows(live, Attempt)) == 1


def test_two_tabs_make_one_charge(browser: Browser, live: Live, gateway: Gateway, bill: Bill) -> None:
    with payer_of(browser) as (first, _), payer_of(browser) as (second, _):
        for page in (first, second):
            page.goto(live.at(bill.path))
        for page in (first, second):
            page.get_by_role("button", name="Pay €100.00").click()
            page.wait_for_url("http://127.0.0.1:*/**")
        assert first.url == second.url
        type_card(first, payer.SUCCESS)
        expect(first.get_by_role("heading", name="Paid")).to_be_visible()
        # The second tab presses too: its page is over, and the invoice says so.
        second.goto(live.at(f"{bill.path}/result"))
        expect(second.get_by_role("heading", name="Paid")).to_be_visible()
        second.goto(live.at(bill.path))
        expect(second.get_by_role("button", name="Pay €100.00")).to_have_count(0)
    assert len(rows(live, Payment)) == 1
    assert charged(gateway) == [10_000]


def test_a_double_click_makes_one_attempt(browser: Browser, live: Live, gateway: Gateway, bill: Bill) -> None:
    with payer_of(browser) as (page, _watch):
        page.goto(live.at(bill.path))
        page.get_by_role("button", name="Pay €100.00").dblclick()
        page.wait_for_url("http://127.0.0.1:*/**")
    assert len(rows(live, Attempt)) == 1


def test_everything_works_without_javascript(
    browser: Browser, live: Live, gateway: Gateway, bill: Bill
) -> None:
    with payer_of(browser, javascript=False) as (page, _watch):
        page.goto(live.at(bill.path))
        page.get_by_role("button", name="Pay €100.00").click()
        type_card(page, payer.SUCCESS)
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()


def test_a_debit_is_on_its_way_until_the_bank_has_spoken(
    browser: Browser, live: Live, gateway: Gateway, bill: Bill
) -> None:
    with payer_of(browser) as (page, _watch):
        page.goto(live.at(bill.path))
        page.get_by_role("button", name="Pay €100.00").click()
        page.get_by_text("SEPA debit").first.click()
        page.get_by_label("IBAN").fill(payer.DEBIT)
        page.get_by_label("Account holder").fill("Paula Payer")
        page.get_by_role("form", name="SEPA debit").get_by_role("button").click()
        expect(page.get_by_role("heading", name="On its way")).to_be_visible()
        expect(page.get_by_text("We are waiting for your bank, usually 2 working days")).to_be_visible()
        expect(page.locator("#result")).to_contain_text("Direct debit from account ending 3000")
        page.goto(live.at(bill.path))
        expect(page.get_by_role("button", name="Pay €100.00")).to_have_count(0)
        gateway.advance()
        (attempt,) = rows(live, Attempt)
        cache.delete(f"asked:{attempt.pk.hex}")  # the provider may be asked again at once
        page.goto(live.at(f"{bill.path}/result"))
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()


def test_a_returning_payer_needs_two_acts(browser: Browser, live: Live, gateway: Gateway, bill: Bill) -> None:
    """On the portal: pay this invoice, with what was kept and is chosen. Behind a link: press pay, and type again."""
    with payer_of(browser) as (page, _watch):
        page.goto(live.at(bill.path))
        page.get_by_label("Keep this way to pay for the next invoice").check()
        page.get_by_role("button", name="Pay €100.00").click()
        type_card(page, payer.SUCCESS)
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    (method,) = rows(live, PaymentMethod)
    with scope(Scope(live.tenant)):
        assert (method.last4, "to save this card" in method.mandate_text) == ("4242", True)
    acts = 0
    again = paying.bill(live.tenant, of=bill.customer)
    with visit(browser, customers.signed_in(live.tenant, bill.customer, url=live.url)) as (page, _watch):
        page.goto(live.at(f"/p/{live.slug}/invoices/{ids.encode('invoice', again.invoice)}"))
        page.get_by_role("button", name="Pay this invoice").click()
        acts += 1
        expect(page.get_by_label("Visa ending 4242")).to_be_checked()
        page.get_by_role("button", name="Pay €100.00").click()
        acts += 1
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    assert acts == 2
    once_more, acts = paying.bill(live.tenant, of=bill.customer), 0
    with payer_of(browser) as (page, _watch):
        page.goto(live.at(once_more.path))
        expect(page.get_by_label("Keep this way to pay for the next invoice")).to_have_count(0)
        # By keys alone, as all of it can be done.
        keys = Keys(page)
        keys.go("Pay €100.00")
        acts += 1
        expect(page.locator("form.saved")).to_have_count(0)
        for field, text in (("number", payer.SUCCESS), ("expiry", "12/34"), ("cvc", "123")):
            keys.type(field, text)
        keys.go("Pay")
        acts += 1
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
        assert keys.faults == []
    assert acts == 2


def test_a_provider_that_does_not_answer_is_said_and_nothing_is_charged(
    browser: Browser, live: Live, gateway: Gateway, bill: Bill
) -> None:
    gateway.fault("reset_before", next=5, path="POST /v1/checkout/sessions")
    with payer_of(browser) as (page, _watch):
        page.goto(live.at(bill.path))
        page.get_by_role("button", name="Pay €100.00").click()
        expect(page.get_by_role("heading", name="We are asking the payment provider")).to_be_visible()
        expect(page.get_by_text("Wait before paying again")).to_be_visible()
        expect(page.get_by_text("Try again")).to_have_count(0)
    assert charged(gateway) == []


def test_an_expired_link_is_renewed_by_mail(browser: Browser, live: Live, bill: Bill) -> None:
    with scope(Scope(live.tenant)):
        PayLink.objects.filter(invoice_id=bill.invoice).update(expires_at=clock.now() - timedelta(days=1))
    with payer_of(browser) as (page, _watch):
        page.goto(live.at(bill.path))
        page.get_by_role("button", name="E-mail me a new link").click()
        expect(page.get_by_role("heading", name="Look into your e-mail")).to_be_visible()
        (message,) = rows(live, OutboxMessage, template="pay_link")
        with scope(Scope(live.tenant)):
            url = next(word for word in message.body["text"].split() if "/pay/" in word)
        page.goto(url)
        expect(page.get_by_role("heading", level=1)).to_contain_text("€100.00")
