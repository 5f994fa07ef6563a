"""How many and how much, from the tallies: the same cost at any size."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Case, QuerySet, Sum

from billing.tallies.models import Tally

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
    rows = (
        Tally.objects.filter(noun=noun)
        .values("state", "payment_status", "currency")
        .annotate(n=Sum("count"), total=Sum("total_minor"), due=Sum("due_minor"))
        .order_by("state", "payment_status", "currency")
    )
    return [
        Total(
            state=row["state"],
            payment_status=row["payment_status"],
            currency=row["currency"],
            count=int(row["n"]),
            total_minor=int(row["total"]),
            due_minor=int(row["due"]),
        )
        for row in rows
        if row["n"] or row["total"] or row["due"]
    ]


def by_day(noun: str, **narrowed: Any) -> list[OfDay]:
    """Return what a noun comes to by currency and day, of the rows that are narrowed to."""
    found = (
        Tally.objects.filter(noun=noun, **narrowed)
        .values_list("currency", "day")
        .annotate(n=Sum("count"), total=Sum("total_minor"), due=Sum("due_minor"))
        .order_by("currency", "day")
    )
    return [
        OfDay(currency, day, int(count), int(total), int(due))
        for currency, day, count, total, due in found
        if count or total or due
    ]


def added(rows: "QuerySet[Any]", *, amount: str | Case) -> dict[str, tuple[int, int]] | None:
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
