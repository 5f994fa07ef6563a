"""Rows in the order of a column, page by page in both directions; an index carries each order."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import Combinable

from core.errors import NotFound

_M = TypeVar("_M", bound=Model)
# By the id alone, which grows with time.
OLDEST = "id"
# What an address may say a list stands in the order of, and the column or expression an index holds before the id.
Sorts = Mapping[str, str | Combinable]


def ordered(
    rows: "QuerySet[_M]", sort: str, sorts: Sorts, *, after: UUID | None = None, back: bool = False
) -> "QuerySet[_M]":
    """Put rows in an order ("name" rises, "-name" falls; any other is newest first), from behind one of them on.

    What has no value stands last, and first where the order falls. With `back` they are read from before that row
    backwards. Its value is looked up: an address names a place by an id alone.

    Raises:
        NotFound: there is no row of this id.
    """
    by = sorts.get(sort.removeprefix("-"))
    falls = ((by is None and sort != OLDEST) or sort.startswith("-")) != back
    sign, way = ("-", "lt") if falls else ("", "gt")
    beyond = Q() if after is None else Q(**{f"pk__{way}": after})
    if by is None:
        return rows.filter(beyond).order_by(f"{sign}pk")
    empties = isinstance(by, str) and rows.model._meta.get_field(by).null
    by = F(by) if isinstance(by, str) else by
    rows = rows.alias(sorted_by=by)  # type: ignore[assignment]  # the stubs lose the model
    if after is not None:
        rows = rows.filter(_beyond(_value(rows.model, by, after), way, beyond, empties=empties))
    return rows.order_by(f"{sign}sorted_by", f"{sign}pk")


def _value(model: type[Model], by: Combinable, key: UUID) -> Any:
    found = list(model._default_manager.filter(pk=key).values_list(by, flat=True))
    if not found:
        raise NotFound
    return found[0]


def _beyond(value: Any, way: str, tie: Q, *, empties: bool) -> Q:
    none = Q(sorted_by__isnull=True)
    if value is None:
        return none & tie if way == "gt" else none & tie | ~none
    # The bound stands apart, so that the index is entered where the page begins.
    found = Q(**{f"sorted_by__{way}e": value}) & (
        Q(**{f"sorted_by__{way}": value}) | Q(sorted_by=value) & tie
    )
    return found | none if empties and way == "gt" else found
