"""People who pay: they open their link, press the button, type a card, and try again when a page does not come."""

from __future__ import annotations

import http.client
import random
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from threading import Lock
from urllib.parse import urlencode, urljoin, urlsplit

from tests.make import payer

# Somebody who wants to pay comes back for as long as a process may stay away, and longer.
_PATIENCE_SECONDS = 180.0
_FAILURES = (OSError, http.client.HTTPException, urllib.error.URLError)
# How often each kind of payer comes, of a hundred.
KINDS = {"card": 50, "3-D Secure": 15, "declined first": 15, "debit": 10, "two tabs": 10}


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


class Payers:
    """Many people, each with an invoice of their own."""

    def __init__(self, chance: random.Random, *, open_for_business: Callable[[], bool]) -> None:
        self._chance, self._lock, self._open = chance, Lock(), open_for_business
        self.counts: Counter[str] = Counter()

    def pay_all(self, links: list[str], *, at_once: int) -> None:
        """Let everybody pay; returns when the last one has given up or has seen that it is paid."""
        people = [(link, self._chance.choices(list(KINDS), list(KINDS.values()))[0]) for link in links]
        with ThreadPoolExecutor(at_once) as crowd:
            list(crowd.map(lambda person: self._pay(*person), people))

    def _pay(self, link: str, kind: str) -> None:
        if kind == "two tabs":
            with ThreadPoolExecutor(2) as tabs:
                seen = list(tabs.map(lambda tab: self._until_paid(link, "card"), range(2)))
        else:
            seen = [self._until_paid(link, kind)]
        with self._lock:
            self.counts[kind] += 1
            self.counts["saw the end"] += all(seen)

    def _until_paid(self, link: str, kind: str) -> bool:
        declined = kind != "declined first"
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until and self._open():
            try:
                page = _page_of_the_provider(link)
                if page is None:
                    return True
                if not declined:
                    declined = True
                    with_a_bad_card(page)
                _pay_there(page, kind)
            except payer.NotPaid:
                pass
            except _FAILURES:
                with self._lock:
                    self.counts["pages that did not come"] += 1
            time.sleep(self._chance.uniform(0.1, 0.6))
        return False


def with_a_bad_card(page: str) -> None:
    """Try a card that the bank declines; the page stays open for another one."""
    try:
        payer.pay(page, payer.DECLINED)
    except payer.NotPaid:
        return


def _pay_there(page: str, kind: str) -> None:
    if kind == "debit":
        back = payer.pay(page, iban=payer.DEBIT)
    else:
        back = payer.pay(page, payer.AUTHENTICATE_ALWAYS if kind == "3-D Secure" else payer.SUCCESS)
    _open(urllib.request.build_opener(), back)


def _page_of_the_provider(link: str) -> str | None:
    """Open a pay link and press its button; None once there is nothing more to pay."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar()), _Stay
    )
    status, text, _ = _open(opener, link)
    if status != 200:
        raise OSError(status)
    form = next(
        (form for form in payer.read_page(link, text).forms if "csrfmiddlewaretoken" in form.fields), None
    )
    if form is None:
        if "asking the payment provider" in text:  # it says: wait before paying again
            raise payer.NotPaid
        return None
    status, _, location = _open(opener, form.action, form.fields)
    found = urljoin(link, location)
    if status not in (302, 303) or urlsplit(found).netloc == urlsplit(link).netloc:
        raise OSError(status)
    return found


def _open(
    opener: urllib.request.OpenerDirector, url: str, form: dict[str, str] | None = None
) -> tuple[int, str, str]:
    data = urlencode(form).encode() if form is not None else None
    try:
        with opener.open(urllib.request.Request(url, data), timeout=30) as answer:  # noqa: S310  http
            return answer.status, answer.read().decode(), ""
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode(errors="replace"), answer.headers.get("Location", "")
