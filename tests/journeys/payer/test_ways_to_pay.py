"""A customer's saved ways to pay in a real browser: what of them still works, and what they agreed to."""

from datetime import timedelta
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from core import clock, ids
from core.actor import Actor
from payments.models import Attempt, Autopay, Payment, PaymentMethod
from payments.services import accounts
from tenancy.context import Scope, scope
from tests.browser import harness
from tests.browser.live import Live, visit
from tests.gateway import Gateway
from tests.journeys.payer.test_paying import charged, rows
from tests.journeys.payer.test_portal import portal, type_card
from tests.make import customers, payer, paying
from tests.make.paying import Bill

ACTOR = Actor.system("tests")


@pytest.fixture
def bill(live: Live, selling: UUID) -> Bill:
    return paying.bill(live.tenant)


def save_card(page: Page, live: Live, number: str = payer.SUCCESS) -> None:
    page.goto(portal(live, "methods/new/card"))
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Go on to the payment provider").click()
    type_card(page, number)
    if number == payer.AUTHENTICATE_ALWAYS:
        page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("It is saved.")).to_be_visible()


def connect_again(live: Live, gateway: Gateway, account: UUID) -> None:
    with scope(Scope(live.tenant)):
        accounts.disconnect(account_id=account, actor=ACTOR)
    accounts.connect(tenant_id=live.tenant, secret_key=gateway.key, actor=ACTOR, at=clock.now())


def test_what_was_saved_before_the_provider_was_connected_again_is_not_offered_and_can_be_removed(
    browser: Browser, live: Live, gateway: Gateway, selling: UUID, bill: Bill
) -> None:
    cookie = customers.signed_in(live.tenant, bill.customer, url=live.url)
    pay = portal(live, f"pay?invoice={ids.encode('invoice', bill.invoice)}")
    with visit(browser, cookie) as (page, watch):
        save_card(page, live)
        page.goto(portal(live, "automatic-payment/on"))
        page.get_by_label("At most, for one invoice").fill("250")
        page.get_by_role("button", name="Read what you agree to").click()
        page.get_by_label("I agree").check()
        page.get_by_role("button", name="Turn automatic payment on").click()
        expect(page.get_by_role("heading", name="On", exact=True)).to_be_visible()
        connect_again(live, gateway, selling)
        page.goto(pay)
        expect(page.get_by_role("button", name="Pay €100.00")).to_be_visible()
        expect(page.get_by_label("Visa ending 4242")).to_have_count(0)
        page.goto(portal(live, "methods"))
        expect(page.get_by_role("rowheader")).to_contain_text("Cannot be used any more; add it again")
        expect(page.get_by_role("button", name="Make usual")).to_have_count(0)
        page.goto(portal(live, "automatic-payment"))
        expect(page.get_by_role("heading", name="Not collecting")).to_be_visible()
        expect(page.get_by_text("Visa ending 4242 cannot be used any more")).to_be_visible()
        expect(page.get_by_role("link", name="Change it")).to_have_count(0)
        # The way out: add it again; the new one is the usual one, works, and is what can be chosen.
        save_card(page, live, "5555555555554444")
        expect(page.get_by_role("rowheader", name="Mastercard ending 4444")).to_contain_text("usual")
        page.goto(portal(live, "automatic-payment"))
        page.get_by_role("link", name="Change it").click()
        expect(page.get_by_role("radio")).to_have_count(1)
        page.goto(pay)
        page.get_by_role("button", name="Pay €100.00").click()
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
        page.goto(portal(live, "methods"))
        page.get_by_role("link", name="Remove… Visa ending 4242").click()
        page.get_by_role("button", name="Remove it").click()
        expect(page.get_by_text("It is removed and will not be charged again.")).to_be_visible()
        assert watch.faults() == []
    assert charged(gateway) == [10_000]
    with scope(Scope(live.tenant)):
        saved = [(row.last4, row.state) for row in PaymentMethod.objects.order_by("id")]
        assert saved == [("4242", "removed"), ("4444", "active")]
        assert Autopay.objects.get().ended_at is not None


def test_a_saved_card_whose_bank_asks_is_confirmed_at_the_provider_and_charged_once(
    browser: Browser, live: Live, gateway: Gateway, bill: Bill
) -> None:
    cookie = customers.signed_in(live.tenant, bill.customer, url=live.url)
    with visit(browser, cookie) as (page, watch):
        page.add_init_script(harness._LISTEN)
        save_card(page, live, payer.AUTHENTICATE_ALWAYS)
        page.goto(portal(live, f"pay?invoice={ids.encode('invoice', bill.invoice)}"))
        page.get_by_role("button", name="Pay €100.00").click()
        expect(page.get_by_text("Your bank wants you to confirm this payment")).to_be_visible()
        expect(page.get_by_role("button")).to_have_text(["Confirm at the payment provider"])
        assert charged(gateway) == []
        page.get_by_role("button", name="Confirm at the payment provider").click()
        # The saved card is offered there, and the bank's question is answered by whoever is present.
        page.locator("section:has(#saved)").get_by_role("button").click()
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
        expect(page.locator("#payment")).to_contain_text("Visa ending 3184")
        expect(page.get_by_role("button", name="Confirm at the payment provider")).to_have_count(0)
        assert watch.faults() == []
        assert page.evaluate("window.__violations ?? []") == []
    assert charged(gateway) == [10_000]
    assert [row.state for row in rows(live, Attempt)] == ["failed", "succeeded"]
    assert [row.state for row in rows(live, Payment)] == ["succeeded"]
    assert [row.last4 for row in rows(live, PaymentMethod)] == ["3184"]


def test_the_words_agreed_to_are_shown_and_the_same_card_twice_is_told_apart(
    browser: Browser, live: Live, bill: Bill
) -> None:
    cookie = customers.signed_in(live.tenant, bill.customer, url=live.url)
    with visit(browser, cookie) as (page, watch):
        save_card(page, live)
        words = page.get_by_text("I allow Strongbox Tests GmbH to save this card")
        expect(words).to_have_count(1)
        expect(page.get_by_role("figure")).to_contain_text("Visa ending 4242, agreed on")
        with scope(Scope(live.tenant)):
            first = PaymentMethod.objects.get()
            first.agreed_at -= timedelta(days=40)
            first.save(update_fields=["agreed_at"])
        save_card(page, live)
        expect(words).to_have_count(2)
        named = page.get_by_role("rowheader", name="Visa ending 4242, added on")
        expect(named).to_have_count(2)
        assert len(set(named.all_inner_texts())) == 2
        page.goto(portal(live, f"pay?invoice={ids.encode('invoice', bill.invoice)}"))
        expect(page.get_by_label("Visa ending 4242, added on")).to_have_count(2)
        assert watch.faults() == []
