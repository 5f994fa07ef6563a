"""Walks the product as somebody would, link by link, and judges one page of each kind it comes to."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

from tests.browser import harness

WIDTHS = ((320, 640), (360, 800), (768, 1024), (1440, 900))
# What differs between two pages of one kind: ids, link tokens, days, months, numbers, and the organization's name.
_NAMES = re.compile(
    r"(?<=/)([a-z]+_[0-9a-z]{26}|[0-9a-f]{8}-[0-9a-f-]{27}|[\w-]{40,}|\d{4}-\d\d(-\d\d)?|\d+)(?=/|$)|(?<=^/[op]/)[^/]+"
)
_FILES = re.compile(r"\.(pdf|csv|zip|xml|json|xlsx|ics)$|/(pdf|file|documents)(/|$)|/attachments/")


@dataclass(frozen=True)
class Person:
    """Somebody who looks at the product: what they are called here, and how they sign in."""

    name: str
    email: str = ""
    password: str = ""
    totp: str = ""
    start: tuple[str, ...] = ("/login",)


@dataclass
class Seen:
    """What one person came to: an address of each kind of page, and what is wrong there."""

    pages: dict[str, str] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    cookies: list[dict[str, str]] = field(default_factory=list)


def kind(url: str) -> str:
    """Name the kind of page behind an address: its path with a star for what differs between two of them."""
    return _NAMES.sub("*", urlsplit(url).path)


@contextmanager
def signed_in(browser: Browser, base: str, person: Person) -> Iterator[tuple[Page, harness.Watch]]:
    """Sign in through the pages."""
    with harness.watched(browser) as (page, watch):
        page.set_default_timeout(30_000)
        page.add_init_script(path=harness.AXE)
        if person.email:
            page.goto(f"{base}/login")
            page.locator("input[name=email]").fill(person.email)
            page.locator("input[name=password]").fill(person.password)
            page.locator("main form:has(input[name=password]) [type=submit]").first.click()
            page.locator("input[name=code]").fill(person.totp)
            page.locator("main form:has(input[name=code]) [type=submit]").first.click()
            page.wait_for_url(re.compile(r"/(o|p|ops|select)\b"))
        yield page, watch


def walk(
    browser: Browser, base: str, person: Person, *, pictures: Path | None, say: Callable[[str], None]
) -> Seen:
    """Go wherever links lead from where a person begins, and judge one page of each kind."""
    seen = Seen()
    with signed_in(browser, base, person) as (page, watch):
        begin = [page.url] if person.email else [base + path for path in person.start]
        waiting, known = deque(begin), {kind(url) for url in begin}
        while waiting:
            url = waiting.popleft()
            watch.forget()
            faults, links = _judged(page, url, pictures and pictures / person.name)
            harness.leave(page, watch)
            # Refusals that are pages of their own (nothing there, not allowed) are said by the browser too.
            faults += [fault for fault in watch.faults() if " status of 4" not in fault]
            seen.pages[kind(url)] = url
            if faults:
                seen.faults[url] = faults
                say(f"{person.name} {url}\n  " + "\n  ".join(dict.fromkeys(faults)))
            for link in links:
                if (
                    link.startswith(base)
                    and kind(link) not in known
                    and not _FILES.search(urlsplit(link).path)
                ):
                    known.add(kind(link))
                    waiting.append(link)
        seen.cookies = [{"name": each["name"], "value": each["value"]} for each in page.context.cookies()]
    return seen


def _judged(page: Page, url: str, pictures: Path | None) -> tuple[list[str], list[str]]:
    answer = page.goto(url, wait_until="load")
    if answer is None or "text/html" not in answer.headers.get("content-type", ""):
        return [], []
    faults = [] if answer.status < 500 else [f"answered {answer.status}"]
    links = page.evaluate("[...document.querySelectorAll('a[href]')].map((a) => a.href.split('#')[0])")
    page.evaluate("document.fonts.ready.then(() => true)")
    for dark in (False, True):
        page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        for width, height in WIDTHS:
            page.set_viewport_size({"width": width, "height": height})
            faults += [f"{width} wide: {fault}" for fault in harness.overflowing(page)]
            if pictures and width in (360, 1440):
                pictures.mkdir(parents=True, exist_ok=True)
                name = kind(url).strip("/").replace("/", "-").replace("*", "x") or "start"
                theme = "dark" if dark else "light"
                page.screenshot(path=pictures / f"{name}-{theme}-{width}.png", full_page=True)
        faults += harness.axe(page) + harness.small_targets(page)
    return faults, links
