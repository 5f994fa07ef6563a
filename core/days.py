"""Which days the product reckons with. A day outside is a slip of the pen, or an attempt to end the calendar."""

from datetime import date

from core.errors import Refusal

FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)
SENTENCE = "Enter a day between 2000 and 2100."


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
