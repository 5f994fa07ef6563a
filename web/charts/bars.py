"""Bars over time or over groups. The base is always zero, so that a bar twice as high is twice as much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from web.charts.table import TableRow

_PLOT_TOP = 24
_LABEL_ROOM = 22
# Words this near to those of an end, in percent of the width, run into them on a phone.
_NEAR = 40
_LABEL_AT = {"start": 0.15, "middle": 0.5, "end": 0.85}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. `display` is the value as people read it; a partial period is drawn paler and says so.

    `url` leads to the rows that come to it.
    """

    label: str
    value: int
    display: str
    partial: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A line the reader compares the bars with."""

    value: int
    label: str


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """A bar with its place: across in percent, upright in pixels, so that letters keep their size."""

    bar: Bar
    x: str
    width: str
    label_x: str
    anchor: str
    y: int
    height: int
    label_shown: bool
    # Where a narrow page has no room for the words: they would run into those of an end.
    crowded: bool


@dataclass(frozen=True, slots=True)
class BarChart:
    """A bar chart. `summary` is what a screen reader says; `head` names the two columns of the table."""

    title: str
    summary: str
    bars: Sequence[Bar]
    head: tuple[str, str]
    note: str = ""
    threshold: Threshold | None = None
    # The height of the highest bar in pixels: less where the chart stands above what matters more.
    plot_height: int = 148
    template: str = "kit/charts/bars.html"

    @property
    def height(self) -> int:
        """The height of the drawing in pixels."""
        return _PLOT_TOP + self.plot_height + _LABEL_ROOM

    @property
    def base(self) -> int:
        """Where zero lies."""
        return _PLOT_TOP + self.plot_height

    @property
    def label_y(self) -> int:
        """Where the labels stand."""
        return self.height - 5

    def _top(self) -> int:
        values = [bar.value for bar in self.bars] + ([self.threshold.value] if self.threshold else [])
        return max([1, *values])

    def _rise(self, value: int) -> int:
        return self.plot_height * max(value, 0) // self._top()

    @property
    def threshold_y(self) -> int:
        """Where the threshold line lies."""
        return self.base - self._rise(self.threshold.value) if self.threshold else self.base

    @property
    def drawn(self) -> list[DrawnBar]:
        """Every bar with its place. Beyond eight, only the first, the last and the highest carry words."""
        slot = 100 / max(len(self.bars), 1)
        every = len(self.bars) <= 8
        highest = max(range(len(self.bars)), key=lambda index: self.bars[index].value, default=0)
        places = []
        for index, bar in enumerate(self.bars):
            rise = self._rise(bar.value)
            # Where there are many, the words at both ends grow inwards, so that none is cut off.
            anchor = "middle" if every else {0: "start", len(self.bars) - 1: "end"}.get(index, "middle")
            places.append(
                DrawnBar(
                    bar=bar,
                    x=f"{slot * (index + 0.15):.3f}%",
                    width=f"{slot * 0.7:.3f}%",
                    label_x=f"{slot * (index + _LABEL_AT[anchor]):.3f}%",
                    anchor=anchor,
                    y=self.base - rise,
                    height=rise,
                    label_shown=every or index in (0, highest, len(self.bars) - 1),
                    crowded=0 < min(index, len(self.bars) - 1 - index) * slot < _NEAR,
                )
            )
        return places

    @property
    def rows(self) -> list[TableRow]:
        """The table beside the drawing."""
        return [
            TableRow(bar.label + (" (not over yet)" if bar.partial else ""), bar.display, bar.url, bar.value)
            for bar in self.bars
        ]
