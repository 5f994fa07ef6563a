"""Invoices as people read them: one word for where they stand, how late they are, where they lead."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.urls import reverse

from billing.invoices.chosen import midnight as midnight
from billing.invoices.queries import InvoiceRow
from billing.issuer import queries as issuers
from core import clock, ids
from web.kit import formats

_DUE_SOON = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One invoice in a table."""

    key: str
    url: str
    number: str
    is_draft: bool
    customer: str
    customer_id: UUID
    standing: str
    currency: str
    total_minor: int
    # As it is to be paid: rounded to a coin where that is so.
    payable_minor: int
    due_minor: int | None
    issued_on: date | None
    due_on: date | None
    late: str
    late_days: int
    slug: str

    @property
    def customer_url(self) -> str:
        """Where the customer stands: asked for on an invoice's own page, and not for each row of a list."""
        return reverse("billing:customer", args=[self.slug, ids.encode("customer", self.customer_id)])


def today() -> date:
    """Return the day it is where the organization is, by which invoices fall due."""
    return clock.today(issuers.time_zone())


def row(found: InvoiceRow, *, slug: str, on: date) -> Row:
    """Make an invoice readable on a day."""
    late = _late(found, on)
    key = ids.encode("invoice", found.id)
    return Row(
        key=key,
        url=reverse("billing:invoice", args=[slug, key]),
        number=found.number or (f"Draft {found.imported_number}" if found.imported_number else "Draft"),
        is_draft=found.number is None,
        customer=found.customer_name,
        customer_id=found.customer_id,
        standing=standing(found, on),
        currency=found.currency,
        total_minor=found.total_minor,
        payable_minor=found.payable_minor,
        due_minor=found.amount_due_minor if found.status == "finalized" else None,
        issued_on=found.issued_on,
        due_on=found.due_on,
        late=formats.count(late, "day") if late else "",
        late_days=late,
        slug=slug,
    )


def rows(found: Iterable[InvoiceRow], *, slug: str, on: date) -> list[Row]:
    """Make invoices readable on a day."""
    return [row(each, slug=slug, on=on) for each in found]


def standing(found: InvoiceRow, on: date) -> str:
    """Say in one word where an invoice stands: its document, its payment and its day together."""
    if found.status != "finalized":
        return found.status
    if found.amount_due_minor <= 0 and found.written_off_minor:
        return "written_off"
    if found.payment_status == "paid":
        return "credited" if found.credited_minor and not found.amount_paid_minor else "paid"
    if _late(found, on):
        return "overdue"
    if found.payment_status != "unpaid":
        return found.payment_status
    soon = found.due_on is not None and found.due_on <= on + _DUE_SOON
    return "due_soon" if soon else "open"


def told(standing: str) -> str:
    """Say to a customer where their invoice stands: that somebody has given it up is not theirs to read."""
    return "closed" if standing == "written_off" else standing


def _late(found: InvoiceRow, on: date) -> int:
    """Return by how many days an unpaid invoice is late; 0 when it is not."""
    if found.status != "finalized" or found.amount_due_minor <= 0 or found.due_on is None:
        return 0
    return max((on - found.due_on).days, 0)
