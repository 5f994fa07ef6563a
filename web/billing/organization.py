"""Who bills: the organization's name, address, tax ids and terms, as they stand on its documents."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from billing import events
from billing.issuer import coins, queries, services
from billing.issuer.rules import COINS
from core import clock, money
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing.forms import CustomerForm
from web.forms import answer, attempting

_LONGEST_TERMS_DAYS = 365
_LONGEST_CREDIT_DAYS = 3_660
_ADDRESS = ("line1", "line2", "postal_code", "city", "region", "country")


class IssuerForm(CustomerForm):
    """What stands on every invoice from now on; documents that are final keep the copy they have."""

    reference = None  # type: ignore[assignment]  # Django drops a field that is None
    notes = None  # type: ignore[assignment]  # as above
    einvoice_format = None  # type: ignore[assignment]  # as above
    buyer_reference = None  # type: ignore[assignment]  # as above
    endpoint_scheme = None  # type: ignore[assignment]  # as above
    endpoint_id = None  # type: ignore[assignment]  # as above
    tax_exemption = None  # type: ignore[assignment]  # as above
    tax_number = forms.CharField(
        label="Tax number",
        required=False,
        max_length=40,
        help_text="The number of your local tax office, where invoices need it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    payment_days = forms.IntegerField(
        label="Days to pay",
        min_value=0,
        max_value=_LONGEST_TERMS_DAYS,
        help_text="Counted from the day of issue, where an invoice says nothing else.",
    )
    credit_expires_days = forms.IntegerField(
        label="Credit of customers expires after",
        required=False,
        min_value=30,
        max_value=_LONGEST_CREDIT_DAYS,
        help_text="Days without a movement, where your law allows it. Empty: never.",
    )
    rounded_currencies = forms.MultipleChoiceField(
        label="Round what is to be paid to the smallest coin",
        required=False,
        choices=[
            (currency, f"{currency}, to {money.from_minor(coin, currency):f}")
            for currency, coin in sorted(COINS.items())
        ],
        widget=forms.CheckboxSelectMultiple,
        help_text="The rounding stands on the document in a line of its own, and in the books as a difference.",
    )
    time_zone = forms.ChoiceField(
        label="Time zone", choices=[(name, name) for name in sorted(available_timezones())]
    )


@access(get=Permission.ORGANIZATION_WRITE, post=Permission.ORGANIZATION_WRITE)
def index(request: Request, slug: str) -> HttpResponse:
    """Show and change who bills."""
    form = IssuerForm(request.POST if request.method == "POST" else None, initial=_initial())
    recording.read(request, events.ISSUER_READ)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with attempting(request, form, fields={f"address/{name}": name for name in _ADDRESS}):
            services.set_issuer(
                name=given["name"],
                address={name: given[name] for name in _ADDRESS},
                tax_id=given["tax_id"],
                tax_number=given["tax_number"],
                email=given["email"],
                phone=given["phone"],
                time_zone=given["time_zone"],
                currency=given["currency"],
                payment_days=given["payment_days"],
                actor=request.actor,
                at=clock.now(),
            )
            services.let_credit_expire(
                after_days=given["credit_expires_days"], actor=request.actor, at=clock.now()
            )
            coins.round_totals(currencies=given["rounded_currencies"], actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "Saved. Invoices finalized from now on carry it.")
            return redirect("billing:organization", slug)
    return answer(request, "billing/organization.html", {}, form=form)


def _initial() -> dict[str, Any]:
    found = queries.get()
    if found is None:
        return {"time_zone": "UTC", "currency": "EUR", "payment_days": 14}
    names = ("name", "tax_id", "tax_number", "email", "phone", "time_zone", "currency", "payment_days")
    kept = {name: getattr(found, name) for name in names}
    return {
        **found.address,
        **kept,
        "credit_expires_days": queries.credit_expires_days(),
        "rounded_currencies": queries.rounded_currencies(),
    }
