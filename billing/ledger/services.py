"""Posting to the books: one transaction with its entries, balanced or refused by the database."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from billing.ledger.models import LedgerAccount
from billing.ledger.rules import Account, Side
from core import ids
from core.errors import Refusal
from tenancy import context
from tenancy.context import use_case


class PostingOutOfBalance(Refusal):
    """A posting must balance."""

    code = "posting_out_of_balance"


# One statement for both tables: an invoice's budget of statements is small, and this is in every one of them.
_POST = """
WITH posting AS (
  INSERT INTO billing_ledgertransaction (tenant_id, id, kind, invoice_id, customer_id, source_id, booked_on, at)
  VALUES (%(tenant)s, %(id)s, %(kind)s, %(invoice)s, %(customer)s, %(source)s, %(booked_on)s, %(at)s)
  RETURNING tenant_id, id, customer_id
)
INSERT INTO billing_ledgerentry (tenant_id, id, transaction_id, customer_id, account, currency, amount_minor)
SELECT posting.tenant_id, side.id, posting.id, posting.customer_id, side.account, %(currency)s, side.amount
FROM posting,
  unnest(%(entries)s::uuid[], %(accounts)s::text[], %(amounts)s::bigint[]) AS side (id, account, amount)
"""


@use_case
def open_accounts(*, at: datetime, codes: Sequence[str] = tuple(Account)) -> None:
    """Open the accounts that are not open yet."""
    LedgerAccount.objects.bulk_create(
        [LedgerAccount(code=str(code), created_at=at) for code in codes], ignore_conflicts=True
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
) -> UUID:
    """Write one transaction and its entries, and return its id. The caller records the event that caused it.

    `source_id` is what outside billing caused it: the same kind from the same source can be posted once.

    Raises:
        PostingOutOfBalance: the sides do not sum to zero, or there are fewer than two.
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
    }
    with connection.cursor() as cursor:
        cursor.execute(_POST, values)
    return posting
