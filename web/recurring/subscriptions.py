"""Subscriptions: the list, one with what comes next, and starting one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.catalog import queries as catalog
from billing.customers import queries as customers
from billing.invoices.lists import numbers
from billing.subscriptions import clock as days
from billing.subscriptions import queries, services
from billing.subscriptions.models import Subscription
from billing.subscriptions.queries import BilledRow, ItemRow, SubscriptionRow, Upcoming
from billing.subscriptions.rules import span
from billing.usage import queries as usage
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing.choosing import SearchForm
from web.billing.forms import chosen_customer
from web.forms import answer, attempting
from web.kit import cells, formats
from web.kit.parts import Chip, Crumb, Tab
from web.lists import listings, page
from web.lists.page import Empty, Head, Shown
from web.recurring import words
from web.recurring.forms import StartForm

PAGE = 50
_VIEWS = {
    "": "All",
    **{status: status.capitalize() for status in Subscription.Status.values},
    "unused": "To give back",
}
_MOST_FOUND = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An item: what, how many, on which days."""

    name: str
    price: str
    quantity: str
    from_on: date
    to_on: date | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the next invoice."""

    description: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """Days that stand on an invoice."""

    days: str
    kind: str
    amount_minor: int
    number: str
    url: str


@access(get=Permission.SUBSCRIPTION_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List subscriptions."""
    status = request.GET.get("status", "")
    if status not in _VIEWS:
        raise NotFound
    named = chosen_customer(request.GET.get("customer", ""))
    cursor = request.GET.get("cursor", "")
    order = page.by_column(request.GET, {"next_on": "ascending"})
    found, next_after = queries.page(
        limit=PAGE,
        after=ids.from_base32(cursor) if cursor else None,
        status=status if status in Subscription.Status.values else None,
        customer_id=named,
        only_unused=status == "unused",
        sort=order.sort,
    )
    recording.read(request, events.SUBSCRIPTION_LISTED, subjects=[row.id for row in found])
    new = Head("New subscription", reverse("recurring:new_subscription", args=[slug]), "plus", primary=True)
    writes = Permission.SUBSCRIPTION_WRITE in request.permissions
    given = Shown(
        listing=listings.SUBSCRIPTIONS,
        rows=[_row(row, slug) for row in found],
        page=page.cursor_page(request.GET, shown=len(found), next_after=next_after),
        empty=_empty(status, new if writes else None, named),
        tabs=[
            Tab(label, page.viewed(request.GET, "status", name), name == status)
            for name, label in _VIEWS.items()
        ],
        chips=_chips(request, named),
        heads=[new] if writes else [],
        **order.shown(),
    )
    return page.show(request, slug, given)


def _chips(request: Request, named: UUID | None) -> list[Chip]:
    if named is None:
        return []
    name = customers.names([named]).get(named, "")
    return [Chip(f"Customer: {name}", page.without(request.GET, "customer"))]


def _empty(status: str, new: Head | None, named: UUID | None) -> Empty:
    if named is not None:
        return Empty(title="This customer has no such subscription", sentence="Look at all of them instead.")
    if status:
        return Empty(
            title=f"No subscription is in “{_VIEWS[status]}”", sentence="Each of them is in another view."
        )
    return Empty(
        title="Bill the same thing regularly",
        sentence="A subscription is billed by itself, each day once.",
        action=new,
    )


