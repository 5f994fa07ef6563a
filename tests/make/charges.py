"""A planner of single charges, plain enough to see through: what the engine of a run promises is tried with it.

`python -m tests.make.charges TENANT RUN` works on a run in a process of its own, which a test may kill.
"""

import sys
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from billing.invoices.rules import LineInput
from billing.runs.rules import Fact, PlannedInvoice, PlannedOtherwise
from core import ids

_DUE = """
WITH who AS (
  SELECT DISTINCT customer_id FROM billing_pendingcharge
  WHERE tenant_id = %(tenant)s AND billed_at IS NULL AND withdrawn_at IS NULL AND due_on <= %(on)s
    AND customer_id > %(after)s ORDER BY customer_id LIMIT %(limit)s
)
SELECT c.customer_id, c.currency, c.id, c.description, c.quantity, c.unit_amount, c.due_on
FROM billing_pendingcharge c JOIN who USING (customer_id)
WHERE c.tenant_id = %(tenant)s AND billed_at IS NULL AND withdrawn_at IS NULL AND due_on <= %(on)s
ORDER BY c.customer_id, c.currency, c.id
"""
_CLAIM = """
INSERT INTO billing_billedperiod (tenant_id, id, customer_id, charge_id, invoice_id, kind, period_from, period_to,
  revision, from_on, to_on, quantity, amount_minor, at)
SELECT %(tenant)s, uuidv7(), f.customer, f.charge, f.invoice, 'charge', f.day, f.day, 0, f.day, f.day, 1, 0, %(at)s
FROM unnest(%(customers)s::uuid[], %(charges)s::uuid[], %(invoices)s::uuid[], %(days)s::date[])
  AS f (customer, charge, invoice, day)
ORDER BY f.charge
ON CONFLICT DO NOTHING RETURNING charge_id
"""


class Charges:
    """Bills each customer's charges of one currency together; all of them at one tax rate."""

    def __init__(self, tax_rate_id: UUID | None = None) -> None:
        self.tax_rate_id = tax_rate_id
        self._lines: dict[object, LineInput] = {}

    def due(self, on: date, after: UUID | None, limit: int) -> list[PlannedInvoice]:
        from django.db import connection

        from billing.subscriptions.models import PendingCharge
        from crypto import rows
        from tenancy import context

        values = {"tenant": context.current_tenant(), "on": on, "after": after or UUID(int=0), "limit": limit}
        with connection.cursor() as cursor:
            cursor.execute(_DUE, values)
            found = cursor.fetchall()
        read = rows.opener(PendingCharge, "description")
        planned = []
        for (customer, currency), group in groupby(found, key=lambda row: row[:2]):
            charges = list(group)
            planned.append(
                PlannedInvoice(
                    customer_id=customer,
                    currency=currency,
                    lines=tuple(self._line(read(row[2], row[3]), row[4], row[5]) for row in charges),
                    facts=tuple(
                        Fact(kind="charge", subject_id=row[2], period_from=row[6]) for row in charges
                    ),
                )
            )
        return planned

    def count(self, on: date) -> int:
        return sum(1 for _ in self.due(on, None, 1_000_000))

    def _line(self, text: str, quantity: Decimal, amount: Decimal) -> LineInput:
        key = (text, quantity, amount)
        if key not in self._lines:
            self._lines[key] = LineInput(
                description=text, unit_amount=amount, quantity=quantity, tax_rate_id=self.tax_rate_id
            )
        return self._lines[key]

    def claim(
        self, rows: Sequence[tuple[UUID | None, PlannedInvoice]], *, at: datetime
    ) -> list[PlannedInvoice]:
        from django.db import connection

        from tenancy import context

        pairs = [(invoice, item, fact) for invoice, item in rows for fact in item.facts]
        values = {
            "tenant": context.current_tenant(),
            "at": at,
            "customers": [item.customer_id for _, item, _ in pairs],
            "charges": [fact.subject_id for _, _, fact in pairs],
            "invoices": [invoice for invoice, _, _ in pairs],
            "days": [fact.period_from for _, _, fact in pairs],
        }
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, values)
            taken = {row[0] for row in cursor.fetchall()}
            cursor.execute(
                "UPDATE billing_pendingcharge SET billed_at = %s WHERE tenant_id = %s AND id = ANY(%s)",
                [at, context.current_tenant(), list(taken)],
            )
        refused = []
        for _, item in rows:
            mine = [fact.subject_id in taken for fact in item.facts]
            if not all(mine):
                if any(mine):
                    raise PlannedOtherwise
                refused.append(item)
        return refused


def charge(
    customer_id: UUID,
    *,
    at: datetime,
    on: date,
    amount: str = "10.00",
    text: str = "Setup",
    currency: str = "EUR",
):
    """Keep a charge for a customer's next invoice."""
    from billing.subscriptions.models import PendingCharge

    return PendingCharge(
        id=ids.uuid7(), customer_id=customer_id, currency=currency, description=text, quantity=Decimal(1),
        unit_amount=Decimal(amount), due_on=on, created_at=at,
    )  # fmt: skip


def main(tenant_id: str, run_id: str) -> None:
    """Work on a run as the worker would."""
    import django

    django.setup()
    from billing.runs import services
    from core import clock
    from core.actor import Actor

    services.work(
        tenant_id=UUID(tenant_id),
        run_id=UUID(run_id),
        actor=Actor.system("tests"),
        clock=clock.now,
        planner=Charges(),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
