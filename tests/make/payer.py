"""A payer at the sandbox gateway's pages: posts their own forms and follows them, without a browser."""

import urllib.error
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

SUCCESS = "4242424242424242"
DECLINED = "4000000000000002"
INSUFFICIENT_FUNDS = "4000000000009995"
AUTHENTICATE_FIRST = "4000002500003155"
AUTHENTICATE_ALWAYS = "4000002760003184"
DECLINES_LATER = "4000000000000341"
DISPUTED = "4000000000000259"
REFUND_LATER = "4000000000007726"
REFUND_FAILS = "4000000000005126"
DEBIT = "DE89370400440532013000"
DEBIT_FAILS = "DE62370400440532013001"


class NotPaid(Exception):
    """The gateway's page said no, and is still open."""


@dataclass
class Form:
    """One form of a page."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


@dataclass
class Page:
    """What a payer sees."""

    url: str
    status: int
    text: str
    forms: list[Form]
    problem: str


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.forms, self.problem = url, [], ""
        self._in_problem = False

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        if tag == "form":
            self.forms.append(Form(urljoin(self.url, known.get("action") or "")))
        elif tag == "input" and self.forms:
            self.forms[-1].names.append(known["name"])
            if known.get("type") == "hidden":
                self.forms[-1].fields[known["name"]] = known["value"]
        elif known.get("role") == "alert":
            self._in_problem = True

    def handle_endtag(self, tag):
        if tag == "div":
            self._in_problem = False

    def handle_data(self, data):
        if self._in_problem:
            self.problem += data.strip()


def read_page(url: str, text: str) -> Page:
    """Read the forms of a page that somebody has opened."""
    reader = _Reader(url)
    reader.feed(text)
    return Page(url, 200, text, reader.forms, reader.problem)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def _ask(url: str, form: dict[str, str] | None) -> tuple[int, str, str]:
    data = urlencode(form).encode() if form is not None else None
    try:
        request = urllib.request.Request(url, data)  # noqa: S310  http only
        with _opener.open(request, timeout=60) as answer:
            return answer.status, answer.read().decode(), ""
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode(), answer.headers.get("Location", "")


def look(url: str, form: dict[str, str] | None = None) -> Page:
    """Open a page of the gateway (or post a form to it) and follow it as long as it stays at the gateway."""
    host = urlsplit(url).netloc
    while True:
        status, text, location = _ask(url, form)
        if not location:
            reader = _Reader(url)
            reader.feed(text)
            return Page(url, status, text, reader.forms, reader.problem)
        url, form = urljoin(url, location), None
        if urlsplit(url).netloc != host:
            return Page(url, status, "", [], "")


def pay(
    url: str,
    card: str = SUCCESS,
    *,
    iban: str | None = None,
    saved: bool = False,
    authenticate: bool = True,
    expiry: str = "12/34",
    cvc: str | None = None,
    name: str = "Paula Payer",
    email: str = "",
) -> str:
    """Pay (or save a method) on a hosted page; returns the return address, not visited.

    `iban` pays by debit, `saved` with the first saved method; `authenticate` answers 3-D Secure, if it is asked.
    Raises: NotPaid with what the page says.
    """
    page = look(url)
    if not page.forms:
        raise NotPaid(page.text)
    if saved:
        form = next(form for form in page.forms if "saved" in form.fields)
        typed = {}
    elif iban is not None:
        form = next(form for form in page.forms if "iban" in form.names)
        typed = {"iban": iban, "holder": name}
    else:
        form = next(form for form in page.forms if "number" in form.names)
        code = cvc if cvc is not None else "1234" if len(card) == 15 else "123"
        typed = {"number": card, "expiry": expiry, "cvc": code, "name": name, "email": email}
    page = look(form.action, form.fields | typed)
    if "/3ds/" in page.url:
        page = look(page.forms[0].action, {"answer": "confirm" if authenticate else "refuse"})
    if urlsplit(page.url).netloc == urlsplit(url).netloc:
        raise NotPaid(page.problem or page.text)
    return page.url
