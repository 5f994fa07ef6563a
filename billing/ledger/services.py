"""Posting to the books: one transaction with its entries, balanced or refused by the database."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from billing.ledger import rules
from billing.ledger.models import LedgerAccount, LedgerTransaction
from billing.ledger.rules import Account, Side
from billing.periods import queries as periods
from core import ids
from core.errors import Refusal
from tenancy import context
from tenancy.context import use_case


class PostingOutOfBalance(Refusal):
    """A posting must balance."""

    code = "posting_out_of_balance"


# One statement for both tables: an invoice's budget of statements is small, and this is in every one of them.
# The day is found first, under the lock that closing a month takes alone: no day, nothing is posted.
_POST = """
WITH day AS MATERIALIZED (
  SELECT billing_posting_day(%(tenant)s::uuid, %(booked_on)s::date, %(late_ok)s::boolean) AS booked_on
), posting AS (
  INSERT INTO billing_ledgertransaction
    (tenant_id, id, kind, invoice_id, customer_id, source_id, booked_on, at, exchange_rate)
  SELECT %(tenant)s::uuid, %(id)s::uuid, %(kind)s, %(invoice)s::uuid, %(customer)s::uuid, %(source)s::uuid,
    day.booked_on, %(at)s, coalesce(
      (SELECT t.exchange_rate FROM billing_ledgertransaction t WHERE t.tenant_id = %(tenant)s::uuid
       AND t.invoice_id = %(invoice)s::uuid AND t.kind IN ('invoice_finalized', 'invoice_opening')
       AND %(at_invoices_rate)s::boolean LIMIT 1),
      billing_rate_for(%(tenant)s::uuid, %(currency)s, day.booked_on))
  FROM day WHERE day.booked_on IS NOT NULL
  RETURNING tenant_id, id, customer_id, booked_on
), tallied AS (
  INSERT INTO billing_tally
    (tenant_id, id, noun, state, payment_status, currency, day, count, total_minor, due_minor)
  SELECT tenant_id, uuidv7(), 'booked', '', '', %(currency)s, date_trunc('month', booked_on)::date, 1,
    %(sold)s::bigint, %(owed)s::bigint
  FROM posting WHERE %(sold)s::bigint <> 0 OR %(owed)s::bigint <> 0
)
INSERT INTO billing_ledgerentry (tenant_id, id, transaction_id, customer_id, account, currency, amount_minor)
SELECT posting.tenant_id, side.id, posting.id, posting.customer_id, side.account, %(currency)s, side.amount
FROM posting,
  unnest(%(entries)s::uuid[], %(accounts)s::text[], %(amounts)s::bigint[]) AS side (id, account, amount)
RETURNING 1
"""


@use_case
def open_accounts(*, at: datetime, codes: Sequence[str] = tuple(Account)) -> None:
    """Open the accounts that are not open yet."""
    LedgerAccount.objects.bulk_create(
        [LedgerAccount(code=str(code), type=rules.kind_of(code), created_at=at) for code in codes],
        ignore_conflicts=True,
    )


@use_case
def post(
    *,
    kind: str,
    sides: Sequence[Side],
    currency: str,
    booked_on: date,
    at: datetime,
    customer_id: UUID | None = None,
    invoice_id: UUID | None = None,
    source_id: UUID | None = None,
    late_ok: bool = False,
    field: str = "booked_on",
    at_invoices_rate: bool = False,
) -> UUID:
    """Write one transaction and its entries, and return its id. The caller records the event that caused it.

    `source_id` is what outside billing caused it: the same kind from the same source can be posted once.
    `late_ok` is for what has happened whatever we think of it: in a closed month it is booked on the first open day,
    and its source keeps the day it happened. Anything else is refused, naming `field`. A foreign currency is worth
    what it was that day, or with `at_invoices_rate` what it was in the posting of the invoice that this takes back.

    Raises:
        PostingOutOfBalance: the sides do not sum to zero, or there are fewer than two.
        PeriodClosed: nothing more is booked in that month.
    """
    if len(sides) < 2 or sum(side.amount_minor for side in sides) != 0:
        raise PostingOutOfBalance
    posting = ids.uuid7()
    values: dict[str, Any] = {
        "tenant": context.current_tenant(),
        "id": posting,
        "kind": str(kind),
        "invoice": invoice_id,
        "customer": customer_id,
        "source": source_id,
        "booked_on": booked_on,
        "at": at,
        "currency": currency,
        "entries": [ids.uuid7() for _ in sides],
        "accounts": [str(side.account) for side in sides],
        "amounts": [side.amount_minor for side in sides],
        "late_ok": late_ok,
        "at_invoices_rate": at_invoices_rate,
        # What days of sales outstanding are made of, by month: a figure of every day that must read no book.
        "sold": -sum(side.amount_minor for side in sides if side.account in rules.SALES),
        "owed": sum(side.amount_minor for side in sides if side.account == Account.RECEIVABLE),
    }
    with connection.cursor() as cursor:
        cursor.execute(_POST, values)
        if not late_ok and cursor.fetchone() is None:
            raise periods.closed(booked_on, at=at, field=field)
    return posting


@use_case
def require_open(day: date, *, at: datetime, field: str) -> None:
    """Refuse a day that somebody chose in a month whose books are closed; until the commit it stays open.

    Raises:
        PeriodClosed
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT billing_posting_day(%s::uuid, %s::date, false)", [context.current_tenant(), day]
        )
        if cursor.fetchone()[0] is None:
            raise periods.closed(day, at=at, field=field)


def is_booked() -> bool:
    """Tell whether anything stands in the books."""
    return LedgerTransaction.objects.exists()
