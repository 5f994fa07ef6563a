"""Walks the product as somebody would, link by link, then by the addresses of what they may open and saw no link to."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Browser, Page

from accounts.permissions import Permission
from tests.browser import harness
from tests.faces import shape, table
from tests.faces.judge import Judge

# What differs between two pages of one kind: ids, link tokens, days, months, numbers, and the organization's name.
_NAMES = re.compile(
    r"(?<=/)([a-z]+_[0-9a-z]{26}|[0-9a-f]{8}-[0-9a-f-]{27}|[\w-]{40,}|\d{4}-\d\d(-\d\d)?|\d+)(?=/|$)|(?<=^/[op]/)[^/]+"
)
# What is no page to look at: whether there is a file depends on what was attached, signed or asked for.
FILES = re.compile(r"\.(pdf|csv|zip|xml|json|xlsx|ics|png)$|/(pdf|file)(/|$)|/(attachments|documents)/")


# Of how many records of a kind the addresses are kept, and to how many the walk goes.
_MOST, _ALIKE = 30, 4


@dataclass(frozen=True)
class Person:
    """Somebody who looks at the product: what they are called here, how they sign in, what they may."""

    name: str
    organization: str
    permissions: frozenset[Permission] | None = None
    email: str = ""
    password: str = ""
    code: Callable[[], str] = str
    start: tuple[str, ...] = ("/login",)


@dataclass
class Seen:
    """What one person came to: an address of each kind of page, how each route was reached, and what is wrong."""

    pages: dict[str, str] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)


def kind(url: str) -> str:
    """Name the kind of page behind an address: its path with a star for what differs between two of them, its view."""
    parts = urlsplit(url)
    view = dict(parse_qsl(parts.query)).get("view", "")
    return _NAMES.sub("*", parts.path) + (f"?view={view}" if view else "")


class Walk:
    """One person's way through the product."""

    def __init__(
        self,
        base: str,
        person: Person,
        judge: Judge,
        page: Page,
        watch: harness.Watch,
        say: Callable[[str], None],
    ) -> None:
        self.base, self.person, self.judge, self.page, self.watch, self.say = (
            base,
            person,
            judge,
            page,
            watch,
            say,
        )
        self.seen = Seen()
        self.waiting: deque[str] = deque()
        self.others = frozenset(judge.kinds)
        self.known: dict[str, set[str]] = {}
        self.records: dict[str, list[str]] = {}
        self.linked_from: dict[str, str] = {}

    def everything(self, book: dict[str, str]) -> Seen:
        """Go wherever links lead; then to what is left, by an address of one's own or one that others found."""
        self._meet([self.page.url] if self.person.email else [self.base + path for path in self.person.start])
        self._go()
        own = dict(table.bare(self.person.organization))
        for route, rule in table.pages().items():
            if table.open_to(rule, route, self.person.permissions):
                known = [self.base + own[route]] if route in own else [book[route]] if route in book else []
                for url in [*known, *self._guessed(route)]:
                    if route in self.seen.routes:
                        break
                    self._open(url, "address")
                    self._go()
        return self.seen

    def _guessed(self, route: str) -> list[str]:
        """Put the end of a route behind the addresses of records that were met: one may be in the right state."""
        begin, found, end = route.replace("<int:number>", "1").rpartition(">")
        start = re.sub(r"<[^>]+>", "*", begin + found)
        return [] if not found else [f"{url}{end}" for url in self.records.get(f"/{start}", ())]

    def _meet(self, links: list[str], *, on: str = "") -> None:
        for link in links:
            self.linked_from.setdefault(link, on)
            url = urlsplit(link)
            if not link.startswith(self.base):
                continue
            self._remember(url.path)
            # Records of one kind lead to different pages: to a few of them whoever comes first, to one each later.
            alike = self.known.setdefault(kind(link), set())
            if link in alike or len(alike) >= (1 if kind(link) in self.others else _ALIKE):
                continue
            alike.add(link)
            if FILES.search(url.path):
                self.seen.routes.setdefault(table.route(link), "file")
            else:
                self.waiting.append(link)

    def _remember(self, path: str) -> None:
        """Note the records an address names, by what a route would call the way to them."""
        parts = path.split("/")
        for at in range(len(parts), 3, -1):
            way = "/".join(parts[:at])
            said = _NAMES.sub("*", way).split("/")
            found = self.records.setdefault("/".join([*said[:-1], "*"]), [])
            if len(found) < _MOST and self.base + way not in found:
                found.append(self.base + way)

    def _go(self) -> None:
        while self.waiting:
            url = self.waiting.popleft()
            # Of pages that differ by a word only, such as one for each rule, the first who comes sees all, others one.
            if table.route(url) not in self.seen.routes or kind(url) not in self.others:
                self.judge.kinds.add(kind(url))
                self._open(url, "link")

    def _open(self, url: str, how: str) -> None:
        answer = self.page.context.request.get(url)
        if urlsplit(answer.url).path == "/step-up" != urlsplit(url).path:
            self.refresh()
            answer = self.page.context.request.get(url)
        asked, came = table.route(url), table.route(answer.url)
        if how == "address" and (answer.status >= 400 or came != asked):
            self.seen.refused[asked] = answer.status
            return
        self.seen.refused.pop(asked, None)
        self.seen.routes.setdefault(asked, how)
        self.seen.routes.setdefault(came, how)
        if "text/html" not in answer.headers.get("content-type", ""):
            self.seen.routes[asked] = "no page"
            return
        html = answer.text()
        if not html[:100].lstrip().lower().startswith("<!doctype html"):
            self.seen.routes[asked] = "part of a page"
            return
        self.seen.pages.setdefault(kind(answer.url), answer.url)
        page = shape.read(html)
        if answer.status >= 500 or (answer.status >= 400 and how == "link"):
            self.note(url, [f"answered {answer.status}, linked from {self.linked_from.get(url, '')}"])
        if self.judge.is_new(shape.shapes(page)):
            self.watch.forget()
            self.page.goto(url, wait_until="load")
            self.note(url, self.look(kind(url).strip("/").replace("/", "-").replace("*", "x") or "start"))
        self._meet(shape.links(page, answer.url), on=answer.url)
        # Where a form sends may be a page as well, whose own is shown when a factor has to be confirmed first.
        for address in shape.sends(page, answer.url):
            self._remember(urlsplit(address).path)

    def cookies(self) -> list[dict[str, str]]:
        """Return what the browser holds, for a tool that looks in this person's place."""
        return [
            {"name": str(each["name"]), "value": str(each["value"])} for each in self.page.context.cookies()
        ]

    def refresh(self) -> None:
        """Confirm once more that it is this person."""
        if self.person.email and self.person.permissions:
            self.page.goto(f"{self.base}/step-up")
            confirm(self.page, self.person)

    def ask_for_a_way_back(self, email: str) -> None:
        """Ask for a mail as somebody does who has lost their password."""
        self.page.goto(f"{self.base}/recover")
        self.page.locator("main input[name=email]").fill(email)
        self.page.locator("main form:has(input[name=email]) [type=submit]").first.click()
        self.page.wait_for_url(re.compile("/recover/sent"))

    def look(self, name: str) -> list[str]:
        """Judge the page that is shown, and what the browser said about it."""
        faults = self.judge.faults(self.page, name)
        harness.leave(self.page, self.watch)
        # Refusals that are pages of their own (nothing there, not allowed) are said by the browser too.
        # What was under way when a page was left is aborted by the browser.
        said = [
            each for each in self.watch.faults() if " status of 4" not in each and "ERR_ABORTED" not in each
        ]
        return faults + said

    def note(self, url: str, faults: list[str]) -> None:
        """Keep and say what is wrong with a page."""
        if faults:
            self.seen.faults.setdefault(url, []).extend(dict.fromkeys(faults))
            self.say(f"{self.person.name} {url}\n  " + "\n  ".join(dict.fromkeys(faults)))


