"""What the address of the list of invoices asks for, in words that are kept: a selection is this filter at a moment.

Promise kept: the page and the job that works on "all that match" read one and the same filter.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from accounts.lists.queries import Chosen
from billing.customers import queries as customers
from billing.invoices.lists import Age, View, Wanted
from billing.invoices.models import Invoice
from billing.issuer import queries as issuers
from core import days, ids
from core.errors import NotFound

LISTING = "invoices"
NAMES = ("view", "q", "due_from", "due_to", "customer", "age", "currency", "created_before", "sort")
_MOST_CUSTOMERS = 20


def wanted(
    asked: Mapping[str, str], *, today: date, within: Collection[UUID] | None = None
) -> tuple[Wanted, str]:
    """Read a filter; return what it asks for, and the name of the customer it names.

    Raises:
        NotFound: the address is damaged, or names a customer that may not be seen.
    """
    view, age = asked.get("view") or View.ALL, asked.get("age") or ""
    if view not in tuple(View) or (age and age not in tuple(Age)):
        raise NotFound
    begun = _day(asked.get("created_before"))
    found = Wanted(
        today=today,
        view=View(view),
        age=Age(age) if age else None,
        due_from=_day(asked.get("due_from")),
        due_to=_day(asked.get("due_to")),
        currency=(asked.get("currency") or "")[:3],
        created_before=midnight(begun) if begun else None,
        within=within,
        sort=asked.get("sort") or "",
    )
    name = ""
    if asked.get("customer"):
        customer_id = ids.decode("customer", asked["customer"])
        if within is not None and customer_id not in within:
            raise NotFound
        name = customers.names([customer_id]).get(customer_id, "")
        found = replace(found, customer_ids=[customer_id])
    words = (asked.get("q") or "").strip()
    if not words:
        return found, name
    if found.customer_ids:
        return replace(found, number=words, customer_ids=[]), name
    named = customers.matching(words, limit=_MOST_CUSTOMERS, within=within)
    return replace(found, number=words, customer_ids=named), name


def rows(chosen: Chosen) -> "QuerySet[Invoice]":
    """Return the invoices of a selection as they stand now, in no order: never one that came after it was made."""
    if chosen.filter is None:
        return Invoice.objects.filter(pk__in=chosen.ids)
    day = chosen.at.astimezone(ZoneInfo(issuers.time_zone())).date()
    return wanted(chosen.filter, today=day)[0].rows().filter(created_at__lte=chosen.at)


def midnight(day: date) -> datetime:
    """Return the moment at which a day begins where the organization is."""
    return datetime.combine(day, time.min, ZoneInfo(issuers.time_zone())).astimezone(UTC)


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        days.check(day, field="day")
    except (ValueError, days.DayOutOfRange):
        raise NotFound from None
    return day
