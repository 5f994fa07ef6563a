"""The figures of reports, and the rows that sum to each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from billing.ledger import trial
from billing.ledger.rules import Account
from billing.periods.rules import Month
from billing.rates.queries import base_currency
from billing.reports import rules, sources
from billing.reports.sources import Source
from billing.tallies import queries as tallies
from tenancy import context

PAGE = 100
_NOWHERE = UUID(int=0)
Place = tuple[date, UUID]
_EACH_AGE = ", ".join(
    f"coalesce(sum(amount_minor) FILTER (WHERE key = '{age}'), 0)::bigint AS age{at}"
    for at, age in enumerate(rules.AGES)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row behind a figure."""

    day: date
    id: UUID
    noun: str
    subject: UUID
    number: str
    customer_id: UUID | None
    key: str
    amount_minor: int
    base_minor: int


@dataclass(frozen=True, slots=True)
class Sum:
    """How many rows, and what they come to."""

    count: int = 0
    amount_minor: int = 0
    base_minor: int = 0


def total(source: Source) -> Sum:
    """Add up a source."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(amount_minor), 0)::bigint, coalesce(sum(base_minor), 0)::bigint"  # noqa: S608
            f" FROM {source.rows}",
            source.parameters,
        )
        return Sum(*cursor.fetchone())


def by_key(source: Source) -> dict[str, Sum]:
    """Add up a source by its key."""
    return {key: found for (key, _), found in _grouped(source, "key").items()}


def by_month(source: Source) -> dict[tuple[str, Month], Sum]:
    """Add up a source by its key and month."""
    found = _grouped(source, "key", "date_trunc('month', day)::date")
    return {(key, Month(starts_on)): each for (key, starts_on), each in found.items()}


def by_day(source: Source) -> dict[date, Sum]:
    """Add up a source by its day."""
    return {day: found for (day, _), found in _grouped(source, "day").items()}


def page(source: Source, *, after: Place | None = None, limit: int = PAGE) -> tuple[list[Row], Place | None]:
    """List rows by day from one place on, and where the next page begins."""
    day, last = after or (date.min, _NOWHERE)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT day, id, noun, subject, coalesce(number, ''), customer_id, key, amount_minor, base_minor"  # noqa: S608
            f" FROM {source.rows} WHERE (day, id) > (%(after_day)s::date, %(after_id)s::uuid)"
            " ORDER BY day, id LIMIT %(limit)s",
            {**source.parameters, "after_day": day, "after_id": last, "limit": limit + 1},
        )
        found = [
            Row(
                day=row[0], id=row[1], noun=row[2], subject=row[3], number=row[4], customer_id=row[5], key=row[6],
                amount_minor=int(row[7]), base_minor=int(row[8]),
            )
            for row in cursor.fetchall()
        ]  # fmt: skip
    more = len(found) > limit
    return found[:limit], (found[limit - 1].day, found[limit - 1].id) if more else None


def currencies() -> list[str]:
    """Return the currencies that anything is booked in, the books' own first."""
    base = base_currency()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT currency FROM billing_invoice WHERE tenant_id = %s AND status <> 'draft'",
            [context.current_tenant()],
        )
        found = {row[0] for row in cursor.fetchall()}
    return [base, *sorted(found - {base})]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """What one customer owed on a day, by age."""

    customer_id: UUID
    ages: Mapping[str, int]
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Aging:
    """What was owed at the end of a day, by age, and what the ledger says of it."""

    on: date
    currency: str
    ages: dict[str, Sum]
    ledger_minor: int

    @property
    def total(self) -> Sum:
        """The whole."""
        return Sum(
            sum(each.count for each in self.ages.values()),
            sum(each.amount_minor for each in self.ages.values()),
        )

    @property
    def is_booked(self) -> bool:
        """Tell whether the invoices come to what the ledger's account of receivables holds."""
        return self.total.amount_minor == self.ledger_minor


