"""A customer's credit: every movement with its cause, when it expires, and letting some of it expire by hand."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.creditnotes import queries as creditnotes
from billing.settlement import queries
from billing.settlement import services as settlement
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import customer, customers
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import AmountField, Form
from web.kit.parts import Crumb

CAUSES = {
    "overpayment": "Paid beyond what was due",
    "released": "Taken off an invoice",
    "applied": "Put onto an invoice",
    "refunded": "Given back",
    "reversed": "The payment was taken back",
    "credit_note": "Credit note",
    "expired": "Expired",
}
_MOST = 100


class ExpireForm(Form):
    """How much expires, and why."""

    amount_minor = AmountField(
        label="Amount", widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    )
    reason = forms.CharField(
        label="Why does it expire?",
        max_length=1_000,
        help_text="Kept with the entry, encrypted. The customer does not see it.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        amount = self.fields["amount_minor"]
        assert isinstance(amount, AmountField)  # noqa: S101  declared above
        amount.currency = currency


@access(get=Permission.PAYMENT_READ)
def index(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a customer's credit and how it came about."""
    found = customers.opened(request, pk)
    entries = queries.entries(customer_id=found.id, limit=_MOST)
    recording.read(request, events.CREDIT_READ, subject=("customer", found.id), fields=["reason"])
    notes = creditnotes.numbers({each.credit_note_id for each in entries if each.credit_note_id is not None})
    writes = Permission.CREDIT_WRITE in request.permissions
    base = reverse("billing:expire_credit", args=[slug, pk])
    context = {
        **customer.context_of(request, slug, pk, found, "credit"),
        "credits": [
            {
                "amount_minor": amount,
                "currency": currency,
                **_expiry(found.id, currency),
                "expire_url": f"{base}?currency={currency}" if writes else "",
            }
            for currency, amount in queries.credit(customer_id=found.id).items()
        ],
        "rows": [
            {
                "at": each.at,
                "cause": CAUSES[each.cause],
                "amount_minor": each.amount_minor,
                "currency": each.currency,
                "reason": each.reason,
                "note": notes.get(each.credit_note_id, "") if each.credit_note_id else "",
                "note_url": reverse(
                    "billing:credit_note", args=[slug, ids.encode("credit_note", each.credit_note_id)]
                )
                if each.credit_note_id
                else "",
            }
            for each in entries
        ],
        "most": _MOST if len(entries) == _MOST else 0,
    }
    return render(request, "billing/credit.html", context)


@access(get=Permission.CREDIT_WRITE, post=Permission.CREDIT_WRITE)
def expire(request: Request, slug: str, pk: str) -> HttpResponse:
    """Let some of a customer's credit expire now."""
    found = customers.opened(request, pk)
    held = queries.credit(customer_id=found.id)
    currency = request.POST.get("currency") or request.GET.get("currency") or next(iter(held), found.currency)
    if currency not in held:
        raise NotFound
    initial = {"amount_minor": formats.amount(held[currency], currency)}
    form = ExpireForm(request.POST if request.method == "POST" else None, currency=currency, initial=initial)
    reviewing = request.method == "POST" and form.is_valid()
    if reviewing and request.POST.get("action") == "expire":
        with attempting(request, form):
            settlement.expire(
                customer_id=found.id,
                currency=currency,
                amount_minor=form.cleaned_data["amount_minor"],
                reason=form.cleaned_data["reason"],
                seen_minor=_seen(request),
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            expired = formats.money(form.cleaned_data["amount_minor"], currency)
            messages.success(request, f"{expired} of credit has expired.")
            return redirect("billing:credit_entries", slug, pk)
    reviewing = reviewing and not form.errors
    amount = form.cleaned_data["amount_minor"] if reviewing else 0
    context = {
        **customer.context_of(request, slug, pk, found, ""),
        "crumbs": [
            Crumb("Customers", reverse("billing:customers", args=[slug])),
            Crumb(found.name, reverse("billing:credit_entries", args=[slug, pk])),
        ],
        "reviewing": reviewing,
        "currency": currency,
        "held_minor": held[currency],
        "after_minor": held[currency] - amount,
        "amount_minor": amount,
        "label": f"Let {formats.money(amount, currency)} expire",
    }
    return answer(request, "billing/expire_credit.html", context, form=form)


def _expiry(customer_id: UUID, currency: str) -> dict[str, Any]:
    day = settlement.expires_on(customer_id=customer_id, currency=currency)
    return {"expires_on": day, "expires_hint": f"Expires on {formats.day(day)}" if day else ""}


def _seen(request: Request) -> int | None:
    seen = request.POST.get("seen", "")
    return int(seen) if seen.isdecimal() and len(seen) <= 18 else None
