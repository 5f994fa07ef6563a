"""The page a list stands on: its views, its filters, its rows in the columns somebody chose, its sums and its end.

Promise kept: the address is the state. Whoever opens it sees the same rows, as far as they may; nothing depends on
JavaScript, and with it only the results are swapped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from accounts.lists import queries as arranged
from accounts.lists.queries import View
from accounts.permissions import Permission
from billing.tallies import queries as tallies
from core import clock, ids
from core.errors import NotFound
from edge.request import Request
from web.kit import cells, formats
from web.kit.cells import Cell
from web.kit.forms import Form
from web.kit.parts import Chip, CursorPage, Tab
from web.lists.listings import Column, Listing

SAVED = "saved"
# Where a page stands in its list is no part of what the list holds.
PLACE = ("cursor", "from")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: where it leads, what it is called, and its cells by the code of their column."""

    key: str
    url: str
    title: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What everything that matches comes to in one currency."""

    label: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Head:
    """A button beside the heading."""

    label: str
    url: str
    icon: str = ""
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """Something that can be done to the chosen rows."""

    code: str
    label: str
    icon: str = ""
    danger: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """Why nothing is here, and the one thing to do."""

    title: str
    sentence: str
    action: Head | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a view of a list gives to its page."""

    listing: Listing
    rows: Sequence[Row]
    page: CursorPage
    empty: Empty
    tabs: Sequence[Tab] = ()
    chips: Sequence[Chip] = ()
    form: Form | None = None
    heads: Sequence[Head] = ()
    acts: Sequence[Act] = ()
    sums: Sequence[Sum] = ()
    # Why there are no sums, where counting would cost more than it tells.
    no_sums: str = ""
    lead: str = ""
    # Heads that say more than the column's own, such as the one currency of an amount; and orders by column.
    labels: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)
    # The columns the rows can be put into the order of, and how each begins: "ascending" or "descending".
    sorts: Mapping[str, str] = field(default_factory=dict)
    below: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


def show(request: Request, slug: str, given: Shown) -> HttpResponse:
    """Answer with the page of a list, or with its results alone where htmx swaps them."""
    listing = given.listing
    user_id = request.actor.id
    views = arranged.views(listing=listing.code, user_id=user_id) if user_id else []
    named, current = request.GET.get(SAVED, ""), None
    if named:
        key = ids.decode("saved_view", named)
        current = next((view for view in views if view.id == key), None)
        if current is None:
            return _elsewhere(request, slug, listing, named)
    columns = _columns(given, request)
    query = listing.canonical(request.GET)
    chosen = sum(1 for chip in given.chips)
    context = {
        "shown": given,
        "listing": listing,
        "columns": columns,
        "picked": {column.code for column in columns},
        "rows": [_row(row, columns) for row in given.rows],
        "sums": [(each.label, _cells(each.cells, columns[1:])) for each in given.sums],
        "tabs": [*_plain(given.tabs, saved=current is not None), *_saved(views, current, listing, slug)],
        "view": _state(request, slug, listing, current, query, narrowed=bool(chosen or _typed(given.form))),
        "clear_url": _clear(request, listing),
        "kept": _kept(request, given.form, listing),
        "query": query,
        "announce": _announce(given),
        "act_url": reverse(f"lists:{listing.code}_selected", args=[slug]) if given.acts else "",
        "columns_url": reverse("lists:columns", args=[slug, listing.code]),
        "here": request.get_full_path(),
        "exports": any(act.code == "export" for act in given.acts),
        **given.more,
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "lists/_list.html" if fragment else "lists/list.html", context)


@dataclass(frozen=True, slots=True)
class ByTime:
    """Whether a list that stands newest first was turned around, and what its page shows of that."""

    column: str
    oldest: bool

    @property
    def shown(self) -> dict[str, Any]:
        """Return the order of the column and that it can be turned around, as `Shown` takes them."""
        way = "ascending" if self.oldest else "descending"
        return {"orders": {self.column: way}, "sorts": {self.column: "descending"}}


