"""Arithmetic of reports: every debt has one age, balances run, movements sum, an amount a month is what it says."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.reports import rules
from billing.reports.rules import Held, Move

DAYS = st.integers(0, 36_000).map(lambda days: date(2000, 1, 1) + timedelta(days=days))
MINOR = st.integers(-(10**12), 10**12)
SUMS = st.dictionaries(st.integers(1, 30).map(lambda n: UUID(int=n)), st.integers(1, 10**9))
HELD = st.builds(Held, MINOR, MINOR, MINOR)


@pytest.mark.parametrize(
    ("late", "age"),
    [(-40, "current"), (0, "current"), (1, "1-30"), (30, "1-30"), (31, "31-60"), (60, "31-60"), (61, "61-90"),
     (90, "61-90"), (91, "over-90"), (4000, "over-90")],
)  # fmt: skip
def test_an_age_begins_the_day_after(late: int, age: str) -> None:
    assert rules.age_of(date(2026, 3, 1), date(2026, 3, 1) + timedelta(days=late)) == age
    assert rules.age_of(None, date(2026, 3, 1)) == "current"


@given(st.lists(st.tuples(DAYS, MINOR), max_size=20), DAYS)
def test_ages_come_to_what_is_owed(owed: list[tuple[date, int]], on: date) -> None:
    sums = dict.fromkeys(rules.AGES, 0)
    for due, amount in owed:
        sums[rules.age_of(due, on)] += amount
    assert sum(sums.values()) == sum(amount for _, amount in owed)


@given(HELD, st.lists(HELD, max_size=10))
def test_a_balance_runs_from_opening_to_closing(opening: Held, movements: list[Held]) -> None:
    steps = rules.running(opening, movements)
    held, balance = opening, opening.balance_minor
    for movement, (amount, after) in zip(movements, steps, strict=True):
        held = held.plus(movement)
        balance += amount
        assert balance == after == held.balance_minor


def test_what_was_given_back_without_a_credit_note_is_not_asked_for() -> None:
    refund = [Held(refunds_minor=40), Held(refunds_minor=-40)]
    assert rules.running(Held(), refund) == [(0, 0), (0, 0)]
    promised = [Held(refunds_minor=-100), Held(refunds_minor=100)]
    assert rules.running(Held(), promised) == [(-100, -100), (100, 0)]


@given(SUMS, SUMS)
def test_movements_lead_from_one_day_to_the_other(before: dict[UUID, int], after: dict[UUID, int]) -> None:
    moved = rules.moved(before, after)
    kinds = rules.by_kind(moved)
    assert sum(before.values()) + sum(kinds.values()) == sum(after.values())
    assert kinds[Move.NEW] >= 0 <= kinds[Move.EXPANSION]
    assert kinds[Move.CHURN] <= 0 >= kinds[Move.CONTRACTION]
    for row in moved:
        assert (row.kind is None) == (row.before_minor == row.after_minor)
        assert (row.kind is Move.NEW) == (row.before_minor == 0)
        assert (row.kind is Move.CHURN) == (row.after_minor == 0)


@given(st.integers(0, 10**12), st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 36))
def test_twelve_months_are_a_year_but_for_rounding(amount: int, interval: str, count: int) -> None:
    a_year = {"day": 365, "week": 52, "month": 12, "year": 1}[interval]
    exact = Decimal(amount) * a_year / count
    assert abs(12 * rules.monthly(amount, interval, count) - exact) <= 6


def test_days_of_sales() -> None:
    assert rules.dso(5_000, 10_000, 90) == Decimal("45.0")
    assert rules.dso(5_000, 0, 90) is None
    assert rules.dso(5_000, -1, 90) is None
    assert rules.churn_rate(-25, 100) == Decimal("0.2500")
    assert rules.churn_rate(0, 0) is None


def test_months_of_some_days() -> None:
    assert [str(month) for month in rules.months(date(2025, 11, 30), date(2026, 1, 1))] == [
        "2025-11", "2025-12", "2026-01",
    ]  # fmt: skip
    assert rules.months(date(2026, 2, 1), date(2026, 1, 1)) == []
    assert len(rules.months(date(2000, 1, 1), date(2026, 1, 1))) == rules.MOST_MONTHS
