"""How many and how much, from the tallies: the same cost at any size."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import Case, Combinable

from tenancy import context

# More rows than this are not added up while somebody waits for a page.
MOST_ADDED = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How many records of one kind there are, and their amounts in minor units."""

    state: str
    payment_status: str
    currency: str
    count: int
    total_minor: int
    due_minor: int


@dataclass(frozen=True, slots=True)
class OfDay:
    """How many records of one day, and their amounts in minor units."""

    currency: str
    day: date | None
    count: int
    total_minor: int
    due_minor: int


def totals(noun: str) -> list[Total]:
    """Return the totals of a noun ("invoice", "customer") by state, payment status and currency."""
    return [
        Total(
            state=state, payment_status=paid, currency=currency, count=count, total_minor=total, due_minor=due
        )
        for state, paid, currency, count, total, due in _summed("state, payment_status, currency", noun)
    ]


def by_day(noun: str, *, since: date | None = None) -> list[OfDay]:
    """Return what a noun comes to by currency and day: `booked` by month from one on, or `invoice` by when it is due.

    Of invoices these are the open ones, which alone are due on a day.
    """
    where = "AND day >= %(since)s" if since else _OPEN if noun == "invoice" else ""
    return [OfDay(*row) for row in _summed("currency, day", noun, where, since=since)]


# Open, even where nobody said when it is due.
_OPEN = "AND state = 'finalized' AND payment_status IN ('unpaid', 'partially_paid', 'processing')"


def _summed(by: str, noun: str, where: str = "", *, since: date | None = None) -> list[tuple[Any, ...]]:
    """Add up by some columns; written out, because nearly every page of staff asks."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {by}, sum(count)::bigint, sum(total_minor)::bigint, sum(due_minor)::bigint FROM billing_tally "  # noqa: S608
            f"WHERE tenant_id = %(tenant)s AND noun = %(noun)s {where} GROUP BY {by} ORDER BY {by}",
            {"tenant": context.current_tenant(), "noun": noun, "since": since},
        )
        return [row for row in cursor.fetchall() if any(row[-3:])]


def added(rows: "QuerySet[Any]", *, amount: str | Case | Combinable) -> dict[str, tuple[int, int]] | None:
    """Add up what has no tally: how many rows of each currency, and what they come to in minor units.

    None when there are more than anybody should wait for; then the page says so.
    """
    found = list(rows.order_by().values_list("currency", amount)[: MOST_ADDED + 1])
    if len(found) > MOST_ADDED:
        return None
    sums: dict[str, tuple[int, int]] = {}
    for currency, minor in found:
        count, total = sums.get(currency, (0, 0))
        sums[currency] = (count + 1, total + (minor or 0))
    return dict(sorted(sums.items()))
