"""Customers: the list, found by name as one types or exactly by anything else, and writing about them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.customers import kin, queries, services
from billing.customers.queries import CustomerDetail, CustomerRow
from billing.issuer import queries as issuers
from billing.tallies import queries as tallies
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import Granted, access
from edge.request import Request
from web.customers.forms import DELIVERY, FullCustomerForm
from web.forms import answer, attempting
from web.kit import formats, undo
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage, Tab

_STATES = {"active": "Active", "archived": "Archived"}
_ADDRESS_FIELDS = {
    f"address/{name}": name for name in ("line1", "line2", "postal_code", "city", "region", "country")
} | DELIVERY
_MOST_FOUND = 50
# The customers that grants open to whoever asks; None when their role opens all.
_Limit = frozenset[UUID] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One customer in the list."""

    url: str
    name: str
    email: str
    reference: str
    currency: str
    state: str
    created_at: datetime


class FilterForm(Form):
    """What the list can be narrowed by."""

    q = forms.CharField(
        label="Name, e-mail address, tax id or number",
        required=False,
        max_length=200,
        widget=forms.SearchInput(attrs={"autocomplete": "off"}),
    )


@access(get=Granted(Permission.CUSTOMER_READ))
def index(request: Request, slug: str) -> HttpResponse:
    """List customers."""
    state = request.GET.get("state") or "active"
    if state not in _STATES:
        raise NotFound
    form = FilterForm(request.GET, auto_id="filter_%s")
    form.is_valid()
    words = str(form.cleaned_data.get("q") or "").strip()
    within = request.granted_customers
    shown, page = _search(words, state, within) if words else _page(request, state)
    recording.read(
        request,
        events.CUSTOMER_LISTED,
        subjects=[row.id for row in shown],
        fields=["name", "email", "reference"],
    )
    context = {
        "form": form,
        "tabs": _tabs(state, within),
        "state": state,
        "words": words,
        "rows": [_row(row, slug) for row in shown],
        "page": page,
        "announce": formats.count(len(shown), "customer"),
        "may_write": Permission.CUSTOMER_WRITE in request.permissions,
        "may_import": Permission.IMPORT_RUN in request.permissions,
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "billing/_customers.html" if fragment else "billing/customers.html", context)


@access(get=Permission.CUSTOMER_WRITE, post=Permission.CUSTOMER_WRITE)
def create(request: Request, slug: str) -> HttpResponse:
    """Add a customer."""
    issuer = issuers.get()
    initial = {
        "currency": issuer.currency if issuer else "EUR",
        "country": issuer.address.get("country", "") if issuer else "",
    }
    form = FullCustomerForm(request.POST if request.method == "POST" else None, initial=initial)
    alike: list[Row] = []
    if request.method == "POST" and form.is_valid():
        # Shown once; whoever sends it again has seen them.
        alike = [] if request.POST.get("same_again") else _alike(form, slug)
    if request.method == "POST" and form.is_valid() and not alike:
        with attempting(request, form, fields=_ADDRESS_FIELDS):
            row = services.create(actor=request.actor, at=clock.now(), **form.values())
        if not form.errors:
            messages.success(request, f"{row.name} is added.")
            return redirect("billing:customer", slug, ids.encode("customer", row.pk))
    context = {
        "alike": alike,
        "is_new": True,
        "back_url": reverse("billing:customers", args=[slug]),
        "crumbs": _crumbs(slug),
    }
    return answer(request, "billing/customer_form.html", context, form=form)


