"""Tax rates: never edited, only replaced, with what was changed by whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.models import FieldDiff
from accounts.permissions import Permission
from billing import events
from billing.tax import queries, services
from billing.tax.queries import TaxRateRow
from billing.tax.rules import CATEGORIES
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import documents, rows
from web.billing.forms import NewRateForm, RateForm, plain
from web.console import trail
from web.forms import answer, attempting
from web.kit import formats
from web.kit.parts import Crumb

_FIELD_WORDS = {
    "name": "Name",
    "category": "Category",
    "percentage": "Percentage",
    "valid_from": "Valid from",
    "valid_to": "Ends on",
}
_NOTHING = ("None", "", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One tax rate in the list. `state` is now, later or ended."""

    pk: str
    url: str
    code: str
    name: str
    category: str
    percentage: str
    valid_from: date
    valid_to: date | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """One change of one field."""

    at: datetime
    who: str
    field: str
    before: str
    after: str


@access(get=Permission.TAX_RATE_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the tax rates with their history."""
    on = rows.today()
    found = queries.rates()
    recording.read(request, events.TAX_RATE_READ)
    context = {
        "rows": [_row(rate, slug=slug, on=on) for rate in found],
        "may_write": Permission.TAX_RATE_WRITE in request.permissions,
        "may_sell": Permission.ORGANIZATION_WRITE in request.permissions,
    }
    return render(request, "billing/tax_rates.html", context)


@access(get=Permission.TAX_RATE_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a tax rate, its predecessors and successors, and every change of its fields."""
    found = queries.get(ids.decode("tax_rate", pk))
    recording.read(request, events.TAX_RATE_READ, subject=("tax_rate", found.id))
    on = rows.today()
    family = [rate for rate in queries.rates() if rate.code == found.code]
    context = {
        "rate": _row(found, slug=slug, on=on),
        "category_words": CATEGORIES[found.category],
        "reason": found.reason,
        "components": [_row(rate, slug=slug, on=on) for rate in queries.components(found.id)],
        "family": [_row(rate, slug=slug, on=on) for rate in family],
        "diffs": [each for rate in family for each in _diffs(list(people.diffs_of(rate.id)))],
        "may_supersede": Permission.TAX_RATE_WRITE in request.permissions
        and found.valid_to is None
        and found.kind != "group",
        "pk": pk,
        "crumbs": _crumbs(slug),
    }
    return render(request, "billing/tax_rate.html", context)


@access(get=Permission.TAX_RATE_WRITE, post=Permission.TAX_RATE_WRITE)
def create(request: Request, slug: str) -> HttpResponse:
    """Add a tax rate."""
    initial = {"category": "S", "valid_from": rows.today()}
    form = NewRateForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            row = services.create(
                code=form.cleaned_data["code"], actor=request.actor, at=clock.now(), **_values(form)
            )
        if not form.errors:
            messages.success(request, f"{row.name} is added.")
            return redirect("billing:tax_rates", slug)
    context = {"crumbs": _crumbs(slug), "back_url": reverse("billing:tax_rates", args=[slug])}
    return answer(request, "billing/new_tax_rate.html", context, form=form)


@access(get=Permission.TAX_RATE_WRITE, post=Permission.TAX_RATE_WRITE)
def supersede(request: Request, slug: str, pk: str) -> HttpResponse:
    """Replace a tax rate from a day on."""
    found = queries.get(ids.decode("tax_rate", pk))
    recording.read(request, events.TAX_RATE_READ, subject=("tax_rate", found.id))
    initial = {"name": found.name, "category": found.category, "percentage": plain(found.percentage)}
    form = RateForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            row = services.supersede(
                tax_rate_id=found.id, actor=request.actor, at=clock.now(), **_values(form)
            )
        if not form.errors:
            messages.success(request, f"{row.name} applies from {formats.day(row.valid_from)}.")
            return redirect("billing:tax_rate", slug, ids.encode("tax_rate", row.pk))
    context = {"rate": _row(found, slug=slug, on=rows.today()), "pk": pk, "crumbs": _crumbs(slug, found)}
    return answer(request, "billing/supersede_tax_rate.html", context, form=form)


def _values(form: RateForm) -> dict[str, Any]:
    return {
        "name": form.cleaned_data["name"],
        "category": form.cleaned_data["category"],
        "percentage": form.cleaned_data["percentage"] or Decimal(0),
        "valid_from": form.cleaned_data["valid_from"],
    }


def _row(rate: TaxRateRow, *, slug: str, on: date) -> Row:
    state = "later" if rate.valid_from > on else "ended" if rate.valid_to and rate.valid_to <= on else "now"
    pk = ids.encode("tax_rate", rate.id)
    return Row(
        pk=pk,
        url=reverse("billing:tax_rate", args=[slug, pk]),
        code=rate.code,
        name=rate.name,
        category=rate.category,
        percentage=documents.rate(rate.category, rate.percentage),
        valid_from=rate.valid_from,
        valid_to=rate.valid_to,
        state=state,
    )


def _diffs(entries: Sequence[FieldDiff]) -> list[Diff]:
    names = people.names_of({each.actor_id for each in entries if each.actor_id is not None})
    return [
        Diff(
            at=each.timestamp,
            who=_who(each.actor_id, names),
            field=_FIELD_WORDS.get(name, name),
            before=_written(name, before),
            after=_written(name, after),
        )
        for each in entries
        for name, (before, after) in sorted((each.changes or {}).items())
    ]


def _who(actor_id: UUID | None, names: Mapping[UUID, str]) -> str:
    return "Strongbox" if actor_id is None else names.get(actor_id, f"Person {trail.short(actor_id)}")


def _written(name: str, value: object) -> str:
    if value in _NOTHING:
        return ""
    if name in ("valid_from", "valid_to"):
        return formats.day(date.fromisoformat(str(value)[:10]))
    return f"{formats.number(Decimal(str(value)))}\u202f%" if name == "percentage" else str(value)


def _crumbs(slug: str, found: TaxRateRow | None = None) -> list[Crumb]:
    crumbs = [Crumb("Tax rates", reverse("billing:tax_rates", args=[slug]))]
    if found is not None:
        url = reverse("billing:tax_rate", args=[slug, ids.encode("tax_rate", found.id)])
        crumbs.append(Crumb(found.name, url))
    return crumbs
