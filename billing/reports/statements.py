"""Statements of account: what a customer owed, what moved it, and what they owe, from the ledger alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from billing.creditnotes.models import CreditNote
from billing.invoices.models import Invoice
from billing.reports import rules
from billing.reports.rules import Held
from core.errors import Refusal
from tenancy import context

# One sheet holds them; whoever has more takes a shorter time.
MOST_ROWS = 5_000
_ACCOUNTS = tuple(rules.Measure)
# By the kind of its transaction.
_WHAT = {
    "invoice_finalized": "invoice",
    "invoice_opening": "invoice",
    "invoice_voided": "voided",
    "credit_note_issued": "credit_note",
    "credit_note_opening": "credit_note",
    "invoice_written_off": "written_off",
    "invoice_reinstated": "reinstated",
    "credit_applied": "credit_applied",
    "allocation_released": "released",
    "credit_expired": "credit_expired",
    "refund_to_credit": "refund_kept",
    "payment_received": "payment",
    "payment_reversed": "payment_back",
    "dispute_lost": "payment_back",
    "dispute_reinstated": "payment",
    "dispute_reinstated_refund": "refund_back",
    "refund": "refund",
    "refund_returned": "refund_back",
}
WORDS = {
    "invoice": "Invoice",
    "voided": "Invoice voided",
    "credit_note": "Credit note",
    "written_off": "Written off",
    "reinstated": "Written off before, owed again",
    "credit_applied": "Credit applied",
    "released": "Payment moved to credit",
    "credit_expired": "Credit expired",
    "refund_kept": "Refund kept as credit",
    "payment": "Payment",
    "payment_back": "Payment returned",
    "refund": "Refund",
    "refund_back": "Refund came back",
    "other": "Other",
}


class StatementTooLong(Refusal):
    """More happened in this time than a statement holds. Take a shorter time."""

    code = "statement_too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One thing that happened: by how much it changes what the customer owes, and what they owe after it.

    `moved_minor` is its own amount where that differs, such as credit applied, which changes nothing in all.
    """

    transaction_id: UUID
    on: date
    what: str
    kind: str
    number: str
    invoice_id: UUID | None
    source_id: UUID | None
    amount_minor: int
    moved_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What happened between a customer and the organization in one currency."""

    customer_id: UUID
    currency: str
    since: date
    until: date
    opening_minor: int
    closing_minor: int
    credit_minor: int
    rows: tuple[Movement, ...]


_BEFORE = """
SELECT e.account, sum(e.amount_minor)::bigint
FROM billing_ledgertransaction t
JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
WHERE t.tenant_id = %(tenant)s::uuid AND t.customer_id = %(customer)s::uuid AND t.booked_on <= %(until)s::date
  AND e.currency = %(currency)s AND e.account = ANY(%(accounts)s)
GROUP BY e.account
"""
_DURING = """
SELECT t.id, t.booked_on, t.kind, t.invoice_id, t.source_id,
  coalesce(sum(e.amount_minor) FILTER (WHERE e.account = 'receivable'), 0)::bigint,
  coalesce(sum(e.amount_minor) FILTER (WHERE e.account = 'customer_credit'), 0)::bigint,
  coalesce(sum(e.amount_minor) FILTER (WHERE e.account = 'refunds'), 0)::bigint,
  greatest(
    sum(e.amount_minor) FILTER (WHERE e.amount_minor > 0 AND e.account = ANY(%(accounts)s)),
    -sum(e.amount_minor) FILTER (WHERE e.amount_minor < 0 AND e.account = ANY(%(accounts)s))
  )::bigint
FROM billing_ledgertransaction t
JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id AND e.currency = %(currency)s
WHERE t.tenant_id = %(tenant)s::uuid AND t.customer_id = %(customer)s::uuid
  AND t.booked_on BETWEEN %(since)s::date AND %(until)s::date
GROUP BY t.id, t.booked_on, t.kind, t.invoice_id, t.source_id
HAVING bool_or(e.account = ANY(%(accounts)s))
ORDER BY t.booked_on, t.id LIMIT %(most)s
"""


def held(*, customer_id: UUID, currency: str, until: date) -> Held:
    """Return what a customer's accounts hold at the end of a day."""
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, {**_values(customer_id, currency), "until": until})
        found = {account: int(amount) for account, amount in cursor.fetchall()}
    return Held(*(found.get(account, 0) for account in _ACCOUNTS))


def statement(*, customer_id: UUID, currency: str, since: date, until: date) -> Statement:
    """Write the statement of some days.

    Raises:
        StatementTooLong
    """
    opening = held(customer_id=customer_id, currency=currency, until=since - timedelta(days=1))
    values = {**_values(customer_id, currency), "since": since, "until": until, "most": MOST_ROWS + 1}
    with connection.cursor() as cursor:
        cursor.execute(_DURING, values)
        found = cursor.fetchall()
    if len(found) > MOST_ROWS:
        raise StatementTooLong
    movements = [Held(*row[5:8]) for row in found]
    steps = rules.running(opening, movements)
    numbers = _numbers(found)
    rows = tuple(
        Movement(
            transaction_id=row[0],
            on=row[1],
            what=what_of(row[2]),
            kind=row[2],
            number=numbers.get(row[4]) or numbers.get(row[3]) or "",
            invoice_id=row[3],
            source_id=row[4],
            amount_minor=amount,
            moved_minor=row[8],
            balance_minor=balance,
        )
        for row, (amount, balance) in zip(found, steps, strict=True)
    )
    closing = opening
    for movement in movements:
        closing = closing.plus(movement)
    return Statement(
        customer_id=customer_id,
        currency=currency,
        since=since,
        until=until,
        opening_minor=opening.balance_minor,
        closing_minor=closing.balance_minor,
        credit_minor=-closing.credit_minor,
        rows=rows,
    )


def currencies(*, customer_id: UUID) -> list[str]:
    """Return the currencies in which anything was booked for a customer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT e.currency FROM billing_ledgerentry e WHERE e.tenant_id = %(tenant)s::uuid"
            " AND e.account = ANY(%(accounts)s) AND e.customer_id = %(customer)s::uuid ORDER BY 1",
            _values(customer_id, ""),
        )
        return [row[0] for row in cursor.fetchall()]


def what_of(kind: str) -> str:
    """Say what a kind of transaction is to a customer."""
    return _WHAT.get(kind, "other")


def _numbers(found: Sequence[tuple]) -> dict[UUID, str]:  # type: ignore[type-arg]
    """Name the documents that moved something: a credit note is the source of its posting."""
    notes = {row[4] for row in found if row[2].startswith("credit_note")}
    bills = {row[3] for row in found if row[3] is not None}
    named = dict(Invoice.objects.filter(pk__in=bills).values_list("pk", "number"))
    if notes:
        named |= dict(CreditNote.objects.filter(pk__in=notes).values_list("pk", "number"))
    return named


def _values(customer_id: UUID, currency: str) -> dict[str, Any]:
    return {
        "tenant": context.current_tenant(),
        "customer": customer_id,
        "currency": currency,
        "accounts": [str(account) for account in _ACCOUNTS],
    }
