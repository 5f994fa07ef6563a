"""Number series: which there are, which new documents take, opening one, changing its numbering, closing it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.issuer import queries, rules, services
from billing.issuer.models import Rounding, Series
from billing.issuer.queries import SeriesRow
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import rows as invoice_rows
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb

PURPOSES = {
    Series.Purpose.INVOICE: "Invoices",
    Series.Purpose.CREDIT_NOTE: "Credit notes",
    Series.Purpose.QUOTE: "Quotes",
}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_PLAIN = {"autocomplete": "off"}


class NumberingForm(Form):
    """How the numbers of a series are written."""

    pattern = forms.CharField(
        label="Pattern of the numbers",
        max_length=60,
        help_text="Words around {year} and {sequence}, each once, such as INV-{year}-{sequence}.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    digits = forms.IntegerField(
        label="Digits of the sequence",
        min_value=1,
        max_value=12,
        initial=5,
        help_text="Filled with zeros from the left.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", **_PLAIN}),
    )
    fiscal_year_starts_in = forms.TypedChoiceField(
        label="The fiscal year begins in",
        choices=[(str(index), month) for index, month in enumerate(_MONTHS, start=1)],
        coerce=int,
        initial="1",
        help_text="Each fiscal year counts from 1 again.",
    )


class SeriesForm(NumberingForm):
    """A new series."""

    code = forms.CharField(
        label="Name",
        max_length=40,
        help_text="For you alone, such as shop.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    purpose = forms.ChoiceField(label="Numbers which documents?", choices=list(PURPOSES.items()))
    by_line = forms.BooleanField(
        label="Round tax on every line",
        required=False,
        help_text="Then no electronic invoices can be made of its documents.",
    )
    no_e_invoice = forms.BooleanField(
        label="No electronic invoices",
        required=False,
        help_text="Then a line can carry several taxes, such as those of a state, a county and a city.",
    )
    field_order = (
        "code", "purpose", "pattern", "digits", "fiscal_year_starts_in", "by_line", "no_e_invoice"
    )  # fmt: skip


@access(get=Permission.ORGANIZATION_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the series."""
    recording.read(request, events.ISSUER_READ)
    found = [_row(each, slug) for each in queries.series()]
    context = {
        "rows": [each for each in found if each["kind"] == Series.Kind.OWN],
        "imported": sum(each["kind"] != Series.Kind.OWN for each in found),
        "may_write": Permission.ORGANIZATION_WRITE in request.permissions,
    }
    return render(request, "billing/series.html", context)


@access(get=Permission.ORGANIZATION_WRITE, post=Permission.ORGANIZATION_WRITE)
def create(request: Request, slug: str) -> HttpResponse:
    """Open a series."""
    form = SeriesForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        rounding = Rounding.LINE if given.pop("by_line") else Rounding.DOCUMENT
        with attempting(request, form):
            services.create_series(
                actor=request.actor,
                at=clock.now(),
                rounding=rounding,
                e_invoice=not given.pop("no_e_invoice"),
                **given,
            )
        if not form.errors:
            messages.success(request, f"Series {given['code']} is open.")
            return redirect("billing:series", slug)
    context = {"crumbs": _crumbs(slug), "back_url": reverse("billing:series", args=[slug])}
    return answer(request, "billing/new_series.html", context, form=form)


@access(get=Permission.ORGANIZATION_WRITE, post=Permission.ORGANIZATION_WRITE)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a series, change its numbering, choose it for new documents."""
    found = _found(pk)
    recording.read(request, events.ISSUER_READ)
    choosing = request.POST.get("action") == "choose"
    initial = {name: getattr(found, name) for name in ("pattern", "digits", "fiscal_year_starts_in")}
    plain = Form(request.POST) if choosing else None
    form = plain or NumberingForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            if choosing:
                services.choose_series(series_id=found.id, actor=request.actor, at=clock.now())
            else:
                services.change_series(
                    series_id=found.id, actor=request.actor, at=clock.now(), **form.cleaned_data
                )
        if not form.errors:
            messages.success(
                request,
                f"New documents are numbered in {found.code}." if choosing else "The numbering is changed.",
            )
            return redirect("billing:series", slug)
    shown = form if not choosing else NumberingForm(initial=initial)
    context = {"row": _row(found, slug), "pk": pk, "crumbs": _crumbs(slug), "numbering": shown}
    return answer(request, "billing/one_series.html", context, form=form)


@access(get=Permission.ORGANIZATION_WRITE, post=Permission.ORGANIZATION_WRITE)
def retire(request: Request, slug: str, pk: str) -> HttpResponse:
    """Close a series."""
    found = _found(pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.retire_series(series_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, f"Series {found.code} is closed. What it numbered stays.")
            return redirect("billing:series", slug)
    context = {"row": _row(found, slug), "pk": pk, "crumbs": _crumbs(slug)}
    return answer(request, "billing/close_series.html", context, form=form)


def _found(pk: str) -> SeriesRow:
    series_id = ids.decode("series", pk)
    found = next((each for each in queries.series() if each.id == series_id), None)
    if found is None or found.kind != Series.Kind.OWN:
        raise NotFound
    return found


def _row(found: SeriesRow, slug: str) -> dict[str, Any]:
    year = rules.fiscal_year(invoice_rows.today(), starts_in=found.fiscal_year_starts_in)
    last = dict(found.given).get(year, 0)
    return {
        "url": reverse("billing:one_series", args=[slug, ids.encode("series", found.id)]),
        "code": found.code,
        "kind": found.kind,
        "purpose": PURPOSES[Series.Purpose(found.purpose)],
        "next": rules.number(found.pattern, fiscal_year=year, sequence=last + 1, digits=found.digits),
        "begins": _MONTHS[found.fiscal_year_starts_in - 1],
        "state": "closed" if found.retired_at else "usual" if found.is_usual else "open",
        "closed_at": found.retired_at,
        "by_line": found.rounding == Rounding.LINE,
        "e_invoice": found.e_invoice,
        "given": list(found.given),
    }


def _crumbs(slug: str) -> list[Crumb]:
    return [Crumb("Number series", reverse("billing:series", args=[slug]))]
