"""Whom an invoice or a quote is for: asked before anything else."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import forms
from django.http import HttpResponse
from django.shortcuts import render

from accounts.permissions import Permission
from billing import events
from billing.customers import queries as customers
from billing.customers.queries import CustomerRow
from billing.invoices import lists
from core import ids
from edge import recording
from edge.request import Request
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb

_MOST_FOUND = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A customer to choose from."""

    url: str
    name: str
    detail: str


class SearchForm(Form):
    """Whom to bill."""

    q = forms.CharField(
        label="Name, e-mail address, tax id or number",
        required=False,
        max_length=200,
        widget=forms.SearchInput(attrs={"autocomplete": "off", "autofocus": True}),
    )


def choose(
    request: Request, *, base: str, noun: str, choosing_again: bool, crumbs: Sequence[Crumb]
) -> HttpResponse:
    """Ask whom an invoice or a quote is for; the answer leads to `base`."""
    form = SearchForm(request.GET)
    form.is_valid()
    words = str(form.cleaned_data.get("q") or "").strip()
    shown = customers.search(words, limit=_MOST_FOUND) if words else _recent()
    recording.read(
        request, events.CUSTOMER_LISTED, subjects=[row.id for row in shown], fields=["name", "email"]
    )
    context = {
        "form": form,
        "noun": noun,
        "words": words,
        "choices": [_choice(row, base) for row in shown],
        "announce": formats.count(len(shown), "customer"),
        "choosing_again": choosing_again,
        "may_add": Permission.CUSTOMER_WRITE in request.permissions,
        "crumbs": crumbs,
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "billing/_choices.html" if fragment else "billing/choose_customer.html", context)


def _recent() -> list[CustomerRow]:
    """Return the customers billed last, then the newest ones."""
    latest = lists.recent_customers(limit=_MOST_FOUND)
    rows_by_id = {row.id: row for row in customers.rows_of(latest) if row.state == "active"}
    found = [rows_by_id[key] for key in latest if key in rows_by_id]
    return found or customers.page(limit=_MOST_FOUND, state="active").rows


def _choice(row: CustomerRow, base: str) -> Choice:
    return Choice(
        url=f"{base}?customer={ids.encode('customer', row.id)}",
        name=row.name,
        detail=" · ".join(part for part in (row.reference, row.email) if part),
    )
