"""Pages from files: every value that is put in is escaped, unless it is HTML made here."""

from __future__ import annotations

import functools
import hashlib
import html
from pathlib import Path
from string import Template

from sandbox.http import Answer

_FILES = Path(__file__).parent / "files"


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


@functools.cache
def _template(name: str) -> Template:
    return Template((_FILES / name).read_text(encoding="utf-8"))


@functools.cache
def style() -> bytes:
    """Return the style sheet."""
    return (_FILES / "style.css").read_bytes()


@functools.cache
def icon() -> bytes:
    """Return the picture in the browser's tab."""
    return (_FILES / "icon.svg").read_bytes()


@functools.cache
def style_address() -> str:
    """Return where the style sheet lies; another content has another address."""
    return f"/style-{hashlib.sha256(style()).hexdigest()[:12]}.css"


def fill(file: str, /, **values: object) -> Html:
    """Return a file with its $names filled in."""
    safe = {
        key: value if isinstance(value, Html) else html.escape(str(value)) for key, value in values.items()
    }
    return Html(_template(file).substitute(safe))


def join(parts: list[Html]) -> Html:
    """Put pieces one after another."""
    return Html("".join(parts))


def page(
    title: str, content: Html, *, status: int = 200, forms_to: tuple[str, ...] = (), route: str = ""
) -> Answer:
    """Return a whole page. `forms_to` are the origins that its forms may lead to in the end."""
    body = fill("page.html", title=title, style=style_address(), content=content)
    targets = " ".join(("'self'", *forms_to))
    headers = {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
            f"form-action {targets}"
        ),
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "X-Frame-Options": "DENY",
    }
    return Answer(status, body.encode(), "text/html", headers, route)


def redirect(address: str, *, route: str = "") -> Answer:
    """Send the browser elsewhere, by GET."""
    return Answer(303, b"", "text/plain", {"Location": address, "Referrer-Policy": "same-origin"}, route)


def money(minor: int, currency: str) -> str:
    """Write an amount for people."""
    digits = 0 if currency.lower() in _WHOLE else 3 if currency.lower() in _THOUSANDTHS else 2
    if digits == 0:
        return f"{minor:,} {currency.upper()}"
    whole, rest = divmod(abs(minor), 10**digits)
    return f"{'-' if minor < 0 else ''}{whole:,}.{rest:0{digits}d} {currency.upper()}"


_WHOLE = {
    *(
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "ugx",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    )
}
_THOUSANDTHS = {"bhd", "jod", "kwd", "omr", "tnd"}
