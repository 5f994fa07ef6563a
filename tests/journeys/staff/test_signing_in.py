"""Signing in, in a real browser: by password and factor, by passkey, by recovery code; and the way out."""

import re
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Route, expect

from accounts.models import RecoveryCode, Session, TotpDevice, User
from audit.models import Event
from core import clock
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from tests.browser import harness
from tests.browser.live import Live, Someone, expected_status, visit
from tests.make import accounts as make


def operators_events(code: str) -> list[Event]:
    """List the events of a code in the operator's log, oldest first."""
    with scope(Scope()):
        owner = Tenant.objects.get(kind=Tenant.Kind.OPERATOR).pk
    with scope(Scope(owner)):
        return list(Event.objects.filter(event=code).order_by("at", "id"))


def give_password(page: Page, live: Live, who: Someone, path: str = "/login") -> None:
    page.goto(live.at(path))
    page.get_by_label("E-mail address").fill(who.email)
    page.get_by_label("Password").fill(who.password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def authenticator(page: Page) -> tuple[CDPSession, str]:
    """Plug a security key with a fingerprint reader into the browser, through its own protocol."""
    protocol = page.context.new_cdp_session(page)
    protocol.send("WebAuthn.enable")
    options: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = protocol.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return protocol, made["authenticatorId"]


def test_password_and_authenticator_open_the_only_organization(browser: Browser, live: Live) -> None:
    who = live.person()
    with visit(browser) as (page, watch):
        give_password(page, live, who)
        expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
        half_way = page.context.cookies()
        page.get_by_label("Code from your authenticator").fill(who.code())
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(live.staff() + "*")
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    session = cookies["strongbox"]
    assert (session["httpOnly"], session["sameSite"], session["path"]) == (True, "Lax", "/")
    # The key of the half-open session opens nothing any more (ASVS 7.2.4).
    assert session["value"] != next(cookie["value"] for cookie in half_way if cookie["name"] == "strongbox")
    with scope(Scope()):
        row = Session.objects.get(user=who.user, stage="active")
    assert (row.factor, row.tenant_id) == ("totp", live.tenant)
    assert [event.actor_id for event in operators_events("signin.succeeded")] == [who.user.pk]
    assert watch.faults() == []


def test_without_javascript_the_same_way_works(browser: Browser, live: Live) -> None:
    who = live.person()
    with visit(browser, javascript=False) as (page, _):
        give_password(page, live, who, f"/login?next=/o/{live.slug}/settings/roles")
        page.get_by_label("Code from your authenticator").fill(who.code())
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", name="Roles")).to_be_visible()
        assert page.url == live.staff("settings/roles")


def test_a_wrong_password_and_an_unknown_address_read_the_same(browser: Browser, live: Live) -> None:
    who = live.person()
    told = []
    for email in (who.email, "nobody@people.example"):
        with visit(browser) as (page, watch):
            page.goto(live.at("/login"))
            page.get_by_label("E-mail address").fill(email)
            page.get_by_label("Password").fill("not the right sentence")
            page.get_by_role("button", name="Sign in", exact=True).click()
            summary = page.locator(".error-summary")
            expect(summary).to_be_focused()
            expect(page).to_have_title(re.compile("^Error: "))
            expect(page.get_by_label("Password")).to_have_value("")
            told.append(summary.inner_text())
            assert expected_status(watch, 422) == []
    assert told[0] == told[1] == "There is a problem\nThe e-mail address or the password is not right."
    known, unknown = operators_events("signin.failed")
    assert [(event.subject_id, event.result, event.reason) for event in (known, unknown)] == [
        (who.user.pk, "failed", "wrong_credentials"),
        (None, "failed", "wrong_credentials"),
    ]


def test_a_passkey_alone_signs_in(browser: Browser, live: Live) -> None:
    who = live.person()
    with visit(browser, live.cookie(who)) as (page, watch):
        protocol, key = authenticator(page)
        page.goto(live.at("/me/security/passkeys/new"))
        page.get_by_label("Name").fill("Work laptop")
        page.get_by_role("button", name="Add a passkey").click()
        # The first recovery codes come with the first factor that was added here.
        expect(page.get_by_role("heading", name="Keep these ten codes")).to_be_visible()
        page.get_by_role("link", name="I have kept them").click()
        page.get_by_role("link", name="Work laptop", exact=True).click()
        page.wait_for_url("**/me/security/passkeys/*")
        assert harness.axe(page) + harness.small_targets(page) == []
        assert harness.turn(page, size=harness.PHONE, dark=True) == []
        harness.look(page, harness.DESK, dark=False)
        assert len(protocol.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]) == 1
        # Offered in the address field: the device answers, and nothing is typed or pressed.
        page.context.clear_cookies()
        page.goto(live.at("/login"))
        page.wait_for_url(live.staff() + "*")
        # By the button: the offer is withdrawn, and the device is asked at once. Nobody touches it before.
        touches = "WebAuthn.setAutomaticPresenceSimulation"
        protocol.send(touches, {"authenticatorId": key, "enabled": False})
        page.context.clear_cookies()
        with page.expect_response("**/login/passkey"):
            page.goto(live.at("/login"))

        def touch(route: Route) -> None:
            protocol.send(touches, {"authenticatorId": key, "enabled": True})
            route.continue_()

        page.route("**/login/passkey", touch)
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url(live.staff() + "*")
    assert watch.faults() == []
    with scope(Scope()):
        assert Session.objects.filter(user=who.user, factor="passkey", ended_at=None).count() == 3
    assert [event.facts["factor"] for event in operators_events("signin.succeeded")] == ["passkey", "passkey"]


