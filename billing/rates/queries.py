"""Reading rates: of a day, or of the last one before it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Q

from billing.issuer.models import Issuer
from billing.rates.models import ExchangeRate
from billing.rates.rules import DAYS_BACK, ExchangeRateMissing, written
from core.errors import NotFound
from tenancy import context
from tenancy.models import only


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """One entry; the latest of a day is the one that counts."""

    id: UUID
    valid_on: date
    from_currency: str
    to_currency: str
    rate: Decimal
    source: str
    created_by: UUID | None
    created_at: datetime

    @property
    def rate_written(self) -> str:
        """The rate with the digits it has."""
        return written(self.rate)


def base_currency() -> str:
    """Return the currency the books of the organization in scope are kept in."""
    return str(Issuer.objects.values_list("currency", flat=True).first() or "EUR")


def rate_on(day: date, *, currency: str, base: str) -> Decimal:
    """Return what a unit of a currency was worth in another on a day, or on the last one before it that has a rate.

    Raises:
        ExchangeRateMissing: there is none within seven days.
    """
    if currency == base:
        return Decimal(1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT billing_rate(%s::uuid, %s, %s, %s::date)", [context.current_tenant(), currency, base, day]
        )
        found: Decimal | None = cursor.fetchone()[0]
    if found is None:
        raise ExchangeRateMissing(
            f"There is no exchange rate from {currency} to {base} for {day.isoformat()} or the {DAYS_BACK} days "
            "before it. Enter one, or upload the rates of that month."
        )
    return found


def rates_for(currencies: Iterable[str], on: date) -> dict[str, Decimal | None]:
    """Return what stands as `exchange_rate` in transactions of a day, by currency; `post` fills in the same.

    None: the books' own currency. Zero: there is no rate yet, and it is owed.
    """
    wanted = sorted(set(currencies))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.currency, billing_rate_for(%s::uuid, c.currency, %s::date) "
            "FROM unnest(%s::text[]) AS c (currency)",
            [context.current_tenant(), on, wanted],
        )
        return dict(cursor.fetchall())


def rates(
    *,
    currency: str = "",
    source: str = "",
    until: date | None = None,
    after: tuple[date, UUID] | None = None,
    limit: int = 50,
) -> list[RateRow]:
    """List entries, the latest day first; `after` is day and id of the last row of the page before."""
    rows = ExchangeRate.objects.order_by("-valid_on", "-id")
    if currency:
        rows = rows.filter(Q(from_currency=currency) | Q(to_currency=currency))
    if source:
        rows = rows.filter(source=source)
    if until is not None:
        rows = rows.filter(valid_on__lte=until)
    if after is not None:
        day, last = after
        rows = rows.filter(valid_on__lte=day).filter(Q(valid_on__lt=day) | Q(id__lt=last))
    return [_row(row) for row in rows[:limit]]


def entered(
    *, currency: str = "", after: UUID | None = None, limit: int = 50
) -> tuple[list[RateRow], UUID | None]:
    """List entries as they were made, the latest first, and where the next page begins."""
    rows = ExchangeRate.objects.order_by("-id")
    if currency:
        rows = rows.filter(Q(from_currency=currency) | Q(to_currency=currency))
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = [_row(row) for row in rows[: limit + 1]]
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def entry(rate_id: UUID) -> RateRow:
    """Return one entry.

    Raises:
        NotFound
    """
    row = only(ExchangeRate.objects.filter(pk=rate_id))
    if row is None:
        raise NotFound
    return _row(row)


def rates_owed() -> dict[str, int]:
    """Count what was booked in foreign currencies without a rate, by currency (few: a month is not closed before)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT currency, count(*) FROM ("
            " SELECT t.id, min(e.currency) AS currency FROM billing_ledgertransaction t"
            " JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id"
            " WHERE t.tenant_id = %s AND t.exchange_rate = 0 GROUP BY t.id) AS owed"
            " GROUP BY currency ORDER BY currency",
            [context.current_tenant()],
        )
        return {currency: int(count) for currency, count in cursor.fetchall()}


def _row(row: ExchangeRate) -> RateRow:
    return RateRow(
        id=row.pk,
        valid_on=row.valid_on,
        from_currency=row.from_currency,
        to_currency=row.to_currency,
        rate=row.rate,
        source=row.source,
        created_by=row.created_by,
        created_at=row.created_at,
    )
