"""The arithmetic of reports: ages of debt, running balances, days of sales outstanding, recurring revenue. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from uuid import UUID

from billing.periods.rules import Month
from core import money

# From the day an invoice was due: the last day of each age; what is older has none.
AGES: Mapping[str, int | None] = {"current": 0, "1-30": 30, "31-60": 60, "61-90": 90, "over-90": None}
MOST_MONTHS = 36


def age_of(due_on: date | None, as_of: date) -> str:
    """Return the age of a debt on a day: current until the day it is due is over, and where it is due on no day."""
    late = 0 if due_on is None else (as_of - due_on).days
    return next(age for age, last in AGES.items() if last is None or late <= last)


class Measure(StrEnum):
    """What of a customer's account a movement touches."""

    RECEIVABLE = "receivable"
    CREDIT = "customer_credit"
    REFUNDS = "refunds"


@dataclass(frozen=True, slots=True)
class Held:
    """What an account of a customer holds: owed by them, kept for them (below zero), promised back (below zero)."""

    receivable_minor: int = 0
    credit_minor: int = 0
    refunds_minor: int = 0

    @property
    def balance_minor(self) -> int:
        """What the customer owes in all; below zero it is owed to them.

        What was given back without a credit note (above zero on `refunds`) is not asked for again.
        """
        return self.receivable_minor + self.credit_minor + min(self.refunds_minor, 0)

    def plus(self, other: "Held") -> "Held":
        """Add a movement."""
        return Held(
            self.receivable_minor + other.receivable_minor,
            self.credit_minor + other.credit_minor,
            self.refunds_minor + other.refunds_minor,
        )


def running(opening: Held, movements: Iterable[Held]) -> list[tuple[int, int]]:
    """Return of each movement by how much it changes the balance, and the balance after it."""
    steps, held = [], opening
    for movement in movements:
        after = held.plus(movement)
        steps.append((after.balance_minor - held.balance_minor, after.balance_minor))
        held = after
    return steps


def months(since: date, until: date) -> list[Month]:
    """Return the months of some days, the earliest first."""
    found: list[Month] = []
    month = Month.of(since)
    while month.starts_on <= until and len(found) < MOST_MONTHS:
        found.append(month)
        month = month.next
    return found


def dso(receivable_minor: int, revenue_minor: int, days: int) -> Decimal | None:
    """Return for how many days' sales customers owe, to a tenth of a day; nothing where nothing was sold."""
    if revenue_minor <= 0:
        return None
    exact = money.divide(Decimal(receivable_minor * days), Decimal(revenue_minor))
    return exact.quantize(Decimal("0.1"), ROUND_HALF_EVEN)


# How many of an interval a month has: a year has 365 days and 52 weeks here, so that both come to twelve months.
_A_MONTH: Mapping[str, tuple[int, int]] = {
    "day": (365, 12),
    "week": (52, 12),
    "month": (1, 1),
    "year": (1, 12),
}


def monthly(amount_minor: int, interval: str, interval_count: int) -> int:
    """Return what an amount a period comes to a month, to the nearest minor unit."""
    times, by = _A_MONTH[interval]
    exact = money.divide(Decimal(amount_minor * times), Decimal(by * interval_count))
    return int(exact.to_integral_value(ROUND_HALF_EVEN))


class Move(StrEnum):
    """How a customer's recurring revenue differs between two days."""

    NEW = "new"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"


def move(before_minor: int, after_minor: int) -> Move | None:
    """Say how recurring revenue moved; None when it did not."""
    if before_minor == after_minor:
        return None
    if not before_minor:
        return Move.NEW
    if not after_minor:
        return Move.CHURN
    return Move.EXPANSION if after_minor > before_minor else Move.CONTRACTION


@dataclass(frozen=True, slots=True)
class Moved:
    """One customer's recurring revenue on two days."""

    customer_id: UUID
    before_minor: int
    after_minor: int

    @property
    def kind(self) -> Move | None:
        """How it moved."""
        return move(self.before_minor, self.after_minor)

    @property
    def amount_minor(self) -> int:
        """By how much."""
        return self.after_minor - self.before_minor


def moved(before: Mapping[UUID, int], after: Mapping[UUID, int]) -> list[Moved]:
    """Compare the recurring revenue of every customer on two days."""
    return [
        Moved(customer, before.get(customer, 0), after.get(customer, 0))
        for customer in sorted(before.keys() | after.keys())
    ]


def by_kind(rows: Sequence[Moved]) -> dict[Move, int]:
    """Add up movements by kind: with what there was before they come to what there is after."""
    sums = dict.fromkeys(Move, 0)
    for row in rows:
        if row.kind is not None:
            sums[row.kind] += row.amount_minor
    return sums


def churn_rate(lost_minor: int, before_minor: int) -> Decimal | None:
    """Return which part of what there was is lost, as a ratio to four places; nothing where there was nothing."""
    if before_minor <= 0:
        return None
    return money.divide(Decimal(-lost_minor), Decimal(before_minor)).quantize(
        Decimal("0.0001"), ROUND_HALF_EVEN
    )
