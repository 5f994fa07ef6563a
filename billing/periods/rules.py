"""Months and the words about them. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta

from core.errors import Conflict, Refusal

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


class PeriodClosed(Refusal):
    """The books of that month are closed."""

    code = "period_closed"


class PeriodNotOver(Refusal):
    """A month can be closed when it is over."""

    code = "period_not_over"


class EarlierPeriodOpen(Refusal):
    """Months are closed one after the other."""

    code = "earlier_period_open"


class LaterPeriodClosed(Refusal):
    """Months are opened again from the last one back."""

    code = "later_period_closed"


class PeriodNotClosed(Conflict):
    """That month is not closed."""

    code = "period_not_closed"


class PeriodClosedAlready(Conflict):
    """That month is closed already."""

    code = "period_closed_already"


class PeriodNotReady(Refusal):
    """Something has to be done before this month can be closed."""

    code = "period_not_ready"


class ReopeningAsked(Conflict):
    """Somebody has asked for this already; it waits for a second person."""

    code = "reopening_asked"


class BooksBusy(Conflict):
    """Somebody is booking at this moment. Try again."""

    code = "books_busy"


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the books."""

    starts_on: date

    @classmethod
    def of(cls, day: date) -> "Month":
        """Return the month of a day."""
        return cls(day.replace(day=1))

    @property
    def next(self) -> "Month":
        """The month after it."""
        return Month.of(self.starts_on + timedelta(days=32))

    @property
    def before(self) -> "Month":
        """The month before it."""
        return Month.of(self.starts_on - timedelta(days=1))

    @property
    def ends_on(self) -> date:
        """Its last day."""
        return self.next.starts_on - timedelta(days=1)

    @property
    def name(self) -> str:
        """Its name with the year."""
        return f"{MONTHS[self.starts_on.month - 1]} {self.starts_on.year}"

    def told(self, today: date) -> str:
        """Return its name, with the year where that is another than today's."""
        return MONTHS[self.starts_on.month - 1] if self.starts_on.year == today.year else self.name

    def __str__(self) -> str:
        return f"{self.starts_on:%Y-%m}"


def day_told(day: date, today: date) -> str:
    """Return a day in words, with the year where that is another than today's."""
    words = f"{day.day} {MONTHS[day.month - 1]}"
    return words if day.year == today.year else f"{words} {day.year}"


def closed_sentence(*, day: date, closed_on: date, open_from: date, by: str, today: date) -> str:
    """Say that a month is closed, since when, and what to do instead."""
    month = Month.of(day).told(today)
    return (
        f"{month} is closed since {day_told(closed_on, today)}. Date this {day_told(open_from, today)} or later, "
        f"or ask {by} to reopen {month}."
    )