@dataclass(frozen=True, slots=True)
class ByColumn:
    """The order a list was put into, by the columns that can carry one and how each of them begins."""

    sort: str
    begins: Mapping[str, str]

    def shown(self, *but: str) -> dict[str, Any]:
        """Return the order and what else it could be, without these columns, as `Shown` takes them."""
        way = "descending" if self.sort.startswith("-") else "ascending"
        orders = {self.sort.removeprefix("-"): way} if self.sort else {}
        sorts = {name: begin for name, begin in self.begins.items() if name not in but}
        return {"orders": orders, "sorts": sorts}


def by_column(query: QueryDict, begins: Mapping[str, str]) -> ByColumn:
    """Read the order a list is to be in; none where its address names no column of these."""
    sort = query.get("sort", "")
    return ByColumn(sort if sort.removeprefix("-") in begins else "", begins)


def by_time(query: QueryDict, column: str) -> ByTime:
    """Read whether a list is to begin with its oldest row: an id grows with time, so its index carries both ways."""
    return ByTime(column, query.get("sort") == column)


def without(query: QueryDict, *names: str) -> str:
    """Return the address of a list without these filters, from its first page."""
    left = query.copy()
    for name in (*names, *PLACE):
        left.pop(name, None)
    return f"?{left.urlencode()}"


def viewed(query: QueryDict, name: str, code: str) -> str:
    """Return the address of another view of a list, in the order it is in."""
    there = query.copy()
    for gone in (*PLACE, SAVED, name):
        there.pop(gone, None)
    if code:
        there[name] = code
    return f"?{there.urlencode()}"


def place(query: QueryDict) -> int:
    """Return the number of the first row of a page."""
    raw = query.get("from", "")
    return max(int(raw), 1) if raw.isdecimal() and len(raw) <= 9 else 1


def further(query: QueryDict, cursor: str, first: int) -> str:
    """Return the address of a neighbouring page; nothing without a cursor."""
    if not cursor:
        return ""
    there = query.copy()
    there["cursor"], there["from"] = cursor, str(first)
    return f"?{there.urlencode()}"


def cursor_page(query: QueryDict, *, shown: int, next_after: object = None) -> CursorPage:
    """Say where a page stands in a list that is read forwards alone, and is not counted."""
    first = place(query)
    following = ids.base32(next_after) if next_after is not None else ""  # type: ignore[arg-type]  # a UUID
    return CursorPage(
        shown=shown,
        first=first,
        next_url=further(query, following, first + shown),
        previous_url=without(query) if query.get("cursor") else "",
    )


def counted(at: CursorPage, found: Mapping[str, tuple[int, int]] | None) -> CursorPage:
    """Say how many match, where that was added up."""
    return at if found is None else replace(at, total=sum(count for count, _ in found.values()))


def sums(found: Mapping[str, tuple[int, int]] | None, column: str) -> list[Sum]:
    """Write what was added up under its column, a line a currency."""
    return [
        Sum(label=f"{currency}, {formats.number(count)}", cells={column: cells.money(minor, currency)})
        for currency, (count, minor) in (found or {}).items()
    ]


def no_sums(found: Mapping[str, tuple[int, int]] | None) -> str:
    """Say why nothing was added up; nothing where it was."""
    if found is not None:
        return ""
    most = formats.number(tallies.MOST_ADDED)
    return f"More than {most} match. Narrow the list down to see what they come to."


def _columns(given: Shown, request: Request) -> list[Column]:
    user_id = request.actor.id
    picked = arranged.columns(listing=given.listing.code, user_id=user_id) if user_id else None
    return [
        replace(
            column,
            label=given.labels.get(column.code, column.label),
            order=given.orders.get(column.code, ""),
            sort_url=_sort_url(given, request.GET, column.code) if column.code in given.sorts else "",
        )
        for column in given.listing.columns
        if column.fixed or (column.shown if picked is None else column.code in picked)
    ]


def _sort_url(given: Shown, query: QueryDict, code: str) -> str:
    """Return the address of the list in the order of a column; of the one that it stands in, the other way round."""
    there = query.copy()
    for name in PLACE:
        there.pop(name, None)
    order = given.orders.get(code)
    way = given.sorts[code] if order is None else "descending" if order == "ascending" else "ascending"
    there["sort"] = code if way == "ascending" else f"-{code}"
    return f"?{there.urlencode()}"


