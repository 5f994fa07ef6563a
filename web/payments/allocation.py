"""Putting an amount onto open invoices: a row for each, a proposal to begin with, and what is left, by the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.urls import reverse

from core import ids, money
from payments import proposals
from payments.proposals import OpenInvoice
from web.kit import formats
from web.kit.forms import AmountField, Form, read_amount

_PREFIX = "put-"
_WIDGET = {"inputmode": "decimal", "autocomplete": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One open invoice, and the field that says how much goes onto it."""

    invoice: OpenInvoice
    url: str
    bound: forms.BoundField


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What of an amount is put nowhere; below zero when more is put onto invoices than there is."""

    put_minor: int
    left_minor: int


class AllocationForm(Form):
    """How much goes onto which invoice; derived forms say what there is to put."""

    def __init__(self, *args: Any, invoices: Sequence[OpenInvoice], currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invoices, self.unit = invoices, currency
        for each in invoices:
            self.fields[_name(each.id)] = AmountField(
                label=f"Onto {each.number}",
                currency=currency,
                positive=False,
                required=False,
                widget=forms.TextInput(attrs=_WIDGET),
            )

    def clean(self) -> dict[str, Any]:
        """Refuse what is more than an invoice is due, or less than nothing."""
        cleaned = super().clean()
        for each in self.invoices:
            put = cleaned.get(_name(each.id)) or 0
            if put < 0:
                self.add_error(_name(each.id), "Enter an amount above zero, or nothing.")
            elif put > each.due_minor:
                due = formats.money(each.due_minor, self.unit)
                self.add_error(_name(each.id), f"{each.number} is due {due}. Put at most that onto it.")
        return cleaned

    def put(self) -> list[tuple[UUID, int]]:
        """Return how much goes onto which invoice; call it on a valid form."""
        named = [(each.id, self.cleaned_data.get(_name(each.id)) or 0) for each in self.invoices]
        return [(invoice_id, amount) for invoice_id, amount in named if amount]

    def lines(self, slug: str) -> list[Line]:
        """Return the invoices with their fields."""
        return [
            Line(
                invoice=each,
                url=reverse("billing:invoice", args=[slug, ids.encode("invoice", each.id)]),
                bound=self[_name(each.id)],
            )
            for each in self.invoices
        ]


def proposal(amount_minor: int, invoices: Sequence[OpenInvoice], currency: str) -> dict[str, str]:
    """Return a proposal as the fields show it."""
    return shown(proposals.propose(amount_minor, invoices), invoices, currency)


def shown(put: Mapping[UUID, int], invoices: Sequence[OpenInvoice], currency: str) -> dict[str, str]:
    """Return how much goes onto which invoice as the fields show it; nothing where nothing does."""
    return {
        _name(each.id): formats.amount(put[each.id], currency) if each.id in put else "" for each in invoices
    }


def left(amount_minor: int, typed: Mapping[str, Any], invoices: Sequence[OpenInvoice], currency: str) -> Left:
    """Compute what is left of an amount, by the fields as they are typed; what cannot be read counts nothing."""
    put = sum(read_minor(str(typed.get(_name(each.id)) or ""), currency) for each in invoices)
    return Left(put_minor=put, left_minor=amount_minor - put)


def read_minor(text: str, currency: str) -> int:
    """Read an amount that somebody is still typing; nothing when it cannot be read."""
    if not text.strip():
        return 0
    try:
        return max(money.exact_minor(read_amount(text, decimals=money.exponent(currency)), currency), 0)
    except (ValueError, money.AmountTooPrecise, money.AmountTooLarge):
        return 0


def _name(invoice_id: UUID) -> str:
    return f"{_PREFIX}{ids.encode('invoice', invoice_id)}"
