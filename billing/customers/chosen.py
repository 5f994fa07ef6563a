"""Customers that somebody chose of the list: by their ids, or by the filter the list was narrowed to."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from accounts.lists.queries import Chosen
from billing.customers import queries
from billing.customers.models import Customer
from billing.customers.queries import CustomerRow

LISTING = "customers"
NAMES = ("state", "q", "sort")
MOST_FOUND = 50


def found(words: str, state: str, within: Collection[UUID] | None = None) -> list[CustomerRow]:
    """Find customers as somebody types; archived ones by a whole name or detail alone."""
    rows = {row.id: row for row in queries.search(words, limit=MOST_FOUND, within=within)}
    if state != Customer.State.ACTIVE:
        for detail in ("email", "tax_id", "reference", "name"):
            rows |= {row.id: row for row in queries.find(within=within, **{detail: words})}
    return [row for row in rows.values() if row.state == state]


def rows(chosen: Chosen) -> "QuerySet[Customer]":
    """Return the customers of a selection as they stand now, in no order: never one that came after it was made."""
    if chosen.filter is None:
        return Customer.objects.filter(pk__in=chosen.ids)
    state = chosen.filter.get("state") or Customer.State.ACTIVE
    words = (chosen.filter.get("q") or "").strip()
    if words:
        return Customer.objects.filter(pk__in=[row.id for row in found(words, state)])
    return Customer.objects.filter(state=state, created_at__lte=chosen.at)
