"""One bar cut into its parts: an ageing of debt, a coverage. The parts are named directly below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from web.charts.table import TableRow

# A part that is there but small is still to be seen.
_SMALLEST = 0.6
# From this share of a narrow screen on a part is wide enough for a finger; its name below is a link at any width.
_HIT = 12


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the whole. `series` is its chart colour, 1 to 6 or "age-0" to "age-4"; `url` leads to its rows."""

    label: str
    value: int
    display: str
    series: int | str
    url: str = ""


@dataclass(frozen=True, slots=True)
class DrawnPart:
    """A part with its place in percent of the width."""

    part: Part
    x: str
    width: str
    linked: bool


@dataclass(frozen=True, slots=True)
class StackedBar:
    """A bar of parts."""

    title: str
    summary: str
    parts: Sequence[Part]
    head: tuple[str, str]
    note: str = ""
    template: str = "kit/charts/stacked.html"

    @property
    def drawn(self) -> list[DrawnPart]:
        """Every part that is not nothing, with its place."""
        shown = [part for part in self.parts if part.value > 0]
        whole = sum(part.value for part in shown)
        shares = [max(100 * part.value / whole, _SMALLEST) for part in shown]
        scale = 100 / sum(shares) if shares else 1
        places, left = [], 0.0
        for part, share in zip(shown, shares, strict=True):
            width = share * scale
            linked = bool(part.url) and width > _HIT
            places.append(DrawnPart(part=part, x=f"{left:.3f}%", width=f"{width:.3f}%", linked=linked))
            left += width
        return places

    @property
    def is_linked(self) -> bool:
        """Tell whether parts are links, so that the drawing is not one picture."""
        return any(place.linked for place in self.drawn)

    @property
    def rows(self) -> list[TableRow]:
        """The table beside the drawing."""
        return [TableRow(part.label, part.display, part.url, part.value) for part in self.parts]
