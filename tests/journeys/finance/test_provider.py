"""Connecting the payment provider and looking at the boundary of card data, in a real browser."""

import re
import secrets

from playwright.sync_api import Browser, expect

from audit.models import Event
from core import clock
from core.actor import Actor
from payments.cards import scan
from payments.models import GatewayAccount
from tenancy import jobs
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge, visit
from tests.gateway import Gateway
from tests.make import accounts as make
from tests.make import billing, payer, payments


def the_account(live: Live) -> GatewayAccount:
    with scope(Scope(live.tenant)):
        account = GatewayAccount.objects.order_by("-connected_at")[0]
        assert account.secret_key
        return account


def told(live: Live, code: str) -> int:
    with scope(Scope(live.tenant)):
        return Event.objects.filter(event=code).count()


def test_a_provider_is_connected_checked_its_secrets_replaced_and_disconnected(
    browser: Browser, live: Live, gateway: Gateway
) -> None:
    who = live.person()
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("settings/payments"))
        page.get_by_role("link", name="Connect Stripe").click()
        page.get_by_label("Secret key").fill("sk_live_" + "a" * 24)
        page.get_by_role("button", name="Connect").click()
        expect(page.get_by_text("This key is for the other kind of organization")).to_be_visible()
        page.get_by_label("Secret key").fill(gateway.key)
        page.get_by_role("button", name="Connect").click()
        expect(page.get_by_text("Stripe is connected.")).to_be_visible()
        expect(page.get_by_text(f"ends in {gateway.key[-4:]}")).to_be_visible()
        assert gateway.key not in page.content()
        page.get_by_role("button", name="Check the connection").click()
        expect(page.get_by_text("Stripe answered, and still tells us what happens.")).to_be_visible()

        page.goto(live.staff("settings/payments/key"))
        page.get_by_label("Secret key").fill(f"sk_test_{secrets.token_hex(12)}")
        page.get_by_role("button", name="Replace the key").click()
        expect(page.get_by_text("This key opens another account at the provider.")).to_be_visible()
        assert the_account(live).secret_key == gateway.key

        before = the_account(live).hook_reference
        page.goto(live.staff("settings/payments/secret"))
        page.get_by_role("button", name="Replace the secret").click()
        expect(page.get_by_text("Messages are signed with a new secret from now on.")).to_be_visible()
        assert the_account(live).hook_reference != before

        page.goto(live.staff("settings/payments/disconnect"))
        page.get_by_role("button", name="Disconnect").click()
        expect(page.get_by_text("No provider is connected")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile(f"key ends in {gateway.key[-4:]}"))).to_be_visible()
    assert watch.faults() == []
    codes = ("gateway.connected", "gateway.hook_rotated", "gateway.disconnected", "gateway.key_replaced")
    assert [told(live, code) for code in codes] == [1, 1, 1, 0]


def test_a_search_for_card_numbers_is_asked_for_and_its_result_stands_on_the_page(
    browser: Browser, live: Live
) -> None:
    who = live.person("security_officer")
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("security/gateway"))
        expect(page.get_by_role("heading", name="Nobody has looked yet")).to_be_visible()
        page.get_by_role("button", name="Search for card numbers").click()
        expect(page.get_by_role("heading", name="Search for card numbers")).to_be_visible()
        with scope(Scope(live.tenant)):
            job = jobs.lasting(kind=scan.KIND)
        assert job is not None
        result = scan.run(tenant_id=live.tenant, actor=Actor.system("tests"), now=clock.now, job_id=job.pk)
        page.goto(live.staff("security/gateway"))
        expect(page.get_by_text("SAQ A", exact=True)).to_be_visible()
        found = page.locator(".tile", has_text="Card numbers found")
        expect(found.locator(".figure")).to_have_text("0")
        expect(page.locator("main")).to_contain_text("texts in")
        expect(page.get_by_role("row", name=re.compile(r"app\.js.*Reviewed"))).to_be_visible()
    assert watch.faults() == []
    assert result.found == []


def test_nothing_is_wrong_with_the_pages_of_the_boundary(
    browser: Browser, live: Live, gateway: Gateway
) -> None:
    who = live.person()
    pages = ["settings/payments", "settings/payments/connect", "security/gateway"]
    assert judge(browser, live, [f"/o/{live.slug}/{path}" for path in pages], [live.cookie(who)]) == {}
    with scope(Scope(live.tenant)):
        account = payments.account(secret_key=gateway.key)
        payments.card_payment(billing.finalized(), account_id=account.pk)
        actor = make.actor(who.user)
        customer = billing.customer()
        customer.notes = payer.SUCCESS
        customer.save(update_fields=["notes"])
    scan.run(tenant_id=live.tenant, actor=actor, now=clock.now)
    pages = [
        "settings/payments", "settings/payments?refused=gateway_away", "settings/payments?said=deaf",
        "settings/payments/key", "settings/payments/secret", "settings/payments/disconnect", "security/gateway",
    ]  # fmt: skip
    assert judge(browser, live, [f"/o/{live.slug}/{path}" for path in pages], [live.cookie(who)]) == {}
