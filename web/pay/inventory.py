"""What the browser of somebody who pays is given to run: every script and style of the pay page, and its digest.

Promise kept (PCI DSS 6.4.3, 11.6.1): each stands in a reviewed list with the reason why it is there. One that is new,
gone or changed since its review is shown on the security page, and fails a test. The list is read from the template
that every page behind a pay link is made from, and from what the scripts themselves import; nothing is typed in twice.
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template.loader import render_to_string

from core import primitives

REVIEWED = Path(__file__).parent / "reviewed.json"
_FRAME = "pay/base.html"
_IMPORT = re.compile(r"""^\s*(?:import|export)\b[^"'();]*["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)
_STYLE_IMPORT = re.compile(r"""@import\s+(?:url\()?["']?([^"')\s]+)""")


class State(StrEnum):
    """How a file stands against the list."""

    REVIEWED = "reviewed"
    CHANGED = "changed"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file. `sha256` is what is served now, in hexadecimal; empty for one that is gone."""

    name: str
    kind: str
    why: str
    sha256: str
    state: State


def served(html: str | None = None) -> dict[str, str]:
    """Return every script and style of a page with its digest; of the frame of all pay pages without one."""
    page = html if html is not None else _frame()
    found: dict[str, str] = {}
    waiting = list(_named(page))
    while waiting:
        name = waiting.pop()
        if name not in found:
            content = _content(name)
            found[name] = primitives.sha256(content).hex()
            waiting += _imported(name, content.decode())
    return dict(sorted(found.items()))


def reviewed() -> Mapping[str, Mapping[str, str]]:
    """Return the list: by name, the reviewed digest and why the file is there."""
    listed: Mapping[str, Mapping[str, str]] = json.loads(REVIEWED.read_text())
    return listed


def assets() -> list[Asset]:
    """Compare what is served with what was reviewed."""
    now, listed = served(), reviewed()
    return [_asset(name, now.get(name, ""), listed.get(name)) for name in sorted({*now, *listed})]


def _asset(name: str, sha256: str, listed: Mapping[str, str] | None) -> Asset:
    if listed is None:
        state = State.NEW
    elif not sha256:
        state = State.GONE
    else:
        state = State.REVIEWED if listed["sha256"] == sha256 else State.CHANGED
    kind = "Style" if name.endswith(".css") else "Script"
    return Asset(name, kind, listed["why"] if listed else "", sha256, state)


def _frame() -> str:
    request = SimpleNamespace(csp_nonce="")
    return render_to_string(_FRAME, {"bill": None, "transfer": None, "request": request})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the browser loads and runs."""
        given = dict(attrs)
        if tag == "script":
            # One without an address would be inline, which the policy forbids: it is named as what it is.
            self.found.append(given.get("src") or "inline script")
        elif tag == "style":
            self.found.append("inline style")
        elif tag == "link" and "stylesheet" in (given.get("rel") or "").split():
            self.found.append(given.get("href") or "")


def _named(page: str) -> Iterator[str]:
    reader = _Reader()
    reader.feed(page)
    static = f"/{settings.STATIC_URL.strip('/')}/"
    # The release names files with a digest of their own; the list keeps their names in the source.
    hashed = getattr(staticfiles_storage, "hashed_files", {})
    sources = {served_name: source for source, served_name in hashed.items()}
    for address in reader.found:
        name = address.removeprefix(static)
        yield sources.get(name, name)


def _content(name: str) -> bytes:
    path = finders.find(name)
    return Path(path).read_bytes() if path else b""


def _imported(name: str, text: str) -> list[str]:
    pattern = _STYLE_IMPORT if name.endswith(".css") else _IMPORT
    folder = posixpath.dirname(name)
    return [posixpath.normpath(posixpath.join(folder, found)) for found in pattern.findall(text)]