def confirm(page: Page, person: Person) -> None:
    """Give the authenticator's code, the next one where this one was used."""
    for _ in range(3):
        page.locator("input[name=code]").fill(person.code())
        page.locator("main form:has(input[name=code]) [type=submit]").first.click()
        page.wait_for_load_state("load")
        if not page.locator("main form input[name=code]").count():
            return
        page.wait_for_timeout(15_000)
    raise AssertionError(f"{person.name} could not confirm: {page.url}")


@contextmanager
def begun(
    browser: Browser, base: str, person: Person, judge: Judge, say: Callable[[str], None]
) -> Iterator[Walk]:
    """Sign in through the pages, and judge those that are seen on the way only."""
    with harness.watched(browser) as (page, watch):
        page.set_default_timeout(30_000)
        walk = Walk(base, person, judge, page, watch, say)
        if person.email:
            page.goto(f"{base}/login")
            page.locator("input[name=email]").fill(person.email)
            page.locator("input[name=password]").fill(person.password)
            page.locator("main form:has(input[name=password]) [type=submit]").first.click()
            page.wait_for_url(re.compile("/login/mfa"))
            walk.seen.routes["login/mfa"] = "link"
            walk.note(page.url, walk.look("login-mfa"))
            confirm(page, person)
            page.wait_for_url(re.compile(r"/(o|p|ops|select)\b"))
        yield walk
