"""Reading what paid an invoice, and what a customer has in credit."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from billing.settlement.models import Allocation, CreditBalance, CreditEntry


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRow:
    """One movement of a customer's credit, in minor units: more (above zero) or less."""

    id: UUID
    payment_id: UUID | None
    credit_note_id: UUID | None
    currency: str
    amount_minor: int
    cause: str
    reason: str
    at: datetime


def entries(*, customer_id: UUID, limit: int = 100, after: UUID | None = None) -> list[CreditRow]:
    """Return the movements of a customer's credit, the last first, from behind `after`."""
    rows = CreditEntry.objects.filter(customer_id=customer_id).order_by("-id")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    return [
        CreditRow(
            id=row.pk,
            payment_id=row.payment_id,
            credit_note_id=row.credit_note_id,
            currency=row.currency,
            amount_minor=row.amount_minor,
            cause=row.cause,
            reason=row.reason or "",
            at=row.at,
        )
        for row in rows[:limit]
    ]


def credit(*, customer_id: UUID) -> dict[str, int]:
    """Return a customer's credit in minor units by currency; currencies without any are left out."""
    rows = CreditBalance.objects.filter(customer_id=customer_id, amount_minor__gt=0)
    return {row.currency: row.amount_minor for row in rows.order_by("currency")}
