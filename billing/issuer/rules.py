"""How a number is written, and which fiscal year a day belongs to. Pure."""

import re
from collections.abc import Collection, Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from core.errors import Refusal

_PLACES = re.compile(r"\{([a-z]+)\}")
_PATTERN = re.compile(r"[A-Za-z0-9./_\- {}]{1,60}\Z", re.ASCII)


# Currencies whose smallest coin is more than a minor unit, and how many minor units it is.
COINS: Mapping[str, int] = MappingProxyType(
    {"AUD": 5, "CAD": 5, "CHF": 5, "CZK": 100, "DKK": 50, "NOK": 100, "NZD": 10, "SEK": 100}
)
MOST_ROUNDED = max(COINS.values()) // 2


class Layout(StrEnum):
    """How densely documents are set: classic leaves room (DIN 5008, form B), compact puts more on a page (form A)."""

    CLASSIC = "classic"
    COMPACT = "compact"


class BadPattern(Refusal):
    """A number pattern holds {sequence} and {year} once each, else letters, digits and . / _ - only."""

    code = "bad_pattern"


def check_pattern(pattern: str) -> str:
    """Let a pattern pass that gives every document of a series its own number.

    Raises:
        BadPattern: it does not.
    """
    if not _PATTERN.match(pattern) or sorted(_PLACES.findall(pattern)) != ["sequence", "year"]:
        raise BadPattern(field="pattern")
    if "{" in _PLACES.sub("", pattern) or "}" in _PLACES.sub("", pattern):
        raise BadPattern(field="pattern")
    return pattern


def number(pattern: str, *, fiscal_year: int, sequence: int, digits: int) -> str:
    """Write a document's number. The pattern is never handed to str.format, which reads attributes."""
    return pattern.replace("{year}", str(fiscal_year)).replace("{sequence}", str(sequence).zfill(digits))


def fiscal_year(day: date, *, starts_in: int) -> int:
    """Return the calendar year in which the day's fiscal year begins."""
    return day.year if day.month >= starts_in else day.year - 1


def coin(currency: str, rounded: Collection[str]) -> int:
    """Return the smallest coin in minor units where amounts of the currency are rounded to it, else one unit."""
    return COINS.get(currency, 1) if currency in rounded else 1


def to_coin(minor: int, coin_minor: int) -> int:
    """Return an amount from zero up rounded to a coin, half up."""
    return (2 * minor + coin_minor) // (2 * coin_minor) * coin_minor


def as_written(value: str) -> str:
    """Return the value itself: it was normalized before."""
    return value
