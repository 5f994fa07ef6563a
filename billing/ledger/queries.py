"""Reading the books, and proving them anew from nothing but their rows and the invoices'."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from billing.ledger.models import LedgerEntry
from billing.ledger.rules import Account, Side
from tenancy import context


@dataclass(frozen=True, slots=True)
class BookError:
    """One thing that is wrong with the books: what, and of which record."""

    kind: str
    subject: str


# Each must be empty. `due` is what an imported document still asks for (BT-115).
_PROOFS = {
    "transaction_out_of_balance": """
        SELECT transaction_id FROM billing_ledgerentry WHERE tenant_id = %(tenant)s
        GROUP BY transaction_id, currency HAVING sum(amount_minor) <> 0""",
    "transaction_without_entries": """
        SELECT id FROM billing_ledgertransaction t WHERE tenant_id = %(tenant)s AND NOT EXISTS (
          SELECT 1 FROM billing_ledgerentry e WHERE e.tenant_id = t.tenant_id AND e.transaction_id = t.id)""",
    "invoice_without_posting": """
        SELECT i.id FROM billing_invoice i LEFT JOIN (
          SELECT invoice_id, count(*) FILTER (WHERE kind = 'invoice_finalized') AS ours,
            count(*) FILTER (WHERE kind = 'invoice_opening') AS theirs
          FROM billing_ledgertransaction
          WHERE tenant_id = %(tenant)s AND kind IN ('invoice_finalized', 'invoice_opening') GROUP BY invoice_id) AS t
          ON t.invoice_id = i.id
        WHERE i.tenant_id = %(tenant)s AND i.status <> 'draft'
          AND 1 <> coalesce(CASE WHEN i.imported_number IS NULL THEN t.ours ELSE t.theirs END, 0)""",
    "posting_of_draft": """
        SELECT t.id FROM billing_ledgertransaction t JOIN billing_invoice i
          ON i.tenant_id = t.tenant_id AND i.id = t.invoice_id
        WHERE t.tenant_id = %(tenant)s AND (i.status = 'draft'
          OR (i.status <> 'voided' AND t.kind = 'invoice_voided'))""",
    "void_without_reversal": """
        SELECT id FROM billing_invoice i WHERE tenant_id = %(tenant)s AND status = 'voided' AND 1 <> (
          SELECT count(*) FROM billing_ledgertransaction t
          WHERE t.tenant_id = i.tenant_id AND t.invoice_id = i.id AND t.kind = 'invoice_voided')""",
    "posting_differs_from_invoice": """
        SELECT i.id FROM billing_invoice i JOIN billing_ledgertransaction t
          ON t.tenant_id = i.tenant_id AND t.invoice_id = i.id
          AND t.kind IN ('invoice_finalized', 'invoice_opening', 'invoice_voided')
        CROSS JOIN LATERAL (
          SELECT coalesce(sum(amount_minor) FILTER (WHERE account = 'receivable'), 0) AS receivable,
                 coalesce(sum(amount_minor) FILTER (WHERE account IN ('revenue', 'customer_deposits')), 0) AS revenue,
                 coalesce(sum(amount_minor) FILTER (WHERE account = 'tax'), 0) AS tax,
                 coalesce(sum(amount_minor) FILTER (WHERE account = 'rounding'), 0) AS rounded,
                 coalesce(sum(amount_minor) FILTER (WHERE account = 'opening_balance'), 0) AS opening,
                 coalesce(bool_and(currency = i.currency AND customer_id = i.customer_id), false) AS own
          FROM billing_ledgerentry e WHERE e.tenant_id = t.tenant_id AND e.transaction_id = t.id) AS posted
        CROSS JOIN LATERAL (SELECT CASE t.kind WHEN 'invoice_voided' THEN -1 ELSE 1 END AS sign,
          i.imported_number IS NULL AS ours,
          i.total_minor + i.rounding_minor - i.prepaid_minor AS due) AS wanted
        WHERE i.tenant_id = %(tenant)s AND NOT (own
          AND receivable = sign * due AND rounded = -sign * CASE WHEN ours THEN i.rounding_minor ELSE 0 END
          AND revenue = -sign * CASE WHEN ours THEN i.subtotal_minor ELSE 0 END
          AND tax = -sign * CASE WHEN ours THEN i.tax_minor ELSE 0 END
          AND opening = -sign * CASE WHEN ours THEN 0 ELSE due END)""",
    "paid_differs_from_allocations": """
        SELECT i.id FROM billing_invoice i LEFT JOIN (
          SELECT invoice_id, sum(amount_minor) AS held FROM billing_allocation
          WHERE tenant_id = %(tenant)s GROUP BY invoice_id) AS a ON a.invoice_id = i.id
        WHERE i.tenant_id = %(tenant)s AND i.amount_paid_minor <> coalesce(a.held, 0)""",
    "credit_differs_from_entries": """
        SELECT b.id FROM billing_creditbalance b LEFT JOIN (
          SELECT customer_id, currency, sum(amount_minor) AS held FROM billing_creditentry
          WHERE tenant_id = %(tenant)s GROUP BY customer_id, currency) AS e USING (customer_id, currency)
        WHERE b.tenant_id = %(tenant)s AND b.amount_minor <> coalesce(e.held, 0)""",
    "credit_differs_from_ledger": """
        SELECT coalesce(e.customer_id, l.customer_id) FROM (
          SELECT customer_id, currency, sum(amount_minor) AS held FROM billing_creditentry
          WHERE tenant_id = %(tenant)s GROUP BY customer_id, currency) AS e
        FULL JOIN (
          SELECT customer_id, currency, -sum(amount_minor) AS held FROM billing_ledgerentry
          WHERE tenant_id = %(tenant)s AND account = 'customer_credit' GROUP BY customer_id, currency) AS l
          USING (customer_id, currency)
        WHERE coalesce(e.held, 0) <> coalesce(l.held, 0)""",
    "receivable_differs_from_invoices": """
        SELECT coalesce(i.customer_id, l.customer_id) FROM (
          SELECT customer_id, currency, sum(amount_due_minor) AS due FROM billing_invoice
          WHERE tenant_id = %(tenant)s AND status <> 'draft' GROUP BY customer_id, currency) AS i
        FULL JOIN (
          SELECT customer_id, currency, sum(amount_minor) AS due FROM billing_ledgerentry
          WHERE tenant_id = %(tenant)s AND account = 'receivable' GROUP BY customer_id, currency) AS l
          USING (customer_id, currency)
        WHERE coalesce(i.due, 0) <> coalesce(l.due, 0)""",
    # Of each month: what was invoiced without tax, and what that and everything since moved of what is owed.
    "months_differ_from_tallies": """
        SELECT coalesce(b.month, t.month) FROM (
          SELECT e.currency, date_trunc('month', t.booked_on)::date AS month,
            -coalesce(sum(e.amount_minor) FILTER (WHERE e.account IN ('revenue', 'customer_deposits')), 0) AS sold,
            coalesce(sum(e.amount_minor) FILTER (WHERE e.account = 'receivable'), 0) AS owed
          FROM billing_ledgertransaction t
          JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
          WHERE t.tenant_id = %(tenant)s GROUP BY 1, 2) AS b
        FULL JOIN (
          SELECT currency, day AS month, sum(total_minor) AS sold, sum(due_minor) AS owed FROM billing_tally
          WHERE tenant_id = %(tenant)s AND noun = 'booked' GROUP BY 1, 2) AS t USING (currency, month)
        WHERE (coalesce(b.sold, 0), coalesce(b.owed, 0)) <> (coalesce(t.sold, 0), coalesce(t.owed, 0))""",
}


def prove(kind: str, sql: str) -> None:
    """Add a proof of another app to the books' own: a query on `%(tenant)s` that must find nothing."""
    _PROOFS[kind] = sql


