"""The list of payments: its views, what it can be narrowed by, and what its rows come to."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django import forms
from django.http import HttpResponse, QueryDict
from django.urls import reverse

from accounts.permissions import Permission
from billing.customers import queries as customers
from billing.invoices import queries as invoices
from billing.tallies import queries as tallies
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events, lists, waiting
from payments.models import Payment
from payments.models.payments import SHOWN_MINOR
from web.kit import cells, formats
from web.kit.forms import DayField, Form
from web.kit.parts import Chip, Tab
from web.lists import listings, page
from web.lists.page import Empty, Head, Shown
from web.payments import paging, rows

State = Payment.State
# The views of the list, and the states each of them holds.
VIEWS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "all": ("All", ()),
        "received": ("Received", (State.SUCCEEDED,)),
        "under_way": ("Under way", (State.PENDING, State.PROCESSING, State.UNKNOWN)),
        "held": ("Held", (State.HELD,)),
        "failed": ("Failed", (State.FAILED, State.CANCELED)),
        "reversed": ("Reversed", (State.REVERSED,)),
    }
)
_FIELDS = ("q", "method", "received_from", "received_to")
# Filters that come with a link and leave by their chip.
_KEPT = ("customer", "invoice", "currency", "only")
# What the overview leads to: payments that wait for somebody.
_ONLY: Mapping[str, str] = MappingProxyType(
    {"unpaid": "Invoice still open", "unresolved": "Nobody can say how it ended"}
)
_LABELS = {
    "q": "Search: {}",
    "method": "Method: {}",
    "received_from": "Received from {}",
    "received_to": "Received to {}",
}
_MOST_CUSTOMERS = 20


class FilterForm(Form):
    """What the list can be narrowed by."""

    q = forms.CharField(
        label="Customer or provider reference",
        required=False,
        max_length=200,
        widget=forms.SearchInput(attrs={"autocomplete": "off"}),
    )
    method = forms.ChoiceField(
        label="Method",
        required=False,
        choices=[
            ("", "Any"),
            ("bank_transfer", "Bank transfer"),
            ("card", "Card"),
            ("sepa_debit", "Direct debit"),
        ],
    )
    received_from = DayField(label="Received from", required=False)
    received_to = DayField(label="Received to", required=False)


@access(get=Permission.PAYMENT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List payments."""
    form = FilterForm(request.GET, auto_id="filter_%s")
    form.is_valid()
    view = _view(request.GET)
    wanted, chips = _wanted(request.GET, form.cleaned_data)
    order = page.by_column(request.GET, {"date": "descending", "amount": "descending"})
    found = lists.payments(place=paging.place(request.GET, sort=order.sort), states=VIEWS[view][1], **wanted)
    recording.read(
        request,
        events.PAYMENT_LISTED,
        subjects=[row.id for row in found.rows],
        fields=["customer.name"],
    )
    sums = tallies.added(lists.matching(states=VIEWS[view][1], **wanted), amount=SHOWN_MINOR)
    narrowed = any(request.GET.get(name) for name in (*_FIELDS, *_KEPT))
    given = Shown(
        listing=listings.PAYMENTS,
        rows=[_row(row) for row in rows.rows(found.rows, slug=slug)],
        page=page.counted(paging.page(request.GET, found), sums),
        empty=_empty(request, slug, view, filtered=narrowed),
        tabs=_tabs(request.GET, view),
        chips=chips,
        form=form,
        heads=_heads(request, slug),
        sums=page.sums(sums, "amount"),
        no_sums=page.no_sums(sums),
        # Amounts of several currencies have no order.
        **order.shown(*([] if "currency" in wanted or len(sums or ()) == 1 else ["amount"])),
    )
    return page.show(request, slug, given)


def _row(found: rows.Row) -> page.Row:
    return page.Row(
        key=found.pk,
        url=found.url,
        title=formats.day(found.day),
        cells={
            "customer": cells.text(found.customer),
            "method": cells.text(found.method),
            "state": cells.tag("payment", found.state),
            "amount": cells.money(found.amount_minor, found.currency),
            "allocated": cells.money(found.allocated_minor, found.currency),
            "reference": cells.code(found.reference),
        },
    )


