"""The trial balance: what each account holds on a day, in each currency and in the books' own.

A balance begins at the last month that was closed by then and adds what was booked since. In the books' own currency
the sides of a transaction are the steps of a running sum that ends at zero, rounded at each step: so they balance to
the last unit, whatever the rate, and no account for rounding is needed. What customers owe comes first and what is
owed to tax offices last in that sum, so that both are worth exactly their amount at the rate.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from billing.periods.models import AccountingPeriod, LedgerBalance
from billing.periods.rules import Month
from billing.rates.queries import base_currency
from tenancy import context
from tenancy.models import only

_BEGINNING = date(1, 1, 1)

# %(base)s is the books' own currency. A rate that is owed counts as nothing until it is known.
WORTH = """
SELECT s.transaction_id, s.id, s.account, s.currency, s.customer_id, s.amount_minor,
  CASE WHEN s.currency = %(base)s THEN s.amount_minor ELSE
    (round(s.run * s.worth) - round((s.run - s.amount_minor) * s.worth))::bigint END AS base_minor
FROM (
  SELECT e.*, billing_minor_rate(coalesce(t.exchange_rate, 1), e.currency, %(base)s) AS worth,
    sum(e.amount_minor) OVER (PARTITION BY e.transaction_id, e.currency
      ORDER BY (e.account <> 'receivable'), (e.account = 'tax'), e.id) AS run
  FROM {source} AS t JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
) AS s"""
_DURING = """(
    SELECT tenant_id, id, exchange_rate FROM billing_ledgertransaction
    WHERE tenant_id = %(tenant)s::uuid AND booked_on > %(after)s AND booked_on <= %(until)s AND exchange_rate {which}
  )"""
_SINCE = f"""
SELECT account, currency, sum(amount_minor)::bigint, sum(base_minor)::bigint FROM (
  SELECT e.account, e.currency, sum(e.amount_minor) AS amount_minor, sum(e.amount_minor) AS base_minor
  FROM {_DURING.format(which="IS NULL")} AS t
  JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
  GROUP BY e.account, e.currency
  UNION ALL
  SELECT w.account, w.currency, sum(w.amount_minor), sum(w.base_minor)
  FROM ({WORTH.format(source=_DURING.format(which="IS NOT NULL"))}) AS w GROUP BY w.account, w.currency
) AS parts GROUP BY account, currency
"""  # noqa: S608  constants only


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account holds in a currency: debits above zero, credits below; the same in the books' own currency."""

    account: str
    currency: str
    amount_minor: int
    base_minor: int


@dataclass(frozen=True, slots=True)
class Trial:
    """All accounts on a day. Each currency sums to zero, and so does the whole in the books' own."""

    until: date
    base: str
    rows: list[Balance]
    owed: dict[str, int]

    def sums(self) -> dict[str, int]:
        """Return what each currency sums to: nothing, or the books are wrong."""
        sums: dict[str, int] = {}
        for row in self.rows:
            sums[row.currency] = sums.get(row.currency, 0) + row.amount_minor
        return sums

    def base_sum(self) -> int:
        """Return what all sum to in the books' own currency: nothing, or the books are wrong."""
        return sum(row.base_minor for row in self.rows)


def last_closed(until: date) -> Month | None:
    """Return the last closed month that ended by a day."""
    month = Month.of(until)
    before = month.next.starts_on if until == month.ends_on else month.starts_on
    rows = AccountingPeriod.objects.filter(state=AccountingPeriod.State.CLOSED, starts_on__lt=before)
    found = only(rows.order_by("-starts_on"))
    return None if found is None else Month(found.starts_on)


def balances(until: date) -> list[Balance]:
    """Return what each account holds at the end of a day, by currency."""
    closed = last_closed(until)
    sums: dict[tuple[str, str], list[int]] = {}
    if closed is not None:
        rows = LedgerBalance.objects.filter(period__starts_on=closed.starts_on)
        _add(sums, rows.values_list("account", "currency", "amount_minor", "base_minor"))
    values: dict[str, Any] = {
        "tenant": context.current_tenant(),
        "base": base_currency(),
        "after": _BEGINNING if closed is None else closed.ends_on,
        "until": until,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SINCE, values)
        _add(sums, cursor.fetchall())
    return [
        Balance(account=account, currency=currency, amount_minor=amount, base_minor=base)
        for (account, currency), (amount, base) in sorted(sums.items())
        if amount or base
    ]


def trial(until: date) -> Trial:
    """Return the trial balance at the end of a day."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT currency, count(*) FROM (SELECT min(e.currency) AS currency FROM billing_ledgertransaction t"
            " JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id"
            " WHERE t.tenant_id = %s AND t.exchange_rate = 0 AND t.booked_on <= %s GROUP BY t.id) AS owed"
            " GROUP BY currency",
            [context.current_tenant(), until],
        )
        owed = {currency: int(count) for currency, count in cursor.fetchall()}
    return Trial(until, base_currency(), balances(until), owed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """What was debited and credited in a currency during some days."""

    currency: str
    debit_minor: int
    credit_minor: int


def turnover(*, since: date, until: date) -> list[Turnover]:
    """Add up debits and credits of some days, by currency: what a journal of those days must come to."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.currency, coalesce(sum(e.amount_minor) FILTER (WHERE e.amount_minor > 0), 0)::bigint,"
            " coalesce(-sum(e.amount_minor) FILTER (WHERE e.amount_minor < 0), 0)::bigint"
            " FROM billing_ledgertransaction t JOIN billing_ledgerentry e"
            " ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id"
            " WHERE t.tenant_id = %s AND t.booked_on BETWEEN %s AND %s GROUP BY e.currency ORDER BY e.currency",
            [context.current_tenant(), since, until],
        )
        return [
            Turnover(currency=currency, debit_minor=debit, credit_minor=credit)
            for currency, debit, credit in cursor.fetchall()
        ]


def _add(sums: dict[tuple[str, str], list[int]], rows: Iterable[tuple[str, str, int, int]]) -> None:
    for account, currency, amount, base in rows:
        held = sums.setdefault((account, currency), [0, 0])
        held[0] += int(amount)
        held[1] += int(base)
