"""Everybody's walk, one after the other: who walks, what they came to, and what nobody did."""

from __future__ import annotations

import os
import time
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, sync_playwright

from config.embedded import demo
from tests.browser import harness
from tests.faces import table, tools, walk
from tests.faces.judge import Judge
from tests.faces.walk import Person, Seen, Walk

MARKED = {"nobody": ("/login", "/pay/*"), "owner": ("/o/*/", "/o/*/invoices", "/o/*/invoices/*")}
# Somebody of the demo whose other pages nobody walks.
LOST = "dev@birch.example"
# What asks for a fresh confirmation is open for five minutes.
AT_ONCE = 60


def walk_all(*, roles: list[str], pictures: Path | None, folder: Path | None) -> int:
    """Walk as everybody, or as some, and return how much is wrong."""
    people = _people()
    found, books, done = dict[str, Seen](), dict[str, dict[str, str]](), set[str]()
    judge = Judge(pictures)
    with sync_playwright() as playwright:
        browser = harness.launch(playwright)
        for name in roles or people:
            person = people[name]
            book = books.setdefault(person.organization, {})
            found[name] = _walked(folder, browser, person, judge, book, done)
        browser.close()
    count = sum(len(faults) for seen in found.values() for faults in seen.faults.values())
    return count + (_unseen(found) if not roles else 0)


def _walked(
    folder: Path | None,
    browser: Browser,
    person: Person,
    judge: Judge,
    book: dict[str, str],
    done: set[str],
) -> Seen:

    began, shapes = time.monotonic(), judge.shapes
    with walk.begun(browser, os.environ["STRONGBOX_PUBLIC_URL"], person, judge, _say) as way:
        if not person.email:
            # The mail with the way back in lies in the demo's mailbox, where this walk comes by.
            way.ask_for_a_way_back(LOST)
        seen = way.everything(book)
        _say(
            f"{person.name}: {len(seen.pages)} kinds of page, {judge.shapes - shapes} of a new shape, "
            f"{len(seen.faults)} with faults, {len(seen.routes)} routes, {time.monotonic() - began:.0f} s"
        )
        _tell(person, seen)
        if folder:
            _outside(folder, way, done)
    for url in seen.pages.values():
        book.setdefault(table.route(url), url)
    return seen


def _tell(person: Person, seen: Seen) -> None:
    """Say how somebody came to pages otherwise than by a link, and to which they did not."""
    by_address = sorted(route for route, how in seen.routes.items() if how == "address")
    refused = [f"{route} ({status})" for route, status in seen.refused.items()]
    left = [
        route for route in table.openable(person.permissions) if route not in {*seen.routes, *seen.refused}
    ]
    for words, routes in (("no link led to", by_address), ("refused", refused), ("not come to", left)):
        if routes:
            _say(f"  {words}: " + ", ".join(routes))


def _people() -> dict[str, Person]:
    """Return everybody who walks, who sees most first."""

    first = next(iter(demo.ORGANIZATIONS))
    links = [urlsplit(url).path for url in (demo.pay_links(first)[0]["url"], demo.invitation(first))]
    start = ("/login", "/recover", "/certificates", "/mailbox", *links)
    found = {"nobody": Person("nobody", first, start=start)}
    # Who sees most begins: what the others may open has an address by then.
    for each in sorted(demo.read(), key=lambda each: each.organization == "operator"):
        operator = each.organization == "operator"
        name = "operator" if operator else each.role
        if (operator or each.organization == first) and name not in found:
            found[name] = Person(
                name, each.organization, table.of_role(each.role, of_operator=operator), each.email, each.password,
                lambda secret=each.totp_secret: demo.totp(secret, time.time()),
            )  # fmt: skip
    return found


def _unseen(found: dict[str, Seen]) -> int:
    """Say which pages of the URL table nobody saw, and count those of which nobody has said why."""

    seen = {route for each in found.values() for route in each.routes}
    pages = [route for route in table.pages() if not walk.FILES.search(route)]
    left = [route for route in pages if route not in seen]
    for route in left:
        _say(f"never seen: {route} ({table.UNSEEN.get(route, 'nobody has said why')})")
    gone = [route for route in table.UNSEEN if route in seen or route not in pages]
    for route in gone:
        _say(f"said to be unseen, and was seen or is no page: {route}")
    _say(f"{len(pages)} routes of pages, {len(left)} never seen")
    return sum(route not in table.UNSEEN for route in left) + len(gone)


def _outside(folder: Path, way: Walk, done: set[str]) -> None:
    """Let Lighthouse mark five pages, and pa11y look at each kind of page once."""
    pages = {kind: url for kind, url in way.seen.pages.items() if kind not in done}
    done |= set(pages)
    for kind in MARKED.get(way.person.name, ()):
        marks = tools.lighthouse(folder, way.seen.pages[kind], way.cookies())
        _say(f"lighthouse {kind}: {marks}")
        low = [
            f"lighthouse: {mark} {marks[mark]}" for mark, least in tools.MARKS.items() if marks[mark] < least
        ]
        way.note(way.seen.pages[kind], low)
    urls = list(pages.values())
    for begin in range(0, len(urls), AT_ONCE):
        way.refresh()
        for url, errors in tools.pa11y(folder, urls[begin : begin + AT_ONCE], way.cookies()).items():
            way.note(url, errors)
    _say(f"  pa11y: {len(pages)} kinds of page")


def _say(line: str) -> None:
    print(line, flush=True)
