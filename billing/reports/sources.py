"""The rows of every report, as SQL. A figure is a sum over a source; the page behind its link lists the same source.

Each source gives `day, id, noun, subject, number, customer_id, key, amount_minor, base_minor`: `noun` and `subject` say
what the row is, `key` what the report groups by, `base_minor` what tax was computed on. `(day, id)` orders the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from billing.reports.rules import AGES
from tenancy import context

# What was owed on a day: what is owed now, less what was booked to receivables after it. Money books without an
# invoice; where it went say the allocations of the same payment and moment. That of a dispute that was lost, or won
# after all, carries the dispute's name: there the customer and the moment tell.
_OWED = """
WITH later AS MATERIALIZED (
  SELECT t.kind, t.at, t.invoice_id, t.source_id, t.customer_id, e.amount_minor
  FROM billing_ledgertransaction t
  JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
    AND e.account = 'receivable' AND e.currency = %(currency)s
  WHERE t.tenant_id = %(tenant)s::uuid AND t.booked_on > %(on)s::date
), moved AS (
  SELECT invoice_id, sum(amount_minor) AS amount_minor FROM (
    SELECT invoice_id, amount_minor FROM later WHERE invoice_id IS NOT NULL
    UNION ALL
    SELECT a.invoice_id, -a.amount_minor FROM later
    JOIN billing_allocation a ON a.tenant_id = %(tenant)s::uuid AND a.customer_id = later.customer_id
      AND a.at = later.at AND a.currency = %(currency)s AND NOT a.from_credit
      AND (a.payment_id = later.source_id OR (later.kind LIKE 'dispute%%' AND NOT EXISTS (
        SELECT FROM billing_ledgertransaction o
        WHERE o.tenant_id = a.tenant_id AND o.source_id = a.payment_id AND o.at = a.at)))
    WHERE later.invoice_id IS NULL
  ) AS parts GROUP BY invoice_id
)
SELECT coalesce(i.due_on, i.issued_on) AS day, i.id, 'invoice' AS noun, i.id AS subject, i.number, i.customer_id,
  {age} AS key, (i.amount_due_minor - coalesce(m.amount_minor, 0))::bigint AS amount_minor, 0::bigint AS base_minor
FROM billing_invoice i LEFT JOIN moved m ON m.invoice_id = i.id
WHERE i.tenant_id = %(tenant)s::uuid AND i.currency = %(currency)s AND i.status <> 'draft'
  AND (i.amount_due_minor <> 0 OR m.invoice_id IS NOT NULL)
  AND i.amount_due_minor <> coalesce(m.amount_minor, 0)
"""
# What was invoiced, voided and credited in some days, by the day it was booked. What an imported document said was
# booked elsewhere.
_BOOKED = """
SELECT t.booked_on AS day, {id} AS id, 'invoice' AS noun, i.id AS subject, i.number, t.customer_id, {key} AS key,
  CASE t.kind WHEN 'invoice_voided' THEN -1 ELSE 1 END * {amount} AS amount_minor,
  CASE t.kind WHEN 'invoice_voided' THEN -1 ELSE 1 END * {base} AS base_minor
FROM billing_ledgertransaction t
JOIN billing_invoice i ON i.tenant_id = t.tenant_id AND i.id = t.invoice_id AND i.imported_number IS NULL
  AND i.currency = %(currency)s
JOIN {parts} p ON p.tenant_id = i.tenant_id AND p.invoice_id = i.id {more}
WHERE t.tenant_id = %(tenant)s::uuid AND t.booked_on BETWEEN %(since)s::date AND %(until)s::date
  AND t.kind IN ('invoice_finalized', 'invoice_voided')
UNION ALL
SELECT t.booked_on, {id}, 'credit_note', n.id, n.number, t.customer_id, {note_key}, -{amount}, -{base}
FROM billing_ledgertransaction t
JOIN billing_creditnote n ON n.tenant_id = t.tenant_id AND n.id = t.source_id AND n.imported_number IS NULL
  AND n.currency = %(currency)s
JOIN {note_parts} p ON p.tenant_id = n.tenant_id AND p.credit_note_id = n.id {note_more}
WHERE t.tenant_id = %(tenant)s::uuid AND t.booked_on BETWEEN %(since)s::date AND %(until)s::date
  AND t.kind = 'credit_note_issued'
