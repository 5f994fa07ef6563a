"""Which invoices money may be put onto, and a proposal how: the oldest debt first, no more than is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from billing.invoices.models import Invoice
from billing.settlement.rules import spread
from payments.models import Payment

MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvoice:
    """One invoice that waits for money, in minor units of its currency."""

    id: UUID
    number: str
    due_on: date | None
    due_minor: int
    disputed: bool


def open_invoices(*, customer_id: UUID, currency: str, first: UUID | None = None) -> list[OpenInvoice]:
    """Return a customer's open invoices of a currency, the oldest debt first; `first` stands before all."""
    columns = ("id", "number", "due_on", "amount_due_minor", "disputes_open")
    rows = (
        Invoice.objects.filter(
            customer_id=customer_id,
            currency=currency,
            status=Invoice.Status.FINALIZED,
            amount_due_minor__gt=0,
        )
        .order_by("due_on", "id")
        .values(*columns)[:MOST]
    )
    found = [
        OpenInvoice(
            id=row["id"],
            number=row["number"] or "",
            due_on=row["due_on"],
            due_minor=row["amount_due_minor"],
            disputed=row["disputes_open"] > 0,
        )
        for row in rows
    ]
    return sorted(found, key=lambda invoice: invoice.id != first)


def currencies(*, customer_id: UUID) -> list[str]:
    """Return the currencies in which a customer owes something."""
    rows = Invoice.objects.filter(
        customer_id=customer_id, status=Invoice.Status.FINALIZED, amount_due_minor__gt=0
    )
    return sorted(set(rows.values_list("currency", flat=True).order_by("currency").distinct()))


def propose(amount_minor: int, invoices: Sequence[OpenInvoice]) -> dict[UUID, int]:
    """Propose how an amount goes onto invoices, in their order; a disputed one is left out."""
    places = [(each.id, each.due_minor, each.due_minor) for each in invoices if not each.disputed]
    parts, _ = spread(amount_minor, places)
    return {part.id: part.amount_minor for part in parts}


def twin(*, customer_id: UUID, currency: str, amount_minor: int, received_on: date) -> UUID | None:
    """Return a bank payment of the same customer, day and amount: perhaps the same money, recorded twice."""
    rows = Payment.objects.filter(
        customer_id=customer_id,
        currency=currency,
        amount_minor=amount_minor,
        received_on=received_on,
        method=Payment.Method.BANK_TRANSFER,
        state=Payment.State.SUCCEEDED,
    )
    found: UUID | None = rows.order_by("-id").values_list("pk", flat=True).first()
    return found
