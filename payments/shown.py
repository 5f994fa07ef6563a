"""One payment whole: what it paid, each try to move its money, and what it did to the books."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from billing.customers import queries as customers
from billing.invoices.models import Invoice
from billing.ledger.models import LedgerEntry, LedgerTransaction
from billing.settlement import services as settlement
from billing.settlement.models import Allocation
from core.errors import NotFound
from payments import lists
from payments.lists import DisputeRow, PaymentRow, Place, RefundRow
from payments.models import Attempt, Dispute, Payment, PaymentNote, Refund

_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What of a payment lies on one invoice, in minor units."""

    invoice_id: UUID
    number: str
    amount_minor: int
    due_minor: int
    booked_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt to move the money."""

    number: int
    state: str
    reference: str
    failure_code: str
    declines: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One side of a transaction in the books; a debit is above zero."""

    kind: str
    booked_on: date
    account: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Why somebody decided something."""

    kind: str
    text: str
    written_by: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDetail:
    """One payment with everything that hangs on it."""

    row: PaymentRow
    remittance: str
    notes: tuple[Note, ...]
    credit_minor: int
    held: tuple[Held, ...]
    tries: tuple[Try, ...]
    refunds: tuple[RefundRow, ...]
    disputes: tuple[DisputeRow, ...]
    postings: tuple[Posting, ...]


def payment(payment_id: UUID) -> PaymentDetail:
    """Return one payment.

    Raises:
        NotFound: there is none.
    """
    found: Payment | None = Payment.objects.filter(pk=payment_id).first()
    if found is None:
        raise NotFound
    (row,) = lists.payment_rows([found])
    refunds = lists.refunds(place=Place(limit=_MOST), payment_id=found.pk).rows
    disputes = lists.disputes(place=Place(limit=_MOST), payment_id=found.pk).rows
    sources = [found.pk, *(each.id for each in refunds), *(each.id for each in disputes)]
    return PaymentDetail(
        row=row,
        remittance=found.remittance or "",
        notes=tuple(_notes(found.pk)),
        credit_minor=settlement.credit_of(payment_id=found.pk),
        held=tuple(_held(found.pk)),
        tries=tuple(_tries(found.pk)),
        refunds=tuple(refunds),
        disputes=tuple(disputes),
        postings=tuple(_postings(sources)),
    )


def refund(refund_id: UUID) -> tuple[RefundRow, str]:
    """Return one refund and its reason in words.

    Raises:
        NotFound: there is none.
    """
    found: Refund | None = Refund.objects.select_related("payment").filter(pk=refund_id).first()
    if found is None:
        raise NotFound
    return lists.refund_row(found, customers.names([found.customer_id])), found.reason or ""


def dispute(dispute_id: UUID) -> tuple[DisputeRow, str]:
    """Return one dispute and the evidence that was sent.

    Raises:
        NotFound: there is none.
    """
    found: Dispute | None = Dispute.objects.filter(pk=dispute_id).first()
    if found is None:
        raise NotFound
    return lists.dispute_row(found, customers.names([found.customer_id])), found.evidence or ""


def _held(payment_id: UUID) -> list[Held]:
    """Sum the allocations of a payment by invoice; what was taken off again is no longer there."""
    on: dict[UUID, int] = {}
    booked: dict[UUID, date] = {}
    for row in Allocation.objects.filter(payment_id=payment_id).order_by("id"):
        on[row.invoice_id] = on.get(row.invoice_id, 0) + row.amount_minor
        booked[row.invoice_id] = row.booked_on
    columns = ("id", "number", "amount_due_minor")
    invoices = {row["id"]: row for row in Invoice.objects.filter(pk__in=on).values(*columns)}
    return [
        Held(
            invoice_id=invoice_id,
            number=invoices[invoice_id]["number"] or "",
            amount_minor=amount,
            due_minor=invoices[invoice_id]["amount_due_minor"],
            booked_on=booked[invoice_id],
        )
        for invoice_id, amount in on.items()
        if amount
    ]


def _tries(payment_id: UUID) -> list[Try]:
    columns = ("number", "state", "reference", "failure_code", "declines", "created_at", "updated_at")
    rows = Attempt.objects.filter(payment_id=payment_id).order_by("number").values(*columns)
    return [Try(**row) for row in rows]


def _notes(payment_id: UUID) -> list[Note]:
    rows = PaymentNote.objects.filter(payment_id=payment_id).order_by("id")
    return [Note(kind=row.kind, text=row.text or "", written_by=row.written_by, at=row.at) for row in rows]


def _postings(sources: list[UUID]) -> list[Posting]:
    transactions = {row.pk: row for row in LedgerTransaction.objects.filter(source_id__in=sources)}
    entries = LedgerEntry.objects.filter(transaction_id__in=transactions).order_by(
        "transaction_id", "-amount_minor"
    )
    return [
        Posting(
            kind=transactions[entry.transaction_id].kind,
            booked_on=transactions[entry.transaction_id].booked_on,
            account=entry.account,
            amount_minor=entry.amount_minor,
        )
        for entry in entries
    ]