def test_a_passkey_is_the_second_factor_after_a_password(browser: Browser, live: Live) -> None:
    who = live.person()
    with visit(browser) as (page, watch):
        protocol, key = authenticator(page)
        page.context.add_cookies([live.cookie(who)])  # type: ignore[list-item]
        page.goto(live.at("/me/security/passkeys/new"))
        page.get_by_role("button", name="Add a passkey").click()
        page.get_by_role("link", name="I have kept them").click()
        page.context.clear_cookies()
        touches = "WebAuthn.setAutomaticPresenceSimulation"
        protocol.send(touches, {"authenticatorId": key, "enabled": False})
        give_password(page, live, who)
        protocol.send(touches, {"authenticatorId": key, "enabled": True})
        page.get_by_role("button", name="Use your passkey").click()
        page.wait_for_url(live.staff() + "*")
        assert watch.faults() == []


def test_a_recovery_code_works_once(browser: Browser, live: Live) -> None:
    who = live.person()
    with visit(browser, live.cookie(who)) as (page, _):
        page.goto(live.at("/me/security/recovery-codes"))
        page.get_by_role("button", name="Make ten new codes").click()
        codes = page.locator("#codes").inner_text().split()
        with page.expect_download() as saved:
            page.get_by_role("link", name="Save as a text file").click()
        text = saved.value.path().read_text()
    assert len(codes) == 10
    assert text == "Strongbox recovery codes. Each works once.\n\n" + "\n".join(codes) + "\n"
    for attempt in (1, 2):
        with visit(browser) as (page, _):
            give_password(page, live, who)
            page.get_by_role("link", name="Recovery code").click()
            page.get_by_label("Recovery code").fill(codes[0].upper().replace("-", " "))
            page.get_by_role("button", name="Continue").click()
            if attempt == 1:
                page.wait_for_url(live.staff() + "*")
            else:
                expect(page.locator(".error-summary")).to_contain_text("This code was used already.")
    with scope(Scope()):
        assert RecoveryCode.objects.filter(user=who.user, used_at=None).count() == 9
    assert len(operators_events("mfa.replayed")) == 1


def test_whoever_has_no_factor_adds_one_before_anything_else(browser: Browser, live: Live) -> None:
    who = live.person()
    with scope(Scope(user=who.user.pk)):
        TotpDevice.objects.filter(user=who.user).delete()
    with visit(browser) as (page, watch):
        give_password(page, live, who)
        expect(page.get_by_role("heading", name="Add a second factor")).to_be_visible()
        page.goto(live.staff("settings/members"))
        expect(page.get_by_role("heading", name="Add a second factor")).to_be_visible()
        page.get_by_text("Type the key by hand").click()
        secret = page.locator("#totp-secret").inner_text().replace(" ", "")
        page.get_by_label("Code from your authenticator").fill("000000")
        page.get_by_role("button", name="Add authenticator").click()
        expect(page.locator(".error-summary")).to_contain_text("This code is not right.")
        page.get_by_text("Type the key by hand").click()
        # A mistyped code does not change the key: the phone has scanned it already.
        assert page.locator("#totp-secret").inner_text().replace(" ", "") == secret
        page.get_by_label("Code from your authenticator").fill(
            make.code(TotpDevice(secret=secret), at=clock.now())
        )
        page.get_by_role("button", name="Add authenticator").click()
        expect(page.locator("#codes")).to_have_text(re.compile(r"(?:[a-z2-7]{4}(?:-[a-z2-7]{4}){5}\s+){10}"))
        page.get_by_role("link", name="I have kept them").click()
        page.wait_for_url(live.staff("settings/members"))
        assert expected_status(watch, 422) == []


