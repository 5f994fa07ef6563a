"""Invoices and payments as their customer reads them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.creditnotes.queries import CreditNoteRow
from billing.documents import reference
from billing.invoices import lists as invoice_lists
from billing.invoices.queries import InvoiceRow
from core import ids, money
from payments import lists, words
from payments.services import collect
from web.billing import rows as invoice_rows
from web.kit import formats


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """An invoice in the portal. `room_minor` is what can be paid now: what is due and not on its way already."""

    id: UUID
    pk: str
    number: str
    url: str
    standing: str
    currency: str
    total_minor: int
    due_minor: int
    room_minor: int
    on_its_way_minor: int
    issued_on: date | None
    due_on: date | None
    late: str
    late_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A payment in the portal."""

    pk: str
    url: str
    state: str
    method: str
    currency: str
    amount_minor: int
    refunded_minor: int
    on: date | None
    begun_at: datetime


def bills(found: Sequence[InvoiceRow], *, slug: str) -> list[Bill]:
    """Write invoices, those that are late first, the oldest at the top."""
    on = invoice_rows.today()
    moving = collect.under_way([row.id for row in found])
    written = [_bill(row, slug=slug, on=on, moving=moving.get(row.id, 0)) for row in found]
    return sorted(written, key=lambda bill: (-bill.late_days, bill.due_on or date.max, bill.number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A credit note in the portal."""

    number: str
    url: str
    invoice: str
    issued_on: date
    currency: str
    total_minor: int


def notes(found: Sequence[CreditNoteRow], *, slug: str) -> list[Note]:
    """Write credit notes with the numbers of their invoices."""
    numbers = invoice_lists.numbers([row.invoice_id for row in found if row.invoice_id is not None])
    return [
        Note(
            number=row.number,
            url=reverse("portal:credit_note_pdf", args=[slug, ids.encode("credit_note", row.id)]),
            invoice=numbers.get(row.invoice_id, "") if row.invoice_id else "",
            issued_on=row.issued_on,
            currency=row.currency,
            total_minor=row.payable_minor,
        )
        for row in found
    ]


def _bill(found: InvoiceRow, *, slug: str, on: date, moving: int) -> Bill:
    row = invoice_rows.row(found, slug=slug, on=on)
    pk = ids.encode("invoice", found.id)
    due = found.amount_due_minor if found.status == "finalized" else 0
    return Bill(
        id=found.id,
        pk=pk,
        number=found.number or "",
        url=reverse("portal:invoice", args=[slug, pk]),
        standing="processing" if moving and moving >= due > 0 else invoice_rows.told(row.standing),
        currency=found.currency,
        total_minor=found.payable_minor,
        due_minor=due,
        room_minor=max(0, due - moving),
        on_its_way_minor=moving,
        issued_on=found.issued_on,
        due_on=found.due_on,
        late=row.late,
        late_days=row.late_days,
    )


def payments(found: Iterable[lists.PaymentRow], *, slug: str) -> list[Paid]:
    """Write payments."""
    return [
        Paid(
            pk=(pk := ids.encode("payment", row.id)),
            url=reverse("portal:payment", args=[slug, pk]),
            state=row.state,
            method=words.method(row.method, row.brand, row.last4),
            currency=row.currency,
            amount_minor=row.captured_minor or row.amount_minor,
            refunded_minor=row.refunded_minor,
            on=row.received_on or (row.succeeded_at.date() if row.succeeded_at else None),
            begun_at=row.created_at,
        )
        for row in found
    ]


def least_part(bill: Bill) -> int:
    """Return the smallest part of an invoice that may be paid: one major unit, or the rest when that is less."""
    return min(bill.room_minor, int(10 ** money.exponent(bill.currency)))


def label(chosen: Sequence[Bill], amounts: Sequence[int]) -> str:
    """Name the button by what it does: "Pay 3 invoices · €1,420.00"."""
    if not chosen or not any(amounts):
        return _("Choose what to pay")
    counted = [amount for amount in amounts if amount]
    total = formats.money(sum(counted), chosen[0].currency)
    if len(counted) == 1:
        return _("Pay %(amount)s") % {"amount": total}
    words = ngettext("Pay %(count)d invoice · %(total)s", "Pay %(count)d invoices · %(total)s", len(counted))
    return words % {"count": len(counted), "total": total}


def printed_reference(invoice_id: UUID) -> str:
    """Return what a customer writes beside a transfer for an invoice."""
    named = reference.references([invoice_id]).get(invoice_id, "")
    return reference.printed(named) if named else ""
