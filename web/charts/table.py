"""The table beside every drawing: what it shows in words, and where each number leads."""

from typing import NamedTuple


class TableRow(NamedTuple):
    """One line; `value` is the number in `display` where its link leads to the rows that come to it."""

    label: str
    display: str
    url: str = ""
    value: int | None = None
