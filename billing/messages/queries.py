"""Reading what was written about invoices."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Subquery

from billing.messages.models import InvoiceMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `answers` says that the organization wrote it."""

    id: UUID
    kind: str
    text: str
    author_id: UUID
    at: datetime
    answers: bool


def of_invoice(invoice_id: UUID) -> list[Message]:
    """Return what was written about an invoice, the first at the top."""
    rows = InvoiceMessage.objects.select_related("customer").filter(invoice_id=invoice_id).order_by("id")
    return [
        Message(
            id=row.pk,
            kind=row.kind,
            # Under the key of a person who was erased nothing can be read any more.
            text=str(row.text) if row.customer.subject_key is not None else "",
            author_id=row.author_id,
            at=row.at,
            answers=row.kind == InvoiceMessage.Kind.ANSWER,
        )
        for row in rows
    ]


def contested(invoice_ids: Collection[UUID]) -> set[UUID]:
    """Return which of these invoices their customer objects to, and has had no answer yet."""
    newest = InvoiceMessage.objects.filter(invoice_id=OuterRef("invoice_id")).order_by("-id").values("id")[:1]
    rows = InvoiceMessage.objects.filter(
        invoice_id__in=invoice_ids, kind=InvoiceMessage.Kind.OBJECTION, id=Subquery(newest)
    )
    return set(rows.values_list("invoice_id", flat=True))
