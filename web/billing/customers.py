"""Customers: the list, found by name as one types or exactly by anything else, and writing about them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.customers import chosen, kin, queries, services
from billing.customers.queries import CustomerDetail, CustomerRow
from billing.invoices import lists
from billing.invoices.lists import Owed
from billing.issuer import queries as issuers
from billing.tallies import queries as tallies
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import Granted, access
from edge.request import Request
from web.billing import rows
from web.customers.forms import DELIVERY, FullCustomerForm
from web.forms import answer, attempting
from web.kit import cells, formats, undo
from web.kit.forms import Form
from web.kit.parts import Chip, Crumb, CursorPage, Tab
from web.lists import listings, page
from web.lists.page import Act, Empty, Head, Shown

_STATES = {"active": "Active", "archived": "Archived"}
_ADDRESS_FIELDS = {
    f"address/{name}": name for name in ("line1", "line2", "postal_code", "city", "region", "country")
} | DELIVERY
_MOST_ADDED = 5_000
_NO_SUMS = "More than 5,000 customers are archived, so that what the list comes to is not added up."
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
    shown, at = _search(words, state, within) if words else _page(request, state)
    recording.read(
        request,
        events.CUSTOMER_LISTED,
        subjects=[row.id for row in shown],
        fields=["name", "email", "reference"],
    )
    reads_invoices = Permission.INVOICE_READ in request.permissions
    owed = lists.owed_by([row.id for row in shown], today=rows.today()) if reads_invoices else {}
    sums = _sums(state, [row.id for row in shown] if words else None, within) if reads_invoices else []
    given = Shown(
        listing=listings.CUSTOMERS,
        rows=[_listed(row, slug, owed.get(row.id, ())) for row in shown],
        page=at,
        empty=_empty(request, slug, state, words),
        tabs=_tabs(state, within),
        chips=[Chip(f"Search: {words[:80]}", page.without(request.GET, "q"))] if words else [],
        form=form,
        heads=_heads(request, slug),
        acts=_acts(request),
        sums=[_sum(each) for each in sums or ()] if shown else [],
        no_sums=_NO_SUMS if sums is None else "",
        # What was found by words stands in the order of how well it fits.
        **({} if words else page.by_time(request.GET, "created_at").shown),
    )
    return page.show(request, slug, given)


def _sums(state: str, found: Sequence[UUID] | None, within: _Limit) -> list[Owed] | None:
    """Return what all customers of the list owe, those that were found or of a state; None where that is too much."""
    today = rows.today()
    if found is not None:
        return lists.owed_in_all(today=today, of=found)
    away = queries.archived(most=_MOST_ADDED)
    if away is None:
        return None
    if state == "archived":
        return lists.owed_in_all(today=today, of=away if within is None else within & set(away))
    if within is not None:
        return lists.owed_in_all(today=today, of=within - set(away))
    return lists.owed_in_all(today=today, but=away)


def _sum(each: Owed) -> page.Sum:
    return page.Sum(
        label=each.currency,
        cells={
            "due": cells.money(each.due_minor, each.currency),
            "overdue": cells.money(each.late_minor, each.currency),
            "open": cells.number(each.count),
        },
    )


def _listed(row: CustomerRow, slug: str, owed: Sequence[Owed]) -> page.Row:
    key = ids.encode("customer", row.id)
    return page.Row(
        key=key,
        url=reverse("billing:customer", args=[slug, key]),
        title=row.name,
        cells={
            "email": cells.text(row.email),
            "reference": cells.text(row.reference),
            "due": cells.texts([formats.money(each.due_minor, each.currency) for each in owed]),
            "overdue": cells.texts(
                [formats.money(each.late_minor, each.currency) for each in owed if each.late_minor]
            ),
            "open": cells.number(sum(each.count for each in owed)) if owed else cells.NOTHING,
            "currency": cells.text(row.currency),
            "created_at": cells.day(row.created_at),
        },
    )


def _heads(request: Request, slug: str) -> list[Head]:
    heads = []
    if Permission.IMPORT_RUN in request.permissions:
        heads.append(Head("Import", reverse("files:imports", args=[slug]), icon="import"))
    if Permission.CUSTOMER_WRITE in request.permissions:
        heads.append(Head("New customer", reverse("billing:new_customer", args=[slug]), "plus", primary=True))
    return heads


def _acts(request: Request) -> list[Act]:
    held = request.permissions
    if request.granted_customers is not None or Permission.CUSTOMER_READ not in held:
        return []
    offered = [
        (Act("remind_customers", "Remind…", "bell"), {Permission.INVOICE_SEND}),
        (Act("export", "Export…", "download"), {Permission.EXPORT_RUN}),
    ]
    return [act for act, needs in offered if needs <= held]


def _empty(request: Request, slug: str, state: str, words: str) -> Empty:
    """Say why the list is empty: never twice in the same words."""
    if words and state == "active":
        return Empty(
            title="No customer matches",
            sentence="A name is found from the start of any of its words; an e-mail address, tax id or number "
            "only whole.",
        )
    if words:
        return Empty(
            title="No archived customer matches",
            sentence="Archived customers are found by a whole name, e-mail address, tax id or number.",
        )
    if state == "archived":
        return Empty(
            title="Nobody is archived",
            sentence="A customer you no longer bill can be archived. Their invoices stay.",
        )
    may = Permission.CUSTOMER_WRITE in request.permissions
    return Empty(
        title="No customers yet",
        sentence="A customer is whoever you bill. Enter the first one, or bring a list along.",
        action=Head("New customer", reverse("billing:new_customer", args=[slug])) if may else None,
    )


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
    found = chosen.found(words, state, within)
    return found, CursorPage(shown=len(found), total=len(found))


def _page(request: Request, state: str) -> tuple[list[CustomerRow], CursorPage]:
    cursor = request.GET.get("cursor", "")
    within = request.granted_customers
    found = queries.page(
        state=state,
        after=ids.from_base32(cursor) if cursor else None,
        within=within,
        oldest=page.by_time(request.GET, "created_at").oldest,
    )
    at = page.cursor_page(request.GET, shown=len(found.rows), next_after=found.next_after)
    return found.rows, replace(at, total=_counts(within).get(state, 0))


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
