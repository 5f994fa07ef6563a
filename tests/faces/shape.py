"""What a page is built of. Two pages of one shape look alike to every rule: only their words and ids differ."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import lxml.html
from lxml.html import HtmlElement

_KEPT = re.compile(r"class|role|type|rel|for|id|aria-(?!label|describedby|controls|owns).*")
_IDS = re.compile(r"[a-z]+_[0-9a-z]{26}|[0-9a-f]{8}-[0-9a-f-]{27}")


def read(html: str) -> HtmlElement:
    """Read a page."""
    return lxml.html.document_fromstring(html)


def links(page: HtmlElement, address: str) -> list[str]:
    """Return where a page leads, also from its pictures."""
    return [
        urljoin(address, link.get("href")).partition("#")[0] for link in page.iter("a") if link.get("href")
    ]


def sends(page: HtmlElement, address: str) -> list[str]:
    """Return where the forms of a page send."""
    return [urljoin(address, form.get("action")) for form in page.iter("form") if form.get("action")]


def shapes(page: HtmlElement) -> tuple[int, int]:
    """Return the shape of the page's own part, and that of all around it."""
    main = next(page.iter("main"), None)
    named = [each.get("id") for each in page.iter() if isinstance(each.tag, str) and each.get("id")]
    twice = len(named) - len(set(named))
    return hash("" if main is None else _shape(main)), hash(f"{_shape(page)} {twice}")


def _shape(element: HtmlElement, *, sorts: bool = False) -> str:
    """Name an element, what says how it looks and what it is, and what it holds: of alike children once."""
    # Which place of a navigation is the present one changes nothing else.
    sorts = sorts or element.tag == "nav"
    inside = ["x"] if (element.text or "").strip() else []
    for child in element:
        if isinstance(child.tag, str) and child.tag != "main":
            inside.append(_shape(child, sorts=sorts))
        if (child.tail or "").strip():
            inside.append("x")
    once = dict.fromkeys(inside)
    said = " ".join(sorted(_said(name, value) for name, value in element.attrib.items()))
    return f"<{element.tag} {said}>{''.join(sorted(once) if sorts else once)}"


def _said(name: str, value: str) -> str:
    if not _KEPT.fullmatch(name):
        return f"{name}{'+' if value else '-'}"
    return f"{name}={re.sub(r'[0-9]+', '0', _IDS.sub('*', value))}"