@access(get=Permission.CUSTOMER_WRITE, post=Permission.CUSTOMER_WRITE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change a customer."""
    found = opened(request, pk)
    begun = {**_initial(found), **FullCustomerForm.begun(found)}
    form = FullCustomerForm(request.POST if request.method == "POST" else None, initial=begun)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form, fields=_ADDRESS_FIELDS):
            changes = form.values(found.address)
            services.update(customer_id=found.id, changes=changes, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "The changes are saved. Final invoices keep the copy they have.")
            return redirect("billing:customer", slug, pk)
    context = {
        "is_new": False,
        "back_url": reverse("billing:customer", args=[slug, pk]),
        "crumbs": _crumbs(slug, found),
    }
    return answer(request, "billing/customer_form.html", context, form=form)


@access(get=Permission.CUSTOMER_WRITE, post=Permission.CUSTOMER_WRITE)
def archive(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take a customer out of the lists."""
    found = opened(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.archive(customer_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            back = reverse("billing:restore_customer", args=[slug, pk])
            undo.offer(request, f"{found.name} is archived.", url=back)
            return redirect("billing:customer", slug, pk)
    context = {"customer": found, "pk": pk, "crumbs": _crumbs(slug, found)}
    return answer(request, "billing/archive.html", context, form=form)


@access(post=Permission.CUSTOMER_WRITE)
def restore(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take an archived customer back."""
    services.restore(customer_id=ids.decode("customer", pk), actor=request.actor, at=clock.now())
    messages.success(request, "The customer is back in the lists.")
    return redirect("billing:customer", slug, pk)


def opened(request: Request, pk: str) -> CustomerDetail:
    """Return a customer and record that they were looked at."""
    found = queries.get(ids.decode("customer", pk), within=request.granted_customers)
    recording.read(
        request,
        events.CUSTOMER_READ,
        subject=("customer", found.id),
        fields=["name", "email", "phone", "address", "tax_id", "reference", "notes"],
    )
    return found


def _search(words: str, state: str, within: _Limit) -> tuple[list[CustomerRow], CursorPage]:
    found = (
        queries.search(words, limit=_MOST_FOUND, within=within)
        if state == "active"
        else _exact(words, within)
    )
    shown = [row for row in found if row.state == state]
    return shown, CursorPage(shown=len(shown))


def _exact(words: str, within: _Limit) -> list[CustomerRow]:
    """Find archived customers, by a whole name or detail alone."""
    found: dict[UUID, CustomerRow] = {}
    for detail in ("email", "tax_id", "reference", "name"):
        found |= {row.id: row for row in queries.find(within=within, **{detail: words})}
    return list(found.values())


def _page(request: Request, state: str) -> tuple[list[CustomerRow], CursorPage]:
    cursor = request.GET.get("cursor", "")
    within = request.granted_customers
    page = queries.page(state=state, after=ids.from_base32(cursor) if cursor else None, within=within)
    raw = request.GET.get("from", "")
    first = int(raw) if raw.isdecimal() and len(raw) <= 9 else 1
    total = _counts(within).get(state, 0)
    next_url = ""
    if page.next_after is not None:
        there = request.GET.copy()
        there["cursor"], there["from"] = ids.base32(page.next_after), str(first + len(page.rows))
        next_url = f"?{there.urlencode()}"
    back = f"?state={state}" if cursor else ""
    return page.rows, CursorPage(
        shown=len(page.rows), first=first, total=total, next_url=next_url, previous_url=back
    )


def _counts(within: _Limit) -> dict[str, int]:
    if within is not None:
        return {state: queries.count(state=state, within=within) for state in _STATES}
    counts: dict[str, int] = {}
    for each in tallies.totals("customer"):
        counts[each.state] = counts.get(each.state, 0) + each.count
    return counts


def _tabs(current: str, within: _Limit) -> list[Tab]:
    counts = _counts(within)
    return [
        Tab(label, f"?state={state}" if state != "active" else "?", state == current, counts.get(state, 0))
        for state, label in _STATES.items()
    ]


def _row(row: CustomerRow, slug: str) -> Row:
    return Row(
        url=reverse("billing:customer", args=[slug, ids.encode("customer", row.id)]),
        name=row.name,
        email=row.email,
        reference=row.reference,
        currency=row.currency,
        state=row.state,
        created_at=row.created_at,
    )


def _initial(found: CustomerDetail) -> dict[str, str]:
    rest = ("name", "email", "phone", "tax_id", "tax_exemption", "reference", "currency", "notes",
            "einvoice_format", "buyer_reference", "endpoint_scheme", "endpoint_id")  # fmt: skip
    return {**found.address, **{name: getattr(found, name) for name in rest}}


def _alike(form: FullCustomerForm, slug: str) -> list[Row]:
    """Find who may be meant already."""
    given = form.cleaned_data
    found = kin.duplicates(name=given["name"], email=given["email"], tax_id=given["tax_id"])
    return [_row(each.row, slug) for each in found]


def _crumbs(slug: str, found: CustomerDetail | None = None) -> list[Crumb]:
    crumbs = [Crumb("Customers", reverse("billing:customers", args=[slug]))]
    if found is not None:
        crumbs.append(
            Crumb(found.name, reverse("billing:customer", args=[slug, ids.encode("customer", found.id)]))
        )
    return crumbs