def test_an_ended_session_opens_nothing_on_its_next_request(browser: Browser, live: Live) -> None:
    who = live.person()
    here, there = live.cookie(who), live.cookie(who)
    with visit(browser, here) as (page, watch), visit(browser, there) as (other, _):
        other.goto(live.staff("settings/roles"))
        expect(other.get_by_role("heading", name="Roles")).to_be_visible()
        page.goto(live.at("/me/sessions"))
        expect(page.locator("tbody tr")).to_have_count(2)
        page.get_by_role("button", name="End Firefox on Linux").click()
        expect(page.get_by_text("That device is signed out.")).to_be_visible()
        expect(page.locator("tbody tr")).to_have_count(1)
        other.goto(live.staff("settings/roles"))
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
        assert other.url == live.at(f"/login?next=%2Fo%2F{live.slug}%2Fsettings%2Froles")
        assert watch.faults() == []
    assert len(operators_events("session.revoked")) == 1


def test_signing_out_ends_the_session_and_clears_the_browser(browser: Browser, live: Live) -> None:
    who = live.person()
    with visit(browser, live.cookie(who)) as (page, _):
        page.goto(live.staff("settings/roles"))
        page.get_by_text("Your menu").locator("..").click()
        with page.expect_response(re.compile("/logout$")) as answered:
            page.get_by_role("button", name="Sign out").click()
        assert answered.value.header_value("clear-site-data") == '"cache", "cookies", "storage"'
        expect(page.get_by_text("You are signed out.")).to_be_visible()
        assert [cookie["name"] for cookie in page.context.cookies() if cookie["name"] == "strongbox"] == []
    with scope(Scope()):
        assert Session.objects.get(user=who.user).end_reason == "signed_out"


def test_what_matters_asks_for_the_factor_again(browser: Browser, live: Live) -> None:
    who = live.person()
    with visit(browser, live.cookie(who, fresh=False)) as (page, watch):
        page.goto(live.staff("settings/members"))
        page.get_by_role("link", name="Invite a person").click()
        expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
        page.get_by_label("Code from your authenticator").fill(who.code())
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(live.staff("settings/members/invite"))
        assert watch.faults() == []
    assert len(operators_events("session.stepped_up")) == 1


def test_a_link_to_elsewhere_is_not_followed(browser: Browser, live: Live) -> None:
    who = live.person()
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example", "/logout"):
        with visit(browser) as (page, _):
            give_password(page, live, who, f"/login?next={elsewhere}")
            page.get_by_label("Code from your authenticator").fill(who.code())
            page.get_by_role("button", name="Continue").click()
            page.wait_for_url(live.staff() + "*")


def test_a_forgotten_password_is_replaced_by_mail_and_the_factor_stays(browser: Browser, live: Live) -> None:
    from accounts.services import recovery
    from core.actor import Actor
    from crypto import blindindex

    who = live.person()
    with visit(browser) as (page, watch):
        page.goto(live.at("/recover"))
        page.get_by_label("E-mail address").fill(who.email)
        page.get_by_role("button", name="Send the link").click()
        expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
        # The worker's part.
        with scope(Scope()):
            index = bytes.fromhex(blindindex.lookup(User, "email_index", who.email).hex())
            recovery.send(email_index=index, actor=Actor.system("worker"), at=clock.now())
        page.goto(live.at("/mailbox"))
        page.get_by_role("link", name="Open the link").first.click()
        page.get_by_label("New password").fill("marble kettle seven orchards")
        page.get_by_role("button", name="Set the new password").click()
        expect(page.get_by_text("Your new password is set.")).to_be_visible()
        who.password = "marble kettle seven orchards"
        give_password(page, live, who)
        expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
        assert watch.faults() == []
        page.goto(live.at("/recover/" + "a" * 32))
        expect(page.get_by_role("heading", name="This link is closed")).to_be_visible()
    assert len(operators_events("recovery.failed")) == 1


def test_a_guesser_is_slowed_down_and_told_when_to_come_back(browser: Browser, live: Live) -> None:
    who = live.person()
    with visit(browser) as (page, _):
        # The waits double from the fifth failure on, and are half an hour from the tenth.
        for _attempt in range(11):
            page.goto(live.at("/login"))
            page.get_by_label("E-mail address").fill(who.email)
            page.get_by_label("Password").fill("not the right sentence")
            with page.expect_response(re.compile("/login$")) as answered:
                page.get_by_role("button", name="Sign in", exact=True).click()
            if answered.value.status != 422:
                break
        assert answered.value.status == 429
        assert int(answered.value.header_value("retry-after") or 0) > 0
        expect(page.locator(".error-summary")).to_contain_text("Too many attempts.")
