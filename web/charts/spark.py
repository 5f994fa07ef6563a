"""A line as small as a word: the shape of a series, never its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spark:
    """A sparkline. `summary` is what a screen reader says."""

    summary: str
    values: Sequence[int]
    template: str = "kit/charts/spark.html"

    @property
    def points(self) -> str:
        """The points of the line in a box of 100 by 24."""
        low, high = min(self.values, default=0), max(self.values, default=0)
        span, last = max(high - low, 1), max(len(self.values) - 1, 1)
        return " ".join(
            f"{100 * index / last:.2f},{22 - 20 * (value - low) / span:.2f}"
            for index, value in enumerate(self.values)
        )
