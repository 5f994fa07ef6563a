"""Until when a person must be answered (GDPR Article 12(3)), and which way a request can go. Pure."""

import calendar
from collections.abc import Mapping
from datetime import date, timedelta

MONTHS, MOST_MONTHS = 1, 3
# So long before the day it is said that it comes near.
SOON = timedelta(days=7)
NAME_LENGTH, EMAIL_LENGTH, WORDS_LENGTH = 200, 254, 4_000
MOVES: Mapping[str, frozenset[str]] = {
    "received": frozenset({"verified", "refused", "withdrawn"}),
    "verified": frozenset({"answered", "refused", "withdrawn"}),
    "answered": frozenset(),
    "refused": frozenset(),
    "withdrawn": frozenset(),
}
OPEN = ("received", "verified")
# These are answered with a file of everything.
WITH_FILE = frozenset({"access", "portability"})


def months_later(day: date, months: int) -> date:
    """Return the same day some months later, or the last of that month where it has no such day."""
    total = day.year * 12 + day.month - 1 + months
    year, month = divmod(total, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def due_on(received_on: date, *, extended: bool = False) -> date:
    """Return the last day to answer: a month after receipt, or three when that was told with its reason."""
    return months_later(received_on, MOST_MONTHS if extended else MONTHS)


def may_extend(received_on: date, today: date) -> bool:
    """Tell whether more time can still be taken: the person is told within the first month."""
    return today <= due_on(received_on)
