"""Ninety days, one mark each: when something was in order, and when it was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from web.charts.table import TableRow

DayState = Literal["ok", "warn", "bad", "none"]
_WORDS: dict[DayState, str] = {"ok": "In order", "warn": "Needs care", "bad": "Wrong", "none": "Not checked"}


@dataclass(frozen=True, slots=True)
class Day:
    """One day and how it was."""

    on: date
    state: DayState

    @property
    def words(self) -> str:
        """How it was, as people read it."""
        return _WORDS[self.state].lower()


@dataclass(frozen=True, slots=True)
class DayStrip:
    """A row of days, oldest first."""

    title: str
    days: Sequence[Day]
    note: str = ""
    head: tuple[str, str] = ("State", "Days")
    template: str = "kit/charts/strip.html"

    @property
    def marks(self) -> list[tuple[str, str, Day]]:
        """Every day with its place and width in percent."""
        slot = 100 / max(len(self.days), 1)
        return [(f"{slot * index:.3f}%", f"{slot * 0.72:.3f}%", day) for index, day in enumerate(self.days)]

    @property
    def rows(self) -> list[TableRow]:
        """The table beside the drawing: how many days of each state."""
        counted = Counter(day.state for day in self.days)
        return [TableRow(word, str(counted[state])) for state, word in _WORDS.items() if counted[state]]

    @property
    def summary(self) -> str:
        """The sentence a screen reader says."""
        counted = ", ".join(f"{word.lower()} {days}" for word, days, *_ in self.rows)
        return f"{self.title}, {len(self.days)} days: {counted}"
