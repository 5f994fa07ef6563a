"""Reading accounts, their entries with a running balance, and transactions with what caused them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from billing.invoices.models import Invoice
from billing.ledger import trial
from billing.ledger.models import LedgerAccount, LedgerTransaction
from billing.ledger.rules import kind_of, title
from billing.rates.queries import base_currency
from billing.rates.rules import written
from core.errors import NotFound
from tenancy import context
from tenancy.models import only

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One account of the chart."""

    id: UUID
    code: str
    name: str
    type: str
    external_code: str
    state: str
    created_at: datetime

    @property
    def is_posted_to(self) -> bool:
        """Tell whether entries name it; others only name a rate of tax for the accountant."""
        return ":" not in self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One entry of an account, and what the account holds after it in the entry's currency."""

    id: UUID
    transaction_id: UUID
    kind: str
    booked_on: date
    customer_id: UUID | None
    invoice_id: UUID | None
    number: str
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Entries:
    """A page of entries, the oldest first; `opening_minor` is what the account held before the first of them."""

    rows: list[EntryRow]
    opening_minor: int
    after: tuple[date, UUID] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRow:
    """One side of a transaction, in its currency and in the books' own."""

    account: str
    currency: str
    amount_minor: int
    base_minor: int

    @property
    def credit_minor(self) -> int:
        """What is credited; nothing when it is a debit."""
        return max(-self.amount_minor, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionRow:
    """One transaction, what it belongs to, and its sides."""

    id: UUID
    kind: str
    booked_on: date
    at: datetime
    customer_id: UUID | None
    invoice_id: UUID | None
    number: str
    source_id: UUID | None
    exchange_rate: Decimal | None
    sides: list[SideRow]

    @property
    def rate_written(self) -> str:
        """The rate with the digits it has."""
        return "" if self.exchange_rate is None else written(self.exchange_rate)


def accounts(*, state: str = "") -> list[AccountRow]:
    """List the chart of accounts by code; it is short."""
    rows = LedgerAccount.objects.order_by("code")
    return [_account(row) for row in (rows.filter(state=state) if state else rows)]


def account_page(*, limit: int, after: str = "") -> tuple[list[AccountRow], str | None]:
    """List the chart of accounts by code from one code on, and where the next page begins."""
    found = [
        _account(row) for row in LedgerAccount.objects.filter(code__gt=after).order_by("code")[: limit + 1]
    ]
    return found[:limit], found[limit - 1].code if len(found) > limit else None


def account(account_id: UUID) -> AccountRow:
    """Return one account.

    Raises:
        NotFound
    """
    row = only(LedgerAccount.objects.filter(pk=account_id))
    if row is None:
        raise NotFound
    return _account(row)


def names() -> dict[str, str]:
    """Return what each account is called, by its code."""
    return {row.code: row.name for row in accounts()}


# In the order of days, a page from one place on; the index of days and ids leads.
_ENTRIES = """
SELECT e.id, t.id, t.kind, t.booked_on, e.customer_id, t.invoice_id, i.number, e.amount_minor
FROM billing_ledgertransaction t
JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
LEFT JOIN billing_invoice i ON i.tenant_id = t.tenant_id AND i.id = t.invoice_id
WHERE t.tenant_id = %(tenant)s::uuid AND t.booked_on BETWEEN %(since)s AND %(until)s
  AND (t.booked_on, t.id) > (%(day)s::date, %(last)s::uuid) AND e.account = %(account)s AND e.currency = %(currency)s
ORDER BY t.booked_on, t.id, e.id LIMIT %(limit)s
"""
_BEFORE = """
SELECT coalesce(sum(e.amount_minor), 0)::bigint FROM billing_ledgertransaction t
JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
WHERE t.tenant_id = %(tenant)s::uuid AND t.booked_on BETWEEN %(since)s AND %(day)s
  AND (t.booked_on, t.id) <= (%(day)s::date, %(last)s::uuid) AND e.account = %(account)s AND e.currency = %(currency)s
"""
_NOWHERE = UUID(int=0)


def entries(
    *,
    code: str,
    currency: str,
    since: date,
    until: date,
    after: tuple[date, UUID] | None = None,
    limit: int = PAGE,
) -> Entries:
    """List an account's entries in a currency from one day to another, with what it holds after each.

    `after` is day and transaction of the last row of the page before. What a page begins with is the balance of the
    day before, which begins at the last closed month.
    """
    day, last = after or (since, _NOWHERE)
    values: dict[str, Any] = {
        "tenant": context.current_tenant(),
        "account": code,
        "currency": currency,
        "since": since,
        "until": until,
        "day": day,
        "last": last,
        "limit": limit + 1,
    }
    held = [
        row
        for row in trial.balances(since - timedelta(days=1))
        if (row.account, row.currency) == (code, currency)
    ]
    opening = sum(row.amount_minor for row in held)
    with connection.cursor() as cursor:
        if after is not None:
            cursor.execute(_BEFORE, values)
            opening += int(cursor.fetchone()[0])
        cursor.execute(_ENTRIES, values)
        found = cursor.fetchall()
    rows, balance = [], opening
    for entry_id, transaction_id, kind, booked_on, customer_id, invoice_id, number, amount in found[:limit]:
        balance += amount
        rows.append(
            EntryRow(
                id=entry_id,
                transaction_id=transaction_id,
                kind=kind,
                booked_on=booked_on,
                customer_id=customer_id,
                invoice_id=invoice_id,
                number=number or "",
                amount_minor=amount,
                balance_minor=balance,
            )
        )
    more = len(found) > limit
    return Entries(rows, opening, (rows[-1].booked_on, rows[-1].transaction_id) if more else None)


def transaction(transaction_id: UUID) -> TransactionRow:
    """Return one transaction with its sides.

    Raises:
        NotFound
    """
    row = only(LedgerTransaction.objects.filter(pk=transaction_id))
    if row is None:
        raise NotFound
    return _with_sides([row])[0]


def transactions(
    *,
    kind: str = "",
    since: date | None = None,
    until: date | None = None,
    after: UUID | None = None,
    limit: int = PAGE,
) -> list[TransactionRow]:
    """List transactions with their sides, the latest written first; `after` is the last row of the page before."""
    rows = LedgerTransaction.objects.order_by("-id")
    if kind:
        rows = rows.filter(kind=kind)
    if since is not None:
        rows = rows.filter(booked_on__gte=since)
    if until is not None:
        rows = rows.filter(booked_on__lte=until)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    return _with_sides(list(rows[:limit]))


def by_ids(transaction_ids: Sequence[UUID]) -> list[TransactionRow]:
    """Return transactions with their sides, by day and then as they were written."""
    return _with_sides(
        list(LedgerTransaction.objects.filter(pk__in=transaction_ids).order_by("booked_on", "id"))
    )


_SIDES = f"""
SELECT w.transaction_id, w.account, w.currency, w.amount_minor, w.base_minor
FROM ({
    trial.WORTH.format(
        source="(SELECT tenant_id, id, exchange_rate FROM billing_ledgertransaction "
        "WHERE tenant_id = %(tenant)s::uuid AND id = ANY(%(ids)s::uuid[]))"
    )
}) AS w
ORDER BY w.transaction_id, w.id
"""  # noqa: S608  constants only


def _with_sides(rows: list[LedgerTransaction]) -> list[TransactionRow]:
    found: dict[UUID, list[SideRow]] = {row.pk: [] for row in rows}
    values: dict[str, Any] = {"tenant": context.current_tenant(), "base": base_currency(), "ids": list(found)}
    with connection.cursor() as cursor:
        cursor.execute(_SIDES, values)
        for transaction_id, code, currency, amount, base in cursor.fetchall():
            side = SideRow(account=code, currency=currency, amount_minor=amount, base_minor=base)
            found[transaction_id].append(side)
    invoiced = {row.invoice_id for row in rows if row.invoice_id}
    numbers = dict(Invoice.objects.filter(pk__in=invoiced).values_list("pk", "number"))
    return [
        TransactionRow(
            id=row.pk,
            kind=row.kind,
            booked_on=row.booked_on,
            at=row.at,
            customer_id=row.customer_id,
            invoice_id=row.invoice_id,
            number=numbers.get(row.invoice_id) or "",
            source_id=row.source_id,
            exchange_rate=row.exchange_rate,
            sides=found[row.pk],
        )
        for row in rows
    ]


def _account(row: LedgerAccount) -> AccountRow:
    return AccountRow(
        id=row.pk,
        code=row.code,
        name=row.name or title(row.code),
        # What the program posts to is what it is, whatever stands in a row of before.
        type=kind_of(row.code) if not row.name and ":" not in row.code else row.type,
        external_code=row.external_code,
        state=row.state,
        created_at=row.created_at,
    )
