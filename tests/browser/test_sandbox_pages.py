"""The sandbox gateway's own pages: judged like ours, and paid by people without JavaScript."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import harness
from tests.gateway import Gateway
from tests.make import payer
from tests.sandbox.conftest import Receiver, charge, checkout, client, customer, receiver, saved  # noqa: F401  fixtures


@pytest.fixture
def pages(
    gateway: Gateway, client: Any, customer: Any, checkout: Any, saved: Any, charge: Any
) -> dict[str, str]:
    """Every page there is, with much on it."""
    saved()
    saved(payer.AUTHENTICATE_FIRST)
    begun = checkout(customer=customer.id, save=True)
    with pytest.raises(payer.NotPaid):
        payer.pay(begun.url, payer.DECLINED)
    setup = client.v1.checkout.sessions.create({"mode": "setup", "success_url": "http://localhost/x"})
    asked = client.v1.payment_intents.create(
        {
            "amount": 900,
            "currency": "eur",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
        }
    )
    client.v1.webhook_endpoints.create({"url": "http://localhost:9/hooks", "enabled_events": ["*"]})
    paid, disputed = charge(), charge()
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 300})
    gateway.dispute(disputed.id)
    gone = checkout()
    client.v1.checkout.sessions.expire(gone.id)
    return {
        "pay": begun.url,
        "save": setup.url,
        "authenticate": asked.next_action.redirect_to_url.url,
        "expired": gone.url,
        "overview": gateway.address + "/",
        "account": f"{gateway.address}/accounts/{gateway.truth()['account']}",
        "cards": gateway.address + "/cards",
    }


@pytest.mark.parametrize(("dark", "size"), [(False, harness.PHONE), (True, harness.DESK)])
def test_every_page_passes_in_both_themes_and_narrow(
    browser: Browser, pages: dict[str, str], dark: bool, size: tuple[int, int]
) -> None:
    found = []
    for name, url in pages.items():
        with harness.opened(browser, url, size=size, dark=dark) as (page, watch):
            faults = harness.axe(page) + harness.small_targets(page) + harness.overflowing(page)
            page.set_viewport_size({"width": harness.NARROW[0], "height": harness.NARROW[1]})
            faults += harness.small_targets(page) + harness.overflowing(page)
        found += [(name, fault) for fault in faults + watch.faults()]
    assert found == []


@pytest.mark.parametrize("javascript", [True, False])
def test_a_person_pays_with_authentication_and_is_back_at_the_shop(
    browser: Browser, gateway: Gateway, checkout: Any, receiver: Receiver, javascript: bool
) -> None:
    shop = receiver.url.replace("127.0.0.1", "localhost").replace("/hooks", "/paid")
    url = checkout(success_url=shop, cancel_url=shop).url
    with harness.opened(browser, url, javascript=javascript) as (page, watch):
        expect(page.get_by_role("heading", level=1)).to_have_text("19.99 EUR")
        page.get_by_label("Card number").fill(payer.AUTHENTICATE_ALWAYS)
        page.get_by_label("Expires (MM/YY)").fill("12/34")
        page.get_by_label("Security code").fill("123")
        page.get_by_role("button", name="Pay 19.99 EUR").first.click()
        page.get_by_role("button", name="Refuse").click()
        expect(page.get_by_role("alert")).to_have_text(
            "The provided PaymentMethod has failed authentication."
        )
        assert gateway.truth()["sums"]["charges"] == 0
        page.get_by_label("Card number").fill(payer.AUTHENTICATE_ALWAYS)
        page.get_by_label("Expires (MM/YY)").fill("12/34")
        page.get_by_label("Security code").fill("123")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Back at the shop")
        expect(page).to_have_url(shop)
    assert watch.faults() == []
    assert gateway.truth()["sums"] == {"taken": 1999, "refunded": 0, "charges": 1}
