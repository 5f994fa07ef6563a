"""The list of invoices: its views, what it can be narrowed by, and what its rows come to."""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

from django import forms
from django.http import HttpResponse, QueryDict
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.invoices import chosen, lists
from billing.invoices.lists import Age, Sums, View, Wanted
from billing.tallies import queries as tallies
from billing.tallies.queries import Total
from edge import recording
from edge.access import Granted, access
from edge.request import Request
from web.billing import rows
from web.kit import cells, formats
from web.kit.forms import DayField, Form
from web.kit.parts import Chip, CursorPage, Tab
from web.lists import listings, page
from web.lists.page import Act, Empty, Head, Row, Shown, Sum

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
# What a page of a draft list offers is nothing for a list of what was paid, and the other way about.
_DRAFTS, _OWED = frozenset({View.ALL, View.DRAFT}), frozenset({View.ALL, View.OPEN, View.OVERDUE})


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
    )
    due_to = DayField(label="Due to", required=False)


@access(get=Granted(Permission.INVOICE_READ))
def index(request: Request, slug: str) -> HttpResponse:
    """List invoices."""
    query, within = request.GET, request.granted_customers
    form = FilterForm(query, auto_id="filter_%s")
    on = rows.today()
    asked = {name: value for name in chosen.NAMES if (value := str(query.get(name, "")))}
    # A day that is none narrows nothing; the field says so.
    form.is_valid()
    wanted, customer = chosen.wanted(
        {name: value for name, value in asked.items() if name not in form.errors}, today=on, within=within
    )
    listed = lists.Listed([], "", "") if form.errors else lists.page(wanted, cursor=query.get("cursor", ""))
    # Once, for the sums and for the numbers beside the views.
    totals = tallies.totals("invoice") if within is None else []
    sums = [] if form.errors else lists.sums(wanted, totals=totals)
    recording.read(
        request, events.INVOICE_LISTED, subjects=[row.id for row in listed.rows], fields=["customer.name"]
    )
    one = sums[0].currency if len(sums) == 1 else ""
    first = page.place(query)
    given = Shown(
        listing=listings.INVOICES,
        rows=[_row(row, one) for row in rows.rows(listed.rows, slug=slug, on=on)],
        page=CursorPage(
            shown=len(listed.rows),
            first=first,
            total=sum(each.count for each in sums),
            next_url=page.further(query, listed.next_cursor, first + len(listed.rows)),
            previous_url=page.further(query, listed.previous_cursor, max(first - lists.PAGE, 1)),
        ),
        empty=_empty(request, slug, wanted.view, filtered=bool(set(asked) - {"view", "sort"})),
        tabs=_tabs(request, wanted.view, on, totals),
        chips=_chips(query, customer),
        form=form,
        heads=_heads(request, slug),
        acts=_acts(request, wanted.view),
        sums=[_sum(each, wanted.view, bare=bool(one)) for each in sums] if listed.rows else [],
        labels={"total": f"Total, {one}", "due": f"Due, {one}"} if one else {},
        orders=_orders(wanted),
        # Amounts of several currencies have no order.
        sorts={"due_on": "ascending", **({"total": "descending"} if one else {})},
    )
    return page.show(request, slug, given)


def _orders(wanted: Wanted) -> dict[str, str]:
    by = wanted.sort if wanted.sort in lists.SORTS else "due_on" if wanted.oldest_due_first else ""
    way = "descending" if by.startswith("-") else "ascending"
    return {by.removeprefix("-"): way} if by else {}


def _row(found: rows.Row, one: str) -> Row:
    bare = bool(one)
    return Row(
        key=found.key,
        url=found.url,
        title=found.number,
        cells={
            "customer": cells.text(found.customer),
            "standing": cells.tag("invoice_standing", found.standing),
            "total": cells.money(found.payable_minor, found.currency, bare=bare),
            "due": cells.money(found.due_minor, found.currency, bare=bare),
            "issued_on": cells.day(found.issued_on),
            "due_on": cells.day(found.due_on),
            "late": cells.text(found.late),
            "currency": cells.text(found.currency),
        },
    )


def _sum(found: Sums, view: View, *, bare: bool) -> Sum:
    count = formats.number(found.count)
    due = view not in _DRAFTS
    return Sum(
        label=f"All {count}" if bare else f"{found.currency}, {count}",
        cells={
            "total": cells.money(found.total_minor, found.currency, bare=bare),
            **({"due": cells.money(found.due_minor, found.currency, bare=bare)} if due else {}),
        },
    )


def _heads(request: Request, slug: str) -> list[Head]:
    heads = []
    if Permission.IMPORT_RUN in request.permissions:
        heads.append(Head("Import", reverse("billing:import_invoice", args=[slug]), icon="import"))
    if Permission.INVOICE_WRITE in request.permissions:
        heads.append(Head("New invoice", reverse("billing:new_invoice", args=[slug]), "plus", primary=True))
    return heads


def _acts(request: Request, view: View) -> list[Act]:
    """Offer what fits the view and what whoever asks may do; to somebody who sees by a grant alone, nothing."""
    held = request.permissions
    if request.granted_customers is not None or Permission.INVOICE_READ not in held:
        return []
    final = view is not View.DRAFT
    offered = [
        (Act("remind", "Remind…", "bell"), Permission.INVOICE_SEND, view in _OWED),
        (Act("send", "Send…", "mail"), Permission.INVOICE_SEND, final and view is not View.VOIDED),
        (Act("finalize", "Finalize…", "check"), Permission.INVOICE_FINALIZE, view in _DRAFTS),
        (Act("pdfs", "PDFs…", "download"), Permission.EXPORT_RUN, final),
        (Act("export", "Export…", "download"), Permission.EXPORT_RUN, True),
        (Act("discard", "Discard…"), Permission.INVOICE_WRITE, view is View.DRAFT),
    ]
    return [act for act, permission, fits in offered if fits and permission in held]


def _tabs(request: Request, current: View, on: date, totals: Sequence[Total]) -> list[Tab]:
    kept = request.GET.copy()
    for name in (*page.PLACE, page.SAVED, "age"):
        kept.pop(name, None)
    tabs = []
    for view, label in VIEWS.items():
        kept["view"] = view
        if view is View.ALL:
            del kept["view"]
        count = None
        if view is View.DRAFT or view is View.OPEN:
            each_view = Wanted(today=on, view=view, within=request.granted_customers)
            count = sum(each.count for each in lists.sums(each_view, totals=totals))
        tabs.append(Tab(label, f"?{kept.urlencode()}", current is view, count))
    return tabs


def _chips(query: QueryDict, customer: str) -> list[Chip]:
    words = {
        "q": "Search: {}",
        "due_from": "Due from {}",
        "due_to": "Due to {}",
        "customer": f"Customer: {customer}",
        "age": AGES.get(Age(str(query["age"])), "") if query.get("age") else "",
        "currency": "Currency: {}",
        "created_before": "Begun before {}",
    }
    return [
        Chip(label.format(query[name][:80]) if "{}" in label else label, page.without(query, name))
        for name, label in words.items()
        if query.get(name)
    ]


def _empty(request: Request, slug: str, view: View, *, filtered: bool) -> Empty:
    """Say why the list is empty: never twice in the same words."""
    title, sentence = _why(view, filtered=filtered)
    first = view is View.ALL and not filtered and Permission.INVOICE_WRITE in request.permissions
    action = Head("New invoice", reverse("billing:new_invoice", args=[slug])) if first else None
    return Empty(title=title, sentence=sentence, action=action)


def _why(view: View, *, filtered: bool) -> tuple[str, str]:
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
