"""The list of invoices. Its address is its state; htmx swaps the table alone and nothing depends on it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType
from uuid import UUID

from django import forms
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.customers import queries as customers
from billing.invoices import lists
from billing.invoices.lists import Age, View, Wanted
from core import days, ids
from core.errors import NotFound
from edge import recording
from edge.access import Granted, access
from edge.request import Request
from web.billing import rows
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Chip, CursorPage, Tab

VIEWS: Mapping[View, str] = MappingProxyType(
    {
        View.ALL: "All",
        View.DRAFT: "Drafts",
        View.OPEN: "Open",
        View.OVERDUE: "Overdue",
        View.PAID: "Paid",
        View.WRITTEN_OFF: "Written off",
        View.VOIDED: "Void",
    }
)
AGES: Mapping[Age, str] = MappingProxyType(
    {
        Age.CURRENT: "Not due yet",
        Age.TO_30: "1 to 30 days late",
        Age.TO_60: "31 to 60 days late",
        Age.TO_90: "61 to 90 days late",
        Age.OLDER: "Over 90 days late",
    }
)
_MOST_CUSTOMERS = 20
_FIELDS = ("q", "due_from", "due_to")
# Filters that come with a link and leave by their chip.
_KEPT = ("customer", "age", "currency", "created_before")


class FilterForm(Form):
    """What the list can be narrowed by."""

    q = forms.CharField(
        label="Number or customer",
        required=False,
        max_length=200,
        widget=forms.SearchInput(attrs={"autocomplete": "off", "placeholder": "INV-2026-00042 or a name"}),
    )
    due_from = DayField(
        label="Due from",
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "off"}),
    )
    due_to = DayField(
        label="Due to", required=False, widget=forms.DateInput(attrs={"type": "date", "autocomplete": "off"})
    )


@access(get=Granted(Permission.INVOICE_READ))
def index(request: Request, slug: str) -> HttpResponse:
    """List invoices."""
    form = FilterForm(request.GET, auto_id="filter_%s")
    form.is_valid()
    within = request.granted_customers
    wanted, customer_name = _wanted(request.GET, form.cleaned_data, within)
    is_empty = bool(form.errors) or wanted is None
    on = rows.today()
    listed = (
        lists.Listed([], "", "")
        if wanted is None
        else lists.page(wanted, cursor=request.GET.get("cursor", ""))
    )
    sums = [] if wanted is None else lists.sums(wanted)
    recording.read(
        request, events.INVOICE_LISTED, subjects=[row.id for row in listed.rows], fields=["customer.name"]
    )
    view = _view(request.GET)
    total = sum(each.count for each in sums)
    context = {
        "form": form,
        "tabs": _tabs(request, view),
        "chips": _chips(request.GET, customer_name),
        "clear_url": f"?view={view}" if view is not View.ALL else "?",
        "rows": rows.rows(listed.rows, slug=slug, on=on),
        "sums": rows.under(sums),
        "one_currency": sums[0].currency if len(sums) == 1 else "",
        "announce": formats.count(total, "invoice"),
        "page": _page(request.GET, listed, total),
        "empty": _empty(view, filtered=is_empty or bool(_narrowed(request.GET))),
        "view": view,
        "kept": [(name, request.GET[name]) for name in ("view", *_KEPT) if request.GET.get(name)],
        "may_write": Permission.INVOICE_WRITE in request.permissions,
        "may_import": Permission.IMPORT_RUN in request.permissions,
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "billing/_invoices.html" if fragment else "billing/invoices.html", context)


def _view(query: QueryDict) -> View:
    try:
        return View(query.get("view") or View.ALL)
    except ValueError:
        raise NotFound from None


def _wanted(
    query: QueryDict, cleaned: Mapping[str, object], within: frozenset[UUID] | None
) -> tuple[Wanted | None, str]:
    """Return what the address asks for (None when nothing can match) and the name of its customer."""
    age = str(query.get("age", ""))
    if age and age not in tuple(Age):
        raise NotFound
    wanted = Wanted(
        today=rows.today(),
        view=_view(query),
        age=Age(age) if age else None,
        due_from=cleaned.get("due_from") or None,  # type: ignore[arg-type]  # a DateField's value
        due_to=cleaned.get("due_to") or None,  # type: ignore[arg-type]  # as above
        currency=query.get("currency", "")[:3],
        created_before=_created_before(query),
        within=within,
    )
    name = ""
    if query.get("customer"):
        customer_id = ids.decode("customer", str(query["customer"]))
        if within is not None and customer_id not in within:
            raise NotFound
        name = customers.names([customer_id]).get(customer_id, "")
        wanted = replace(wanted, customer_ids=[customer_id])
    words = str(cleaned.get("q") or "").strip()
    if not words:
        return wanted, name
    if wanted.customer_ids:
        return replace(wanted, number=words, customer_ids=[]), name
    found: list[UUID] = [row.id for row in customers.search(words, limit=_MOST_CUSTOMERS, within=within)]
    return replace(wanted, number=words, customer_ids=found), name


def _created_before(query: QueryDict) -> datetime | None:
    if not query.get("created_before"):
        return None
    try:
        day = date.fromisoformat(str(query["created_before"]))
        days.check(day, field="created_before")
    except (ValueError, days.DayOutOfRange):
        raise NotFound from None
    return rows.midnight(day)


def _narrowed(query: QueryDict) -> list[str]:
    return [name for name in (*_FIELDS, *_KEPT) if query.get(name)]


def _tabs(request: Request, current: View) -> list[Tab]:
    kept = request.GET.copy()
    for name in ("cursor", "from", "age"):
        kept.pop(name, None)
    tabs = []
    for view, label in VIEWS.items():
        kept["view"] = view
        if view is View.ALL:
            del kept["view"]
        count = None
        if view is View.DRAFT or view is View.OPEN:
            each_view = Wanted(today=rows.today(), view=view, within=request.granted_customers)
            count = sum(each.count for each in lists.sums(each_view))
        tabs.append(Tab(label, f"?{kept.urlencode()}", current is view, count))
    return tabs


def _chips(query: QueryDict, customer_name: str) -> list[Chip]:
    words = {
        "customer": f"Customer: {customer_name}",
        "age": AGES.get(Age(str(query["age"])), "") if query.get("age") else "",
        "currency": f"Currency: {query.get('currency', '')[:3]}",
        "created_before": f"Begun before {formats.day(before)}" if (before := _created_before(query)) else "",
    }
    chips = []
    for name, label in words.items():
        if query.get(name):
            without = query.copy()
            for gone in (name, "cursor", "from"):
                without.pop(gone, None)
            chips.append(Chip(label, f"?{without.urlencode()}"))
    return chips


def _page(query: QueryDict, listed: lists.Listed, total: int) -> CursorPage:
    raw = query.get("from", "")
    first = int(raw) if raw.isdecimal() and len(raw) <= 9 else 1
    return CursorPage(
        shown=len(listed.rows),
        first=max(first, 1),
        total=total,
        next_url=_at(query, listed.next_cursor, first + len(listed.rows)),
        previous_url=_at(query, listed.previous_cursor, max(first - lists.PAGE, 1)),
    )


def _at(query: QueryDict, cursor: str, first: int) -> str:
    if not cursor:
        return ""
    there = query.copy()
    there["cursor"], there["from"] = cursor, str(first)
    return f"?{there.urlencode()}"


def _empty(view: View, *, filtered: bool) -> tuple[str, str]:
    """Return the title and the sentence of an empty list: never twice the same."""
    if filtered:
        what = {
            View.ALL: "invoice",
            View.DRAFT: "draft",
            View.WRITTEN_OFF: "written-off invoice",
            View.VOIDED: "void invoice",
        }.get(view, f"{view} invoice")
        return (
            f"No {what} matches these filters",
            "Try a whole number, or fewer letters of the customer’s name.",
        )
    return {
        View.ALL: (
            "No invoices yet",
            "An invoice starts as a draft and gets its number when it is finalized.",
        ),
        View.DRAFT: ("No drafts", "Everything that was begun has been finalized or discarded."),
        View.OPEN: ("Nothing is open", "Every finalized invoice is paid or void."),
        View.OVERDUE: ("Nothing is overdue", "No open invoice is past its due date."),
        View.PAID: ("Nothing is paid yet", "An invoice moves here when all of it has been received."),
        View.WRITTEN_OFF: (
            "Nothing was written off",
            "What nobody expects to be paid any more is listed here, until money comes for it after all.",
        ),
        View.VOIDED: (
            "Nothing was voided",
            "A void invoice keeps its number and is listed here, with the reason.",
        ),
    }[view]


def list_url(slug: str, **filters: str) -> str:
    """Return the address of the list with these filters."""
    query = QueryDict(mutable=True)
    query.update(filters)
    return f"{reverse('billing:invoices', args=[slug])}?{query.urlencode()}"
