"""How many and how much, from the tallies: the same cost at any size."""

from dataclasses import dataclass

from django.db.models import Sum

from billing.tallies.models import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How many records of one kind there are, and their amounts in minor units."""

    state: str
    payment_status: str
    currency: str
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
