"""How a number is written, and which fiscal year a day belongs to. Pure."""

import re
from datetime import date
from enum import StrEnum

from core.errors import Refusal

_PLACES = re.compile(r"\{([a-z]+)\}")
_PATTERN = re.compile(r"[A-Za-z0-9./_\- {}]{1,60}\Z", re.ASCII)


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


def as_written(value: str) -> str:
    """Return the value itself: it was normalized before."""
    return value
