"""Products and their prices: never edited, only superseded and retired."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.catalog import queries, services
from billing.catalog.queries import PriceRow, ProductRow
from billing.issuer import queries as issuers
from billing.subscriptions import clock as days
from billing.subscriptions import queries as subscriptions
from billing.usage import queries as meters
from billing.usage import services as usage
from core import clock, ids, money
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing.forms import plain
from web.forms import answer, attempting
from web.kit import cells, formats
from web.kit.forms import Form
from web.kit.parts import Crumb, Tab
from web.lists import listings, page
from web.lists.page import Empty, Head, Shown
from web.recurring import words
from web.recurring.forms import DayForm, MeterForm, NewPriceForm, NewProductForm, PriceForm, ProductForm

_STATES = {"active": "Sold", "retired": "Retired"}
_RENAMED = {"flat_minor": "flat", "minimum_minor": "minimum"}
PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a price."""

    pk: str
    code: str
    version: int
    words: str
    tax: str
    valid_from: date
    valid_to: date | None
    state: str
    held: int
    supersede_url: str
    retire_url: str


@access(get=Permission.PRODUCT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List products."""
    state = request.GET.get("state") or "active"
    if state not in _STATES:
        raise NotFound
    cursor = request.GET.get("cursor", "")
    after = ids.from_base32(cursor) if cursor else None
    found, next_after = queries.products(limit=PAGE, after=after, state=state)
    recording.read(request, events.PRODUCT_READ, subjects=[row.id for row in found])
    on = days.today(clock.now())
    heads = [
        Head("New meter", reverse("recurring:new_meter", args=[slug])),
        Head("New product", reverse("recurring:new_product", args=[slug]), "plus", primary=True),
    ]
    writes = Permission.PRODUCT_WRITE in request.permissions
    given = Shown(
        listing=listings.PRODUCTS,
        rows=[_row(row, slug, on) for row in found],
        page=page.cursor_page(request.GET, shown=len(found), next_after=next_after),
        empty=_empty(state, heads[1] if writes else None),
        tabs=[Tab(label, f"?state={name}", name == state) for name, label in _STATES.items()],
        heads=heads if writes else [],
        lead="What you sell and for how much. A price is never edited: a new version takes its place from a day on.",
        below="recurring/_meters.html",
        more={"meters": meters.meters()},
    )
    return page.show(request, slug, given)


def _empty(state: str, new: Head | None) -> Empty:
    if state == "retired":
        return Empty(
            title="Nothing is retired",
            sentence="A product you no longer sell can be retired. Who has it keeps it.",
        )
    return Empty(
        title="No products yet",
        sentence="A product has prices, and subscriptions and invoices are made of these.",
        action=new,
    )


@access(get=Permission.PRODUCT_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a product with every version of its prices, and how many have each."""
    found = _opened(request, pk)
    held = subscriptions.held_by_price(price.id for price in found.prices)
    on = days.today(clock.now())
    context = {
        "product": found,
        "kind": words.KINDS[found.kind],
        "prices": [_version(price, slug, on, held.get(price.id, 0)) for price in found.prices],
        "pk": pk,
        "crumbs": _crumbs(slug),
        "may_write": Permission.PRODUCT_WRITE in request.permissions,
    }
    return render(request, "recurring/product.html", context)


@access(get=Permission.PRODUCT_WRITE, post=Permission.PRODUCT_WRITE)
def create(request: Request, slug: str) -> HttpResponse:
    """Add a product."""
    form = NewProductForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            row = services.create_product(actor=request.actor, at=clock.now(), **form.cleaned_data)
        if not form.errors:
            messages.success(request, f"{row.name} is added. Say what it costs.")
            return redirect("recurring:new_price", slug, ids.encode("product", row.pk))
    context = {
        "title": "New product",
        "label": "Add product",
        "crumbs": _crumbs(slug),
        "back_url": reverse("recurring:products", args=[slug]),
    }
    return answer(request, "recurring/form.html", context, form=form)


@access(get=Permission.PRODUCT_WRITE, post=Permission.PRODUCT_WRITE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change the words about a product."""
    found = _opened(request, pk)
    initial = {
        name: getattr(found, name) for name in ("name", "description", "kind", "unit_code", "tax_code")
    }
    form = ProductForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.update_product(
                product_id=found.id, changes=form.cleaned_data, actor=request.actor, at=clock.now()
            )
        if not form.errors:
            messages.success(request, "Saved. Invoices that are final keep the words they have.")
            return redirect("recurring:product", slug, pk)
    context = {
        "title": f"Change {found.name}",
        "label": "Save",
        "crumbs": _crumbs(slug, found),
        "back_url": reverse("recurring:product", args=[slug, pk]),
    }
    return answer(request, "recurring/form.html", context, form=form)


@access(get=Permission.PRODUCT_WRITE, post=Permission.PRODUCT_WRITE)
def retire(request: Request, slug: str, pk: str) -> HttpResponse:
    """Sell a product to nobody new."""
    found = _opened(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.retire_product(product_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, f"{found.name} is retired.")
            return redirect("recurring:product", slug, pk)
    held = sum(subscriptions.held_by_price(price.id for price in found.prices).values())
    context = {
        "title": f"Retire {found.name}",
        "lead": "It is sold to nobody new. You can take it back.",
        "sentence": f"{formats.count(held, 'subscription item')} of it go on and are billed as before.",
        "label": "Retire product",
        "keep": "Keep selling it",
        "crumbs": _crumbs(slug, found),
        "back_url": reverse("recurring:product", args=[slug, pk]),
    }
    return answer(request, "recurring/confirm.html", context, form=form)


@access(post=Permission.PRODUCT_WRITE)
def restore(request: Request, slug: str, pk: str) -> HttpResponse:
    """Sell a retired product again."""
    services.restore_product(product_id=ids.decode("product", pk), actor=request.actor, at=clock.now())
    messages.success(request, "The product is sold again.")
    return redirect("recurring:product", slug, pk)


@access(get=Permission.PRODUCT_WRITE, post=Permission.PRODUCT_WRITE)
def create_price(request: Request, slug: str, pk: str) -> HttpResponse:
    """Add a price to a product."""
    found = _opened(request, pk)
    issuer = issuers.get()
    initial = {
        "code": "standard" if not found.prices else "",
        "currency": issuer.currency if issuer else "EUR",
        "interval": "month",
        "valid_from": days.today(clock.now()),
        "tax_code": found.tax_code,
    }
    form = NewPriceForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with attempting(request, form, fields=_RENAMED):
            services.create_price(
                product_id=found.id,
                terms=form.terms(given["currency"]),
                code=given["code"],
                interval=given["interval"],
                interval_count=given["interval_count"],
                meter_id=ids.decode("meter", given["meter"]) if given["meter"] else None,
                tax_behavior=given["tax_behavior"],
                tax_code=given["tax_code"],
                valid_from=given["valid_from"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The price is added.")
            return redirect("recurring:product", slug, pk)
    context = {
        "title": f"New price of {found.name}",
        "label": "Add price",
        "crumbs": _crumbs(slug, found),
        "back_url": reverse("recurring:product", args=[slug, pk]),
    }
    return answer(request, "recurring/form.html", context, form=form)


@access(get=Permission.PRODUCT_WRITE, post=Permission.PRODUCT_WRITE)
def supersede(request: Request, slug: str, pk: str) -> HttpResponse:
    """Replace a price from a day on."""
    old = queries.price(ids.decode("price", pk))
    found = queries.product(old.product_id)
    recording.read(request, events.PRODUCT_READ, subject=("price", old.id))
    form = PriceForm(request.POST if request.method == "POST" else None, initial=_initial(old))
    back = reverse("recurring:product", args=[slug, ids.encode("product", found.id)])
    if request.method == "POST" and form.is_valid():
        with attempting(request, form, fields=_RENAMED):
            row = services.supersede_price(
                price_id=old.id,
                terms=form.terms(old.currency),
                tax_code=form.cleaned_data["tax_code"],
                valid_from=form.cleaned_data["valid_from"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, f"Version {row.version} is sold from {formats.day(row.valid_from)}.")
            return redirect(back)
    held = subscriptions.held_by_price([old.id]).get(old.id, 0)
    context = {
        "title": f"Replace a price of {found.name}",
        "lead": f"{words.price(old)}. {formats.count(held, 'subscription item')} keep this version.",
        "label": "Replace price",
        "crumbs": _crumbs(slug, found),
        "back_url": back,
    }
    return answer(request, "recurring/form.html", context, form=form)


@access(get=Permission.PRODUCT_WRITE, post=Permission.PRODUCT_WRITE)
def retire_price(request: Request, slug: str, pk: str) -> HttpResponse:
    """Sell a price to nobody new from a day on."""
    old = queries.price(ids.decode("price", pk))
    found = queries.product(old.product_id)
    recording.read(request, events.PRODUCT_READ, subject=("price", old.id))
    form = DayForm(
        request.POST if request.method == "POST" else None, initial={"on": days.today(clock.now())}
    )
    back = reverse("recurring:product", args=[slug, ids.encode("product", found.id)])
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.retire_price(
                price_id=old.id, on=form.cleaned_data["on"], actor=request.actor, at=clock.now()
            )
        if not form.errors:
            messages.success(request, "The price is retired.")
            return redirect(back)
    held = subscriptions.held_by_price([old.id]).get(old.id, 0)
    context = {
        "title": f"Retire a price of {found.name}",
        "lead": words.price(old),
        "sentence": f"{formats.count(held, 'subscription item')} keep it and are billed as before.",
        "label": "Retire price",
        "keep": "Keep selling it",
        "crumbs": _crumbs(slug, found),
        "back_url": back,
    }
    return answer(request, "recurring/confirm.html", context, form=form)


@access(get=Permission.PRODUCT_WRITE, post=Permission.PRODUCT_WRITE)
def create_meter(request: Request, slug: str) -> HttpResponse:
    """Add a meter."""
    form = MeterForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            usage.create_meter(actor=request.actor, at=clock.now(), **form.cleaned_data)
        if not form.errors:
            messages.success(request, "The meter is added. Prices can be counted by it.")
            return redirect("recurring:products", slug)
    context = {
        "title": "New meter",
        "label": "Add meter",
        "crumbs": _crumbs(slug),
        "back_url": reverse("recurring:products", args=[slug]),
    }
    return answer(request, "recurring/form.html", context, form=form)


def _opened(request: Request, pk: str) -> ProductRow:
    found = queries.product(ids.decode("product", pk))
    recording.read(request, events.PRODUCT_READ, subject=("product", found.id))
    return found


def _row(row: ProductRow, slug: str, on: date) -> page.Row:
    key = ids.encode("product", row.id)
    sold = [words.price(price) for price in row.prices if price.is_sold_on(on)]
    return page.Row(
        key=key,
        url=reverse("recurring:product", args=[slug, key]),
        title=row.name,
        cells={
            "code": cells.code(row.code),
            "kind": cells.text(words.KINDS[row.kind]),
            "prices": cells.texts(sold) if sold else cells.text("None is sold"),
            "state": cells.tag("product", row.state),
        },
    )


def _version(price: PriceRow, slug: str, on: date, held: int) -> Version:
    state = "later" if price.valid_from > on else "now" if price.is_sold_on(on) else "ended"
    pk = ids.encode("price", price.id)
    is_open = price.valid_to is None
    return Version(
        pk=pk,
        code=price.code,
        version=price.version,
        words=words.price(price),
        tax=f"{price.tax_code or 'no tax'}, {price.tax_behavior}",
        valid_from=price.valid_from,
        valid_to=price.valid_to,
        state=state,
        held=held,
        supersede_url=reverse("recurring:supersede_price", args=[slug, pk]) if is_open else "",
        retire_url=reverse("recurring:retire_price", args=[slug, pk]) if is_open else "",
    )


def _initial(old: PriceRow) -> dict[str, Any]:
    terms = old.terms
    tiers = [
        f"{'' if tier.up_to is None else plain(tier.up_to)}; {plain(tier.unit_amount)}; "
        f"{plain(money.from_minor(tier.flat_minor, terms.currency))}"
        for tier in terms.tiers
    ]
    return {
        "model": terms.model,
        "unit_amount": plain(terms.unit_amount) if terms.unit_amount else "",
        "package_size": "" if terms.package_size is None else plain(terms.package_size),
        "tiers": "\n".join(tiers),
        "flat": plain(money.from_minor(terms.flat_minor, terms.currency)) if terms.flat_minor else "",
        "minimum": plain(money.from_minor(terms.minimum_minor, terms.currency))
        if terms.minimum_minor
        else "",
        "tax_code": old.tax_code,
    }


def _crumbs(slug: str, found: ProductRow | None = None) -> list[Crumb]:
    crumbs = [Crumb("Products", reverse("recurring:products", args=[slug]))]
    if found is not None:
        url = reverse("recurring:product", args=[slug, ids.encode("product", found.id)])
        crumbs.append(Crumb(found.name, url))
    return crumbs
