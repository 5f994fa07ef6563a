"""Recurring revenue: what subscriptions come to a month on a day, and how that moves.

It is what the prices in force say, without tax where they are without it. What is used (metered) and what is charged
once is no recurring revenue; a trial is none until it ends, and what is paused is none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q

from billing.catalog import queries as catalog
from billing.catalog import rules as prices
from billing.periods.rules import Month
from billing.reports import rules
from billing.subscriptions.models import SubscriptionItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """One item of a subscription, what it comes to a month, and the days it does."""

    item_id: UUID
    subscription_id: UUID
    customer_id: UUID
    product_id: UUID
    amount_minor: int
    from_on: date
    to_on: date | None

    def holds_on(self, day: date) -> bool:
        """Tell whether it is there on a day."""
        return self.from_on <= day and (self.to_on is None or day < self.to_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOf:
    """How recurring revenue moved in a month."""

    month: Month
    before_minor: int
    moves: Mapping[rules.Move, int]
    after_minor: int
    customers_before: int
    customers_lost: int

    @property
    def annual_minor(self) -> int:
        """Twelve such months."""
        return 12 * self.after_minor

    @property
    def lost_minor(self) -> int:
        """What left with customers, and what those who stay pay less; below zero."""
        return self.moves[rules.Move.CHURN] + self.moves[rules.Move.CONTRACTION]


def items(*, since: date, until: date, currency: str) -> list[Recurring]:
    """Return every item that is there on some day of a time."""
    found = (
        SubscriptionItem.objects.filter(
            Q(to_on__isnull=True) | Q(to_on__gt=since),
            subscription__currency=currency,
            from_on__lte=until,
            price__meter__isnull=True,
        )
        .exclude(price__interval="none")
        .select_related("subscription")
        .order_by("id")
    )
    held = list(found)
    known = catalog.by_ids({item.price_id for item in held})
    rows = []
    for item in held:
        price, whole = known[item.price_id], item.subscription
        starts = max(item.from_on, whole.trial_until or item.from_on)
        ends = [day for day in (item.to_on, whole.ends_on) if day is not None]
        rows.append(
            Recurring(
                item_id=item.pk,
                subscription_id=whole.pk,
                customer_id=item.customer_id,
                product_id=price.product_id,
                amount_minor=rules.monthly(
                    prices.of_period(price.terms, item.quantity), price.interval, price.interval_count
                ),
                from_on=starts,
                to_on=min(ends, default=None),
            )
        )
    return [row for row in rows if row.amount_minor]


def of_customers(rows: Iterable[Recurring], on: date) -> dict[UUID, int]:
    """Return what each customer's subscriptions come to a month on a day."""
    sums: dict[UUID, int] = {}
    for row in rows:
        if row.holds_on(on):
            sums[row.customer_id] = sums.get(row.customer_id, 0) + row.amount_minor
    return {customer: amount for customer, amount in sums.items() if amount}


def moved(rows: Sequence[Recurring], month: Month, *, until: date) -> list[rules.Moved]:
    """Compare the end of a month, or the last day of it that is over, with the end of the month before."""
    before = of_customers(rows, month.before.ends_on)
    return rules.moved(before, of_customers(rows, min(month.ends_on, until)))


def of_months(rows: Sequence[Recurring], months: Sequence[Month], *, until: date) -> list[MonthOf]:
    """Return how recurring revenue moved in each of some months."""
    found = []
    for month in months:
        moves = moved(rows, month, until=until)
        found.append(
            MonthOf(
                month=month,
                before_minor=sum(row.before_minor for row in moves),
                moves=rules.by_kind(moves),
                after_minor=sum(row.after_minor for row in moves),
                customers_before=sum(1 for row in moves if row.before_minor),
                customers_lost=sum(1 for row in moves if row.kind is rules.Move.CHURN),
            )
        )
    return found
