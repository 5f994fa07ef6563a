"""What can be exported: each list says its columns, which of them are personal, and how its rows are read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias, cast
from uuid import UUID

from accounts.permissions import Permission

Value: TypeAlias = str | int | Decimal | date | datetime | None
Filters: TypeAlias = Mapping[str, str]


class Shape(StrEnum):
    """What a column's cells are: numbers stay numbers, texts are kept from being computed."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "day"
    MOMENT = "moment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. A personal one is off unless somebody asks for it."""

    code: str
    label: str
    shape: Shape = Shape.TEXT
    is_personal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One list. `count` and `pages` run in the scope that is open; `pages` reads behind a cursor, in portions."""

    code: str
    label: str
    noun: str
    permission: Permission
    columns: Sequence[Column]
    filters: Mapping[str, Sequence[str]]
    count: Callable[[Filters], int]
    page: Callable[[Filters, Sequence[str], UUID | None], tuple[list[Sequence[Value]], UUID | None]]
    formats: Sequence[str] = ("csv", "xlsx")
    most: int = 1_000_000
    # Makes the document of one row (organization, what the row's only column says) outside any scope: its name and
    # its bytes. Such a list goes out as a zip of them.
    document: Callable[[UUID, str], tuple[str, bytes]] | None = None

    def column(self, code: str) -> Column | None:
        """Return one column, None when there is none of that code."""
        return next((each for each in self.columns if each.code == code), None)

    @property
    def usual(self) -> tuple[str, ...]:
        """The columns that nobody is named by: what is chosen unless somebody chooses. A list of documents has one."""
        plain = tuple(each.code for each in self.columns if not each.is_personal)
        return plain or tuple(each.code for each in self.columns)


# Filters whose value is a day, not a word of a list.
DAYS = ("from", "to")
# A filter of every list that rows can be ticked in: the selection by its outside name.
CHOSEN = "chosen"
_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Make a list known; call it in AppConfig.ready."""
    _kinds[kind.code] = kind
    return kind


def all_kinds() -> list[Kind]:
    """Return every list there is, in the order they were made known."""
    return list(_kinds.values())


def of(code: str) -> Kind | None:
    """Return one list, None when there is none of that code."""
    return _kinds.get(code)


def rows(
    kind: Kind, filters: Filters, columns: Sequence[str], *, page: Callable[..., object]
) -> Iterator[list[Sequence[Value]]]:
    """Read a list portion by portion; `page` runs one reading in a scope of its own."""
    after: UUID | None = None
    while True:
        found = page(lambda behind=after: kind.page(filters, columns, behind))
        portion, after = cast("tuple[list[Sequence[Value]], UUID | None]", found)
        if portion:
            yield portion
        if after is None:
            return
