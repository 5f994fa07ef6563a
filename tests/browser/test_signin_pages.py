"""The pages on the way in that are seen once: judged like all others, where they stand in their journey."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts import queries
from accounts.models import TotpDevice
from accounts.services import members
from core import clock
from tenancy.context import Scope, scope
from tests.browser import harness
from tests.browser.live import Live, Someone, expected_status, visit
from tests.make import accounts as make


def faults(page: Page) -> list[str]:
    """Return what is wrong with the page as it stands, wide and narrow."""
    found = []
    for width, height in (harness.DESK, harness.NARROW):
        page.set_viewport_size({"width": width, "height": height})
        found += harness.axe(page) + harness.small_targets(page) + harness.overflowing(page)
    return found


@contextmanager
def at_the_factor(browser: Browser, live: Live, who: Someone) -> Iterator[Page]:
    """Go as far as the second factor."""
    with visit(browser) as (page, watch):
        page.goto(live.at("/login"))
        page.get_by_label("E-mail address").fill(who.email)
        page.get_by_label("Password").fill(who.password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        yield page
        assert expected_status(watch, 422) == []


def test_asking_for_the_factor_and_refusing_it(browser: Browser, live: Live) -> None:
    who = live.person()
    with at_the_factor(browser, live, who) as page:
        expect(page).to_have_title("Confirm it is you · Strongbox")
        code = page.get_by_label("Code from your authenticator")
        assert (code.get_attribute("autocomplete"), code.get_attribute("inputmode")) == (
            "one-time-code",
            "numeric",
        )
        assert faults(page) == []
        code.fill("123")
        page.get_by_role("button", name="Continue").click()
        expect(page).to_have_title("Error: Confirm it is you · Strongbox")
        expect(page.locator(".error-summary")).to_be_focused()
        assert faults(page) == []


def test_adding_the_first_factor_and_keeping_the_codes(browser: Browser, live: Live) -> None:
    who = live.person()
    with scope(Scope(user=who.user.pk)):
        TotpDevice.objects.filter(user=who.user).delete()
    with at_the_factor(browser, live, who) as page:
        page.get_by_text("Type the key by hand").click()
        assert faults(page) == []
        secret = page.locator("#totp-secret").inner_text().replace(" ", "")
        page.get_by_label("Code from your authenticator").fill(
            make.code(TotpDevice(secret=secret), at=clock.now())
        )
        page.get_by_role("button", name="Add authenticator").click()
        expect(page.get_by_role("heading", name="Keep these ten codes")).to_be_visible()
        assert faults(page) == []


def test_an_invitation_in_each_state(browser: Browser, live: Live) -> None:
    owner = live.person()
    guest = Live(live.url, slug="b").person(name="Li Wei")
    with scope(Scope(live.tenant)):
        invited = members.invite(
            email=guest.email, role=queries.role("auditor"), actor=make.actor(owner.user), at=clock.now()
        )
    with visit(browser) as (page, _):
        page.goto(invited.url)
        assert page.get_by_label("Password").get_attribute("autocomplete") == "new-password"
        assert page.get_by_label("E-mail address").get_attribute("autocomplete") == "username"
        page.get_by_text("What this role may do").click()
        assert faults(page) == []
    with visit(browser, live.cookie(guest)) as (page, _):
        page.goto(invited.url)
        expect(page.get_by_text(f"You are signed in as {guest.email}.")).to_be_visible()
        assert faults(page) == []
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_role("heading", name="Choose an organization")).to_be_visible()
        assert faults(page) == []
        page.goto(invited.url)
        expect(page.get_by_role("heading", name="This invitation is closed")).to_be_visible()
        assert faults(page) == []
    # Somebody else's invitation is not accepted by whoever happens to be signed in.
    with scope(Scope(live.tenant)):
        other = members.invite(
            email="else@a.example", role=queries.role("auditor"), actor=make.actor(owner.user), at=clock.now()
        )
    with visit(browser, live.cookie(guest)) as (page, _):
        page.goto(other.url)
        page.get_by_role("button", name="Join").click()
        expect(page.locator(".error-summary")).to_contain_text("This invitation was sent to another address")
        assert faults(page) == []


def test_a_new_key_is_shown_to_everybody_alike(browser: Browser, live: Live) -> None:
    who = live.person()
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("developers/keys/new"))
        page.get_by_label("Name").fill("Warehouse")
        page.get_by_label("See invoices").check()
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_text("will not be shown again")).to_be_visible()
        assert faults(page) == []
        assert watch.faults() == []


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("/login", {"E-mail address": "username webauthn", "Password": "current-password"}),
        ("/recover", {"E-mail address": "username"}),
    ],
)
def test_a_password_manager_knows_each_field(
    browser: Browser, live: Live, path: str, labels: dict[str, str]
) -> None:
    with visit(browser) as (page, _):
        page.goto(live.at(path))
        expect(page).to_have_title(re.compile(" · Strongbox$"))
        found = {label: page.get_by_label(label).get_attribute("autocomplete") for label in labels}
        assert found == labels
