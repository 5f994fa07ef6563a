"""Which days the product reckons with. A day outside is a slip of the pen, or an attempt to end the calendar."""

from datetime import date, timedelta

from core.errors import Refusal

FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)
SENTENCE = "Enter a day between 2000 and 2100."


# A document or a receipt dated further away is a wrong year on the keyboard; books are kept for ten years.
MOST_AHEAD, MOST_BEHIND = timedelta(days=366), timedelta(days=3_660)


class DayOutOfRange(Refusal):
    """A day lies between 2000 and 2100."""

    code = "day_out_of_range"


def check(day: date | None, *, field: str) -> None:
    """Let a day pass that can be reckoned with.

    Raises:
        DayOutOfRange: names the field.
    """
    if day is not None and not FIRST <= day <= LAST:
        raise DayOutOfRange(field=field)


class DayTooFar(Refusal):
    """Enter a day that is at most ten years ago and at most a year ahead: is the year right?"""

    code = "day_too_far"


def check_near(day: date | None, *, today: date, field: str) -> None:
    """Let a day pass on which something can have happened, or will within the year.

    Raises:
        DayOutOfRange, DayTooFar: name the field.
    """
    check(day, field=field)
    if day is not None and not today - MOST_BEHIND <= day <= today + MOST_AHEAD:
        raise DayTooFar(field=field)