def check() -> list[BookError]:
    """Prove the books of the organization in scope; an empty list is the proof."""
    found: list[BookError] = []
    with connection.cursor() as cursor:
        for kind, sql in _PROOFS.items():
            cursor.execute(sql, {"tenant": context.current_tenant()})
            found.extend(BookError(kind, str(row[0])) for row in cursor.fetchall())
    return found


def count_transactions() -> int:
    """Count the transactions of the organization in scope, for the proof's report (no page does this)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM billing_ledgertransaction WHERE tenant_id = %s", [context.current_tenant()]
        )
        return int(cursor.fetchone()[0])


def sides_of(*, invoice_id: UUID, kind: str) -> list[Side]:
    """Return what was posted for an invoice, to be taken back."""
    rows = LedgerEntry.objects.filter(transaction__invoice_id=invoice_id, transaction__kind=kind)
    return [Side(row.account, row.amount_minor) for row in rows.order_by("id")]


def sides_of_source(*, source_id: UUID, kind: str) -> list[Side]:
    """Return what was posted for something outside billing, to be taken back."""
    rows = LedgerEntry.objects.filter(transaction__source_id=source_id, transaction__kind=kind)
    return [Side(row.account, row.amount_minor) for row in rows.order_by("id")]


def receivable(*, customer_id: UUID) -> dict[str, int]:
    """Return what a customer owes by the books, in minor units by currency."""
    totals: dict[str, int] = {}
    for currency, amount in LedgerEntry.objects.filter(
        account=Account.RECEIVABLE, customer_id=customer_id
    ).values_list("currency", "amount_minor"):
        totals[currency] = totals.get(currency, 0) + amount
    return totals