@access(get=Permission.SUBSCRIPTION_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a subscription: what is held, the next invoice, what was billed and used."""
    found = opened(request, pk)
    today = days.today(clock.now())
    history = queries.history(found.id)
    billed = queries.billed(found.id)
    read = numbers([row.invoice_id for row in billed if row.invoice_id])
    upcoming = queries.upcoming(found.id)
    metered = any(item.price.meter_id for item in history)
    used = usage.events(subscription_id=found.id, limit=20)[0] if metered else []
    meters = {meter.id: meter.name for meter in usage.meters()} if metered else {}
    charges, _ = queries.charges(limit=20, customer_id=found.customer_id, state="pending")
    may_write = Permission.SUBSCRIPTION_WRITE in request.permissions
    context = {
        "subscription": found,
        "often": words.interval(found.interval, found.interval_count),
        "timing": words.TIMINGS[found.timing],
        "items": [held(item, today) for item in history],
        "upcoming": upcoming,
        "upcoming_lines": shown(upcoming),
        "billed": [_billed(row, slug, read) for row in billed],
        "metered": metered,
        "used": [
            {"at": row.at, "meter": meters.get(row.meter_id, ""), "quantity": formats.number(row.quantity)}
            for row in used
        ],
        "charges": [
            {
                "pk": ids.encode("charge", row.id),
                "description": row.description,
                "amount": f"{formats.number(row.quantity)} × {formats.number(row.unit_amount)} {row.currency}",
                "due_on": row.due_on,
            }
            for row in charges
        ],
        "customer_pk": ids.encode("customer", found.customer_id),
        "customer_url": reverse("billing:customer", args=[slug, ids.encode("customer", found.customer_id)]),
        "pk": pk,
        "crumbs": crumbs(slug),
        "may_change": may_write and found.status in ("trialing", "active", "canceled"),
        "may_pause": may_write and found.status == "active",
        "may_resume": may_write and found.status == "paused",
        "may_cancel": may_write and found.status in ("trialing", "active", "paused"),
        "may_keep": may_write and found.status == "canceled",
        "may_charge": may_write,
        "unused": services.unused(queries.row(found.id), clock.now()),
        "may_give_back": Permission.CREDIT_NOTE_WRITE in request.permissions,
    }
    return render(request, "recurring/subscription.html", context)


@access(get=Permission.SUBSCRIPTION_WRITE, post=Permission.SUBSCRIPTION_WRITE)
def create(request: Request, slug: str) -> HttpResponse:
    """Start a subscription."""
    customer_id = chosen_customer(request.POST.get("customer") or request.GET.get("customer", ""))
    if customer_id is None:
        return _choose(request, slug)
    customer = customers.get(customer_id)
    recording.read(request, events.CUSTOMER_READ, subject=("customer", customer.id), fields=["name"])
    today = days.today(clock.now())
    sold = [pair for pair in catalog.sold_on(today) if pair[1].interval != "none"]
    initial = {"quantity": "1", "start_on": today, "timing": "advance"}
    form = StartForm(request.POST if request.method == "POST" else None, initial=initial, sold=sold)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        renamed = {"items/0/price": "price", "items/0/quantity": "quantity"}
        with attempting(request, form, fields=renamed):
            row = services.start(
                customer_id=customer.id,
                items=[services.ItemInput(price_id=form.price_id, quantity=given["quantity"])],
                start_on=given["start_on"],
                trial_until=given["trial_until"],
                anchor_on=given["anchor_on"],
                timing=given["timing"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The subscription is started. Below is what its next invoice will say.")
            return redirect("recurring:subscription", slug, ids.encode("subscription", row.pk))
    context = {
        "customer": customer,
        "customer_pk": ids.encode("customer", customer.id),
        "sold": sold,
        "crumbs": crumbs(slug),
        "back_url": reverse("recurring:subscriptions", args=[slug]),
    }
    return answer(request, "recurring/start.html", context, form=form)


def _choose(request: Request, slug: str) -> HttpResponse:
    form = SearchForm(request.GET, auto_id="filter_%s")
    form.is_valid()
    text = str(form.cleaned_data.get("q") or "").strip()
    found = (
        customers.search(text, limit=_MOST_FOUND)
        if text
        else customers.page(state="active").rows[:_MOST_FOUND]
    )
    recording.read(
        request,
        events.CUSTOMER_LISTED,
        subjects=[row.id for row in found],
        fields=["name", "email"],
    )
    context = {
        "form": form,
        "words": text,
        "choices": [
            {"url": f"?customer={ids.encode('customer', row.id)}", "name": row.name, "detail": row.email}
            for row in found
            if row.state == "active"
        ],
        "crumbs": crumbs(slug),
    }
    return render(request, "recurring/choose.html", context)


def opened(request: Request, pk: str) -> SubscriptionRow:
    """Return a subscription and record that it was looked at."""
    found = queries.get(ids.decode("subscription", pk))
    recording.read(
        request, events.SUBSCRIPTION_READ, subject=("subscription", found.id), fields=["customer", "items"]
    )
    return found


def held(item: ItemRow, today: date) -> Held:
    """Make an item readable."""
    state = "later" if item.from_on > today else "ended" if item.to_on and item.to_on <= today else "now"
    return Held(
        name=item.product_name,
        price=words.price(item.price),
        quantity="" if item.price.meter_id else formats.number(item.quantity),
        from_on=item.from_on,
        to_on=item.to_on,
        state=state,
    )


def shown(upcoming: Upcoming | None) -> Sequence[Line]:
    """Return the lines of the next invoice."""
    lines = () if upcoming is None else upcoming.lines
    return [Line(description=line.description, amount_minor=line.amount_minor) for line in lines]


def crumbs(slug: str, found: SubscriptionRow | None = None) -> list[Crumb]:
    """Return the way back."""
    way = [Crumb("Subscriptions", reverse("recurring:subscriptions", args=[slug]))]
    if found is not None:
        url = reverse("recurring:subscription", args=[slug, ids.encode("subscription", found.id)])
        way.append(Crumb(found.customer_name, url))
    return way


def _row(row: SubscriptionRow, slug: str) -> page.Row:
    names = [
        f"{item.product_name} × {formats.number(item.quantity)}" if item.quantity != 1 else item.product_name
        for item in row.items
    ]
    key = ids.encode("subscription", row.id)
    return page.Row(
        key=key,
        url=reverse("recurring:subscription", args=[slug, key]),
        title=row.customer_name,
        cells={
            "what": cells.text(", ".join(names)),
            "period": cells.money(row.period_minor, row.currency),
            "often": cells.text(words.interval(row.interval, row.interval_count)),
            "next_on": cells.day(row.next_on),
            "status": cells.tag("subscription", row.status),
        },
    )


def _billed(row: BilledRow, slug: str, read: dict[UUID, str]) -> Billed:
    url = ""
    if row.invoice_id is not None:
        url = reverse("billing:invoice", args=[slug, ids.encode("invoice", row.invoice_id)])
    return Billed(
        days=span(row.from_on, row.to_on) if row.to_on > row.from_on else formats.day(row.from_on),
        kind=row.kind,
        amount_minor=row.amount_minor,
        number=read.get(row.invoice_id, "") if row.invoice_id else "",
        url=url,
    )
