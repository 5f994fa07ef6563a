"""The cells of a list: what stands in one, and how it is printed, in its column and in the second line on phones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from html import escape
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from web.kit import formats
from web.kit.status import status


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a row: its kind, the value, and what belongs to it (a currency, a kind of state, an address)."""

    kind: str
    value: Any = None
    extra: str = ""

    @property
    def keeps(self) -> bool:
        """Tell whether it stands in one line."""
        return self.kind in ("day", "moment", "code", "link")


NOTHING = Cell("nothing")


def text(value: str) -> Cell:
    """Return a text, or the sign for none."""
    return Cell("text", value) if value else NOTHING


def texts(values: Sequence[str]) -> Cell:
    """Return short texts, one under the other."""
    return Cell("texts", tuple(values)) if values else NOTHING


def code(value: str) -> Cell:
    """Return an identifier, shortened in its middle."""
    return Cell("code", value) if value else NOTHING


def link(value: str, url: str) -> Cell:
    """Return a text that leads somewhere."""
    return Cell("link", value, url) if value and url else text(value)


def tag(noun: str, value: str) -> Cell:
    """Return a state of the one map."""
    return Cell("tag", value, noun)


def money(minor: int | None, currency: str, *, bare: bool = False) -> Cell:
    """Return an amount; `bare` where the head of the column names its currency."""
    return NOTHING if minor is None else Cell("amount" if bare else "money", minor, currency)


def day(value: date | datetime | None) -> Cell:
    """Return a day."""
    return Cell("day", value) if value else NOTHING


def moment(value: datetime | None) -> Cell:
    """Return a moment in the reader's zone."""
    return Cell("moment", value) if value else NOTHING


def number(value: int) -> Cell:
    """Return a count."""
    return Cell("number", value)


@lru_cache(maxsize=512)
def _tag(noun: str, value: str) -> SafeString:
    return render_to_string("kit/status_tag.html", {"status": status(noun, value)})


def _moment(at: datetime) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), formats.moment_utc(at), formats.moment(at)
    )


_DASH = SafeString('<span class="muted">–<span class="unseen">none</span></span>')
_SHOWN: Mapping[str, Callable[[Cell], SafeString | str]] = {
    "nothing": lambda cell: _DASH,
    "text": lambda cell: str(cell.value),
    "texts": lambda cell: format_html_join(SafeString("<br>"), "{}", ((each,) for each in cell.value)),
    "code": lambda cell: format_html(
        '<code title="{}">{}</code>', cell.value, formats.middle(cell.value, 14)
    ),
    "link": lambda cell: format_html('<a href="{}">{}</a>', cell.extra, cell.value),
    "tag": lambda cell: _tag(cell.extra, str(cell.value)),
    "money": lambda cell: formats.money(cell.value, cell.extra),
    "amount": lambda cell: formats.amount(cell.value, cell.extra),
    "day": lambda cell: formats.day(cell.value),
    "moment": lambda cell: _moment(cell.value),
    "number": lambda cell: formats.number(cell.value),
}


def show(cell: Cell) -> SafeString | str:
    """Print a cell in its column."""
    return _SHOWN[cell.kind](cell)


def columns(found: Iterable[tuple[str, Cell | None]]) -> SafeString:
    """Print the cells of a row, each with the classes of its column: a page has hundreds of them."""
    return SafeString(
        "".join([f'<td class="{_class(marks, cell)}">{_escaped(cell)}</td>' for marks, cell in found])
    )


def second_line(found: Iterable[tuple[str, str]]) -> SafeString:
    """Print the cells that have no column on phones, each with its name for whoever does not see the head."""
    return SafeString(
        " · ".join([f'<span class="unseen">{escape(label)}: </span>{escape(said)}' for label, said in found])
    )


def _class(marks: str, cell: Cell | None) -> str:
    return f"{marks}keep" if cell is not None and cell.keeps else marks


def _escaped(cell: Cell | None) -> str:
    shown = "" if cell is None else show(cell)
    return shown if isinstance(shown, SafeString) else escape(shown)


def say(cell: Cell) -> str:
    """Write a cell as plain words, for the second line; nothing for none."""
    if cell.kind == "nothing":
        return ""
    if cell.kind == "tag":
        return status(cell.extra, str(cell.value)).word
    if cell.kind == "texts":
        return ", ".join(cell.value)
    if cell.kind in ("link", "code"):
        return str(cell.value)
    # Without its head an amount needs its currency.
    return (
        formats.money(cell.value, cell.extra)
        if cell.kind == "amount"
        else (formats.moment(cell.value) if cell.kind == "moment" else str(_SHOWN[cell.kind](cell)))
    )
