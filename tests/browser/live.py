"""The whole product behind a real address, on the test database, for a real browser.

It runs in a thread of this process, as the app role like everything in the suite; each request opens its own
connection. Passkeys need a name, so the address is localhost.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import override_settings
from django.test.testcases import LiveServerThread
from playwright.sync_api import Browser, BrowserContext, Page

from accounts.models import Membership, TotpDevice, User
from accounts.services.sessions import Origin
from core import clock
from tenancy.context import Scope, scope
from tests.browser import harness
from tests.make import accounts as make
from tests.make import installation
from web import catalog

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass
class Live:
    """A running product."""

    url: str
    slug: str = "a"
    tenant: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.tenant = installation.tenant(self.slug)

    def at(self, path: str) -> str:
        """Return the address of a page."""
        return self.url + path

    def staff(self, path: str = "") -> str:
        """Return the address of a page of the organization."""
        return f"{self.url}/o/{self.slug}/{path}"

    def person(self, role: str = "owner", *, name: str = "Ana Ruiz", email: str = "") -> Someone:
        """Make a member with a password and an authenticator."""
        with scope(Scope(self.tenant)):
            user = make.person(name=name, email=email)
            member = make.member(role, user=user)
            device = make.totp(user)
        return Someone(user.email or "", user, member, device)

    def cookie(self, someone: Someone, *, fresh: bool = True) -> dict[str, str]:
        """Sign somebody in past the pages, for tests about other things."""
        with scope(Scope(user=someone.user.pk)):
            origin = Origin(network=make.network(), address="192.0.2.10", device=FIREFOX)
            opened = make.session(someone.user, origin=origin)
            opened.session.tenant_id = self.tenant
            if not fresh:
                opened.session.step_up_at = None
            opened.session.save(update_fields=["tenant_id", "step_up_at"])
        return {"name": settings.SESSION_COOKIE_NAME, "value": opened.raw_key, "url": self.url}


@dataclass
class Someone:
    """A person of the test and what they carry."""

    email: str
    user: User
    member: Membership
    device: TotpDevice
    password: str = make.PASSWORD

    def code(self, *, at: datetime | None = None) -> str:
        """Return what their authenticator shows; that the last code was used is forgotten first."""
        with scope(Scope(user=self.user.pk)):
            TotpDevice.objects.filter(pk=self.device.pk).update(last_t=-1)
        return make.code(self.device, at=at or clock.now())


@contextmanager
def running() -> Iterator[str]:
    """Serve the product and return its address."""
    server = LiveServerThread("localhost", StaticFilesHandler, connections_override={})
    server.daemon = True
    server.start()
    server.is_ready.wait()
    assert server.error is None
    address = f"http://localhost:{server.port}"
    # Counters of another test must not slow this one, nor may this one forget another worker's: the clones
    # share one Valkey, so each server gets keys of its own.
    own = {"default": settings.CACHES["default"] | {"KEY_PREFIX": f"live-{uuid4().hex}"}}
    changed = override_settings(
        OTP_WEBAUTHN_RP_ID="localhost",
        OTP_WEBAUTHN_ALLOWED_ORIGINS=[address],
        PUBLIC_URL=address,
        CACHES=own,
    )
    changed.enable()
    try:
        yield address
    finally:
        changed.disable()
        server.terminate()


@contextmanager
def visit(
    browser: Browser, *cookies: dict[str, str], javascript: bool = True
) -> Iterator[tuple[Page, harness.Watch]]:
    """Open a browser of one's own and watch every page it goes to."""
    context: BrowserContext = browser.new_context(
        viewport={"width": 1280, "height": 900},
        reduced_motion="reduce",
        java_script_enabled=javascript,
        locale="en-GB",
        timezone_id="Europe/Berlin",
    )
    try:
        context.add_cookies(list(cookies))  # type: ignore[arg-type]
        page, watch = context.new_page(), harness.Watch()
        page.set_default_timeout(60_000)
        page.on("console", watch.heard)
        page.on("pageerror", lambda error: watch.console.append(str(error)))
        yield page, watch
    finally:
        context.close()


def spoken(path: str, language: str) -> str:
    """Return the address of a page in a language, as the links at its foot do."""
    return f"{path}{'&' if '?' in path else '?'}language={language}"


def english_left(page: Page) -> list[str]:
    """Return what a German page says in English although it has German words for it."""
    faults = (
        [] if page.locator("html").get_attribute("lang") == "de" else ["the page does not say it is German"]
    )
    texts = page.evaluate(
        """() => {
          const texts = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) texts.push(walker.currentNode.textContent.trim().replace(/\\s+/g, " "));
          return texts.filter(Boolean);
        }"""
    )
    return faults + [f"English: {text}" for text in texts if text in _english()]


@cache
def _english() -> frozenset[str]:
    known = [message for message in catalog.read("de") if isinstance(message.id, str) and message.id]
    return frozenset(message.id for message in known if message.id != message.string)


def expected_status(watch: harness.Watch, *statuses: int) -> list[str]:
    """Return the faults but those the browser logs for an answer that was meant to be a refusal."""
    meant = tuple(f"status of {status} " for status in statuses)
    return [fault for fault in watch.faults() if not any(words in fault for words in meant)]


def judge(
    browser: Browser,
    live: Live,
    paths: list[str],
    cookies: list[dict[str, str]],
    *,
    in_german: bool = False,
) -> dict[str, list[str]]:
    """Return what is wrong with each page: wide in light, then the same page narrow and dark.

    With `in_german` the second look is at the German page, of which nothing may have stayed English.
    """
    found: dict[str, list[str]] = {}
    with harness.watched(browser, cookies=cookies) as (page, watch):
        for path in paths:
            english = spoken(path, "en") if in_german else path
            faults = harness.visit(page, live.at(english), size=harness.DESK, dark=False)
            faults += [] if page.locator("h1").count() == 1 else ["there is not one heading"]
            if in_german:
                harness.leave(page, watch)
                faults += harness.visit(page, live.at(spoken(path, "de")), size=harness.NARROW, dark=True)
                faults += harness.cut(page) + english_left(page)
                for size in (harness.PHONE, harness.TABLET):
                    faults += harness.squeezed(page, size=size)
            else:
                faults += harness.turn(page, size=harness.NARROW, dark=True)
            harness.leave(page, watch)
            faults += expected_status(watch, 404)
            watch.forget()
            if faults:
                found[path] = faults
    return found
