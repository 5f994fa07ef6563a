"""Billing a part of a quote: a deposit ahead or what has been done."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from billing.quotes import parts, progress
from core import clock, ids
from edge.access import access
from edge.request import Request
from web.billing import billed, quotes
from web.forms import answer, attempting
from web.kit.forms import AmountField, DayField, Form

_KINDS = (
    ("deposit", "A deposit, paid before anything is delivered"),
    ("progress", "A part of the work that has been done"),
)


class PartForm(Form):
    """Which part, how much, and until when."""

    role = forms.ChoiceField(label="What do you bill?", choices=_KINDS, widget=forms.RadioSelect)
    percentage = forms.DecimalField(
        label="Share of the quote",
        required=False,
        max_digits=9,
        decimal_places=6,
        help_text="Or enter an amount instead.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    amount_minor = AmountField(
        label="Amount, tax included",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    due_on = DayField(
        label="Due on",
        required=False,
        help_text="Empty: by the customer’s terms.",
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        amount = self.fields["amount_minor"]
        assert isinstance(amount, AmountField)  # noqa: S101  declared above
        amount.currency = currency

    def clean(self) -> dict[str, Any]:
        """Ask for one of the two."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and (given.get("percentage") is None) == (given.get("amount_minor") is None):
            self.add_error("percentage", "Enter either a share or an amount.")
        return given


@access(get=Permission.INVOICE_WRITE, post=Permission.INVOICE_WRITE)
def create(request: Request, slug: str, pk: str) -> HttpResponse:
    """Draft the invoice of a part of an accepted quote."""
    found = quotes.opened(request, pk)
    standing = parts.standing_of(found.id)
    form = PartForm(
        request.POST if request.method == "POST" else None,
        currency=found.currency,
        initial={"role": "progress" if standing.parts else "deposit"},
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            made = progress.bill_part(
                quote_id=found.id, actor=request.actor, at=clock.now(), **form.cleaned_data
            )
        if not form.errors:
            messages.success(request, "The invoice is drafted. Look at it, then finalize it.")
            return redirect("billing:invoice", slug, ids.encode("invoice", made.pk))
    context = {
        **quotes.context_of(slug, pk, found),
        "crumbs": quotes.crumbs(slug, found),
        "facts": found,
        "billed": billed.shown(found, slug=slug),
        "possible": found.status == "accepted" and found.invoice_id is None and standing.left_minor > 0,
    }
    return answer(request, "billing/quote_part.html", context, form=form)