def _heads(request: Request, slug: str) -> list[Head]:
    heads = [Head("Unmatched money", reverse("payments:unmatched", args=[slug]))]
    if Permission.PAYMENT_WRITE in request.permissions:
        heads.append(Head("Record payment", reverse("payments:new", args=[slug]), "plus", primary=True))
    return heads


def _view(query: QueryDict) -> str:
    view = query.get("view") or "all"
    if view not in VIEWS:
        raise NotFound
    return view


def _wanted(query: QueryDict, cleaned: Mapping[str, Any]) -> tuple[dict[str, Any], list[Chip]]:
    """Return what the address asks for, and what of it leaves by a chip."""
    wanted: dict[str, Any] = {
        name: cleaned[name] for name in ("method", "received_from", "received_to") if cleaned.get(name)
    }
    chips = [
        Chip(label.format(query[name][:80]), page.without(query, name))
        for name, label in _LABELS.items()
        if query.get(name)
    ]
    if query.get("customer"):
        customer_id = ids.decode("customer", str(query["customer"]))
        wanted["customer_ids"] = [customer_id]
        name = customers.names([customer_id]).get(customer_id, "")
        chips.append(Chip(f"Customer: {name}", page.without(query, "customer")))
    if query.get("invoice"):
        invoice = invoices.get(ids.decode("invoice", str(query["invoice"])))
        wanted["invoice_id"] = invoice.id
        chips.append(Chip(f"Invoice: {invoice.number or 'draft'}", page.without(query, "invoice")))
    if query.get("currency"):
        wanted["currency"] = query["currency"][:3]
        chips.append(Chip(f"Currency: {wanted['currency']}", page.without(query, "currency")))
    if query.get("only"):
        only = str(query["only"])
        if only not in _ONLY:
            raise NotFound
        wanted["among"] = waiting.failed(at=clock.now()) if only == "unpaid" else waiting.unresolved()
        chips.append(Chip(_ONLY[only], page.without(query, "only")))
    words = str(cleaned.get("q") or "").strip()
    if words:
        found = customers.matching(words, limit=_MOST_CUSTOMERS)
        wanted["customer_ids"] = [each for each in found if each in wanted.get("customer_ids", found)]
        wanted["reference"] = words
    return wanted, chips


def _tabs(query: QueryDict, current: str) -> list[Tab]:
    kept = query.copy()
    for name in (*page.PLACE, page.SAVED):
        kept.pop(name, None)
    tabs = []
    for view, (label, _) in VIEWS.items():
        kept["view"] = view
        if view == "all":
            del kept["view"]
        tabs.append(Tab(label, f"?{kept.urlencode()}", current == view))
    return tabs


def _empty(request: Request, slug: str, view: str, *, filtered: bool) -> Empty:
    """Say why the list is empty: never twice in the same words."""
    title, sentence = _why(view, filtered=filtered)
    first = view == "all" and not filtered and Permission.PAYMENT_WRITE in request.permissions
    action = Head("Record payment", reverse("payments:new", args=[slug])) if first else None
    return Empty(title=title, sentence=sentence, action=action)


def _why(view: str, *, filtered: bool) -> tuple[str, str]:
    if filtered:
        return (
            "No payment matches these filters",
            "Try the start of the customer’s name, or a whole reference.",
        )
    return {
        "all": (
            "No payments yet",
            "What customers pay online appears here by itself; record a bank transfer by hand.",
        ),
        "received": ("Nothing was received yet", "A payment moves here when its money has arrived."),
        "under_way": (
            "Nothing is under way",
            "No customer is paying at this moment, and no debit is on its way.",
        ),
        "held": ("Nothing is held", "Money that differs from what was asked for waits here for a person."),
        "failed": ("Nothing has failed", "No payment was declined or given up."),
        "reversed": (
            "Nothing was reversed",
            "A payment that the bank took back is listed here, with the reason.",
        ),
    }[view]