"""
_PRODUCT = "LEFT JOIN billing_price c ON c.tenant_id = p.tenant_id AND c.id = {of}.price_id"
_TO_PRODUCT = "coalesce(c.product_id::text, 'other')"
_RATE = "p.category || ':' || trim_scale(p.percentage)::text || CASE p.name WHEN '' THEN '' ELSE ':' || p.name END"
_LINES = _BOOKED.format(
    id="p.id",
    key=_TO_PRODUCT,
    note_key=_TO_PRODUCT,
    amount="p.net_minor",
    base="0::bigint",
    parts="billing_invoiceline",
    note_parts="billing_creditnoteline",
    more=_PRODUCT.format(of="p"),
    note_more="LEFT JOIN billing_invoiceline o ON o.tenant_id = p.tenant_id AND o.id = p.invoice_line_id "
    + _PRODUCT.format(of="o"),
)
_TAXES = _BOOKED.format(
    id="p.id",
    key=_RATE,
    note_key=_RATE,
    amount="p.tax_minor",
    base="p.base_minor",
    parts="billing_invoicetax",
    note_parts="billing_creditnotetax",
    more="",
    note_more="",
)
_CASH = """
SELECT t.booked_on AS day, e.id, 'ledger_transaction' AS noun, t.id AS subject, t.kind AS number, t.customer_id,
  e.account AS key, e.amount_minor, 0::bigint AS base_minor
FROM billing_ledgertransaction t
JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
  AND e.account IN ('bank', 'gateway') AND e.currency = %(currency)s
WHERE t.tenant_id = %(tenant)s::uuid AND t.booked_on BETWEEN %(since)s::date AND %(until)s::date
"""


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of a report, perhaps narrowed; nothing but constants is ever part of the statement."""

    sql: str
    values: Mapping[str, Any]
    where: tuple[str, ...] = ()
    narrowed: Mapping[str, Any] = field(default_factory=dict)

    def of(self, **wanted: Any) -> "Source":
        """Narrow to rows of one `key`, one `customer_id`, some days (`since`, `until`) or one `sign`."""
        clauses, values = list(self.where), dict(self.narrowed)
        for name, value in wanted.items():
            if value in (None, ""):
                continue
            clauses.append(_NARROW[name])
            values[f"only_{name}"] = value
        return Source(self.sql, self.values, tuple(clauses), values)

    @property
    def rows(self) -> str:
        """The rows as a table."""
        where = f" WHERE {' AND '.join(self.where)}" if self.where else ""
        return f"(SELECT * FROM ({self.sql}) AS whole{where}) AS source"  # noqa: S608  constants only

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of the statement."""
        return {"tenant": context.current_tenant(), **self.values, **self.narrowed}


_NARROW = {
    "key": "whole.key = %(only_key)s",
    "customer_id": "whole.customer_id = %(only_customer_id)s",
    "since": "whole.day >= %(only_since)s",
    "until": "whole.day <= %(only_until)s",
    "sign": "sign(whole.amount_minor) = %(only_sign)s",
}


def _age(on: str) -> str:
    late = f"({on} - i.due_on)"
    whens = [f"WHEN {late} <= {last} THEN '{age}'" for age, last in AGES.items() if last is not None]
    oldest = next(age for age, last in AGES.items() if last is None)
    return f"CASE WHEN i.due_on IS NULL THEN 'current' {' '.join(whens)} ELSE '{oldest}' END"


def owed(*, on: date, currency: str) -> Source:
    """What was open of each invoice at the end of a day; the key is its age."""
    return Source(_OWED.format(age=_age("%(on)s::date")), {"on": on, "currency": currency})


def revenue(*, since: date, until: date, currency: str) -> Source:
    """Every line that earned or took back something, without tax; the key is its product, or "other"."""
    return Source(_LINES, {"since": since, "until": until, "currency": currency})


def tax(*, since: date, until: date, currency: str) -> Source:
    """Every tax of a document; the key is category, percentage and name."""
    return Source(_TAXES, {"since": since, "until": until, "currency": currency})


def cash(*, since: date, until: date, currency: str) -> Source:
    """Everything that came to the bank or the payment provider, or left; the key is the account."""
    return Source(_CASH, {"since": since, "until": until, "currency": currency})