def aging(*, on: date, currency: str) -> Aging:
    """Return what was owed at the end of a day, by age."""
    found = by_key(sources.owed(on=on, currency=currency))
    return Aging(
        on=on,
        currency=currency,
        ages={age: found.get(age, Sum()) for age in rules.AGES},
        ledger_minor=booked(Account.RECEIVABLE, on=on, currency=currency),
    )


def owing(
    *, on: date, currency: str, after: tuple[int, UUID] | None = None, limit: int = PAGE
) -> tuple[list[Owing], tuple[int, UUID] | None]:
    """List customers by what they owed on a day, the most first, and where the next page begins."""
    source = sources.owed(on=on, currency=currency)
    most, last = after or (2**62, _NOWHERE)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT customer_id, total, {', '.join(f'age{at}' for at, _ in enumerate(rules.AGES))} FROM ("  # noqa: S608
            f"SELECT customer_id, sum(amount_minor)::bigint AS total, {_EACH_AGE}"
            f" FROM {source.rows} GROUP BY customer_id) AS owing"
            " WHERE (-total, customer_id) > (-(%(most)s::bigint), %(last)s::uuid)"
            " ORDER BY -total, customer_id LIMIT %(limit)s",
            {**source.parameters, "most": most, "last": last, "limit": limit + 1},
        )
        found = [
            Owing(customer_id=row[0], total_minor=row[1], ages=dict(zip(rules.AGES, row[2:], strict=True)))
            for row in cursor.fetchall()
        ]
    more = len(found) > limit
    return found[:limit], (found[limit - 1].total_minor, found[limit - 1].customer_id) if more else None


def booked(account: str, *, on: date, currency: str) -> int:
    """Return what an account of the ledger holds in a currency at the end of a day."""
    held = trial.balances(on)
    return sum(row.amount_minor for row in held if (row.account, row.currency) == (account, currency))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """What was owed at the end of a month against what was sold in the three months to it."""

    month: Month
    since: date
    receivable_minor: int
    revenue_minor: int

    @property
    def days(self) -> int:
        """The days of those three months."""
        return (self.month.ends_on - self.since).days + 1

    @property
    def dso(self) -> Decimal | None:
        """For how many days' sales customers owed."""
        return rules.dso(self.receivable_minor, self.revenue_minor, self.days)


def outstanding(months: Sequence[Month], *, currency: str) -> list[Outstanding]:
    """Return days of sales outstanding at the end of each of some months."""
    if not months:
        return []
    since = months[0].before.before.starts_on
    sold: dict[Month, int] = {}
    source = sources.revenue(since=since, until=months[-1].ends_on, currency=currency)
    for (_, month), each in by_month(source).items():
        sold[month] = sold.get(month, 0) + each.amount_minor
    return [
        Outstanding(
            month=month,
            since=month.before.before.starts_on,
            receivable_minor=booked(Account.RECEIVABLE, on=month.ends_on, currency=currency),
            revenue_minor=sum(sold.get(each, 0) for each in (month, month.before, month.before.before)),
        )
        for month in months
    ]


def outstanding_by_now(month: Month, *, currency: str, owed_minor: int) -> Outstanding:
    """Return days of sales outstanding at the end of a month that is over, from what is owed at this moment.

    What is owed now less what was booked since is what was owed then. Both are read from the tallies of each month: no
    book and no invoice is.
    """
    since = month.before.before.starts_on
    months = [each for each in tallies.by_day("booked", since=since) if each.currency == currency]
    later = [each for each in months if each.day and each.day > month.ends_on]
    return Outstanding(
        month=month,
        since=since,
        receivable_minor=owed_minor - sum(each.due_minor for each in later),
        revenue_minor=sum(each.total_minor for each in months if each not in later),
    )


def _grouped(source: Source, *by: str) -> dict[tuple[Any, Any], Sum]:
    columns = [*by, "true"][:2]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(columns)}, count(*), sum(amount_minor)::bigint, sum(base_minor)::bigint"  # noqa: S608
            f" FROM {source.rows} GROUP BY 1, 2",
            source.parameters,
        )
        return {(row[0], row[1]): Sum(*row[2:]) for row in cursor.fetchall()}
