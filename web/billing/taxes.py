"""More than one tax rate at a time: a country's, several on one line, and what automatic tax goes by."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.tax import queries, seeds, services, settings
from billing.tax.queries import TaxRateRow
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import rows
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb

_PLAIN = {"autocomplete": "off"}
_SUPPLIES = (("services", "Services"), ("goods", "Goods"), ("digital", "Digital services"))
_PLACES = ("first", "second", "third", "fourth")


class CountryForm(Form):
    """A country of the EU whose rates are added."""

    country = forms.ChoiceField(label="Country")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["country"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        names = formats.locale().territories
        found = [(code, str(names.get(code, name))) for code, name in seeds.countries().items()]
        field.choices = [("", "Choose a country"), *sorted(found, key=lambda pair: pair[1])]


class GroupForm(Form):
    """Several taxes on one line."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        help_text="Lower-case letters, digits and _ . - .",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false", **_PLAIN}),
    )
    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="As people choose it on a line, such as New York City.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    first = forms.ChoiceField(label="First tax")
    second = forms.ChoiceField(label="Second tax")
    third = forms.ChoiceField(label="Third tax", required=False)
    fourth = forms.ChoiceField(label="Fourth tax", required=False)
    valid_from = DayField(label="Valid from")

    def __init__(self, *args: Any, rates: list[TaxRateRow], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _PLACES:
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
            field.choices = [
                ("", "Choose a tax" if field.required else "None"),
                *((ids.encode("tax_rate", row.id), _words(row)) for row in rates),
            ]


class SalesForm(Form):
    """What automatic tax goes by."""

    supplies = forms.ChoiceField(label="What you usually sell", choices=_SUPPLIES)
    uses_oss = forms.BooleanField(
        label="We use One Stop Shop",
        required=False,
        help_text="Consumers elsewhere in the EU are then charged their country’s rate for goods and digital services.",
    )


@access(get=Permission.TAX_RATE_WRITE, post=Permission.TAX_RATE_WRITE)
def country(request: Request, slug: str) -> HttpResponse:
    """Add the rates of a country of the EU."""
    form = CountryForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            added = services.add_country(
                country=form.cleaned_data["country"], actor=request.actor, at=clock.now()
            )
        if not form.errors:
            said = (
                f"{formats.count(len(added), 'tax rate')} added."
                if added
                else "All of them are here already."
            )
            messages.success(request, said)
            return redirect("billing:tax_rates", slug)
    context = {**_around(slug), "credit": seeds.credit()}
    return answer(request, "billing/tax_country.html", context, form=form)


@access(get=Permission.TAX_RATE_WRITE, post=Permission.TAX_RATE_WRITE)
def group(request: Request, slug: str) -> HttpResponse:
    """Put several taxes together."""
    recording.read(request, events.TAX_RATE_READ)
    found = [
        row for row in queries.rates() if row.valid_to is None and row.category == "S" and row.kind != "group"
    ]
    posted = request.POST if request.method == "POST" else None
    form = GroupForm(posted, rates=found, initial={"valid_from": rows.today()})
    if request.method == "POST" and form.is_valid():
        chosen = [form.cleaned_data[name] for name in _PLACES if form.cleaned_data[name]]
        with attempting(request, form, fields={"tax_rates": "second"}):
            row = services.create_group(
                code=form.cleaned_data["code"],
                name=form.cleaned_data["name"],
                tax_rate_ids=[ids.decode("tax_rate", each) for each in chosen],
                valid_from=form.cleaned_data["valid_from"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, f"{row.name} is added.")
            return redirect("billing:tax_rates", slug)
    return answer(request, "billing/tax_group.html", {**_around(slug), "enough": len(found) > 1}, form=form)


@access(get=Permission.ORGANIZATION_WRITE, post=Permission.ORGANIZATION_WRITE)
def sales(request: Request, slug: str) -> HttpResponse:
    """Say what is usually sold."""
    recording.read(request, events.ISSUER_READ)
    supplies, uses_oss = settings.sales()
    initial = {"supplies": supplies, "uses_oss": uses_oss}
    form = SalesForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            settings.set_sales(actor=request.actor, at=clock.now(), **form.cleaned_data)
        if not form.errors:
            messages.success(request, "Saved. New drafts are proposed their tax by it.")
            return redirect(_above(request), slug)
    return answer(request, "billing/tax_sales.html", _around(slug, above=_above(request)), form=form)


def _above(request: Request) -> str:
    """Who says what is sold need not be somebody who sees the rates."""
    return "billing:tax_rates" if Permission.TAX_RATE_READ in request.permissions else "billing:organization"


def _around(slug: str, *, above: str = "billing:tax_rates") -> dict[str, Any]:
    url = reverse(above, args=[slug])
    name = "Tax rates" if above == "billing:tax_rates" else "Organization"
    return {"crumbs": [Crumb(name, url)], "back_url": url}


def _words(row: TaxRateRow) -> str:
    return f"{formats.number(row.percentage)}\u202f% {row.name}"