def _row(row: Row, columns: Sequence[Column]) -> dict[str, Any]:
    rest = [
        (column.label, said)
        for column in columns[1:]
        if not column.stays and (said := cells.say(row.cells.get(column.code, cells.NOTHING)))
    ]
    return {
        "key": row.key,
        "url": row.url,
        "title": row.title,
        # A number or a day in one line; a name may take two.
        "keep": len(row.title) <= 16,
        # Printed here: the engine of templates takes ten times as long for a cell, and a page has hundreds.
        "cells": cells.columns((_marks(column), row.cells.get(column.code)) for column in columns[1:]),
        "second": cells.second_line(rest),
    }


def _marks(column: Column) -> str:
    return ("numeric " if column.numeric else "") + ("" if column.stays else "extra ")


def _cells(found: Mapping[str, Cell], columns: Sequence[Column]) -> list[tuple[Column, Cell | None]]:
    return [(column, found.get(column.code)) for column in columns]


def _plain(tabs: Sequence[Tab], *, saved: bool) -> list[Tab]:
    return [replace(tab, current=False) for tab in tabs] if saved else list(tabs)


def _saved(views: Sequence[View], current: View | None, listing: Listing, slug: str) -> list[Tab]:
    return [
        Tab(view.name, view_url(view, listing, slug), current is not None and view.id == current.id)
        for view in views
    ]


def view_url(view: View, listing: Listing, slug: str) -> str:
    """Return the address of a saved view."""
    name = f"{SAVED}={ids.encode('saved_view', view.id)}"
    return f"{reverse(listing.route, args=[slug])}?{'&'.join(part for part in (view.query, name) if part)}"


def _state(
    request: Request, slug: str, listing: Listing, current: View | None, query: str, *, narrowed: bool
) -> dict[str, Any]:
    """Say what can be saved: a view that was changed, or filters that have no name yet."""
    new = QueryDict(mutable=True)
    new["query"] = query
    save_as = f"{reverse('lists:new_view', args=[slug, listing.code])}?{new.urlencode()}"
    if current is None:
        return {"save_as": save_as if narrowed and request.actor.id else ""}
    keeps = current.is_mine or (current.is_shared and Permission.ORGANIZATION_WRITE in request.permissions)
    url = reverse("lists:view", args=[slug, listing.code, ids.encode("saved_view", current.id)])
    changed = query != current.query
    return {
        "name": current.name,
        "changed": changed,
        "save_as": save_as if changed else "",
        "save_url": url if keeps and changed else "",
        "reset_url": view_url(current, listing, slug) if changed else "",
        "edit_url": url if keeps and not changed else "",
    }


def _typed(form: Form | None) -> bool:
    return form is not None and any(form.data.get(name) for name in form.fields)


def _clear(request: Request, listing: Listing) -> str:
    """Return the address of the view one is in, without what narrows it further."""
    kept = {name: request.GET[name] for name in ("view", "state", "status") if request.GET.get(name)}
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in kept.items() if name in listing.names})
    return f"?{query.urlencode()}"


def _kept(request: Request, form: Form | None, listing: Listing) -> list[tuple[str, str]]:
    fields = set(form.fields) if form is not None else set()
    names = [name for name in (*listing.names, SAVED) if name not in fields]
    return [(name, request.GET[name]) for name in names if request.GET.get(name)]


def _announce(given: Shown) -> str:
    page, noun = given.page, given.listing.noun
    if page.total is not None:
        return formats.count(page.total, noun)
    more = " and more" if page.next_url else ""
    return f"{formats.count(page.shown, noun)}{more}"


def _elsewhere(request: Request, slug: str, listing: Listing, named: str) -> HttpResponse:
    """Say where a view of another organization is opened; to whoever may not use it there, nothing at all."""
    person, tenant = request.actor.id, request.tenant
    if person is None or tenant is None:
        raise NotFound
    left = request.GET.copy()

    def answer() -> HttpResponse:
        found = arranged.elsewhere(
            ids.decode("saved_view", named), user_id=person, but=tenant.pk, at=clock.now()
        )
        if not found:
            raise NotFound
        url = f"{reverse(listing.route, args=[found])}?{left.urlencode()}"
        return render(request, "lists/elsewhere.html", {"slug": found, "url": url, "listing": listing})

    request.afterwards = answer
    return HttpResponse()
