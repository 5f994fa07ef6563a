"""Reading what paid an invoice, and what a customer has in credit."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from billing.settlement.models import Allocation, CreditBalance


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationRow:
    """Money on an invoice, or taken off it (below zero), in minor units."""

    id: UUID
    invoice_id: UUID
    payment_id: UUID | None
    from_credit: bool
    currency: str
    amount_minor: int
    booked_on: date


def allocations(*, invoice_id: UUID | None = None, payment_id: UUID | None = None) -> list[AllocationRow]:
    """Return the allocations of an invoice or of a payment, the oldest first."""
    rows = Allocation.objects.order_by("id")
    if invoice_id is not None:
        rows = rows.filter(invoice_id=invoice_id)
    if payment_id is not None:
        rows = rows.filter(payment_id=payment_id)
    names = ("id", "invoice_id", "payment_id", "from_credit", "currency", "amount_minor", "booked_on")
    return [AllocationRow(**row) for row in rows.values(*names)]


def credit(*, customer_id: UUID) -> dict[str, int]:
    """Return a customer's credit in minor units by currency; currencies without any are left out."""
    rows = CreditBalance.objects.filter(customer_id=customer_id, amount_minor__gt=0)
    return {row.currency: row.amount_minor for row in rows.order_by("currency")}
