"""What was found, as one line each: what it is, where it stands, how much, and whose."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from uuid import UUID

from django.urls import reverse

from accounts.permissions import Permission
from billing import finding
from billing.creditnotes.queries import CreditNoteRow
from billing.customers import queries as customers
from billing.customers.queries import CustomerRow
from billing.invoices.queries import InvoiceRow
from billing.quotes.queries import QuoteRow
from core import ids
from edge.request import Request
from payments import finding as paid
from payments import words
from payments.lists import DisputeRow, PaymentRow, RefundRow
from web.billing import rows
from web.kit import formats
from web.search import reach
from web.search.reach import Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One line. `status` is a kind and a state of web/kit/status.py; without an `id` it is a page, not a record."""

    kind: str
    title: str
    url: str
    icon: str
    detail: str = ""
    note: str = ""
    status: tuple[str, str] | None = None
    amount_minor: int | None = None
    currency: str = ""
    id: UUID | None = None
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Hits that belong together."""

    label: str
    hits: list[Hit]


def noted(hit: Hit, note: str) -> Hit:
    """Return a hit with a remark."""
    return replace(hit, note=note)


def invoice(row: InvoiceRow, slug: str, on: date) -> Hit:
    """Show an invoice."""
    shown = rows.row(row, slug=slug, on=on)
    return Hit(
        kind="Invoice", icon="invoice", title=shown.number, url=shown.url, detail=shown.customer,
        status=("invoice_standing", shown.standing), amount_minor=shown.total_minor, currency=shown.currency, id=row.id,
    )  # fmt: skip


def quote(row: QuoteRow, slug: str, on: date) -> Hit:
    """Show a quote."""
    url = reverse("billing:quote", args=[slug, ids.encode("quote", row.id)])
    return Hit(
        kind="Quote", icon="invoice", title=row.number or "Draft quote", url=url, detail=row.customer_name,
        status=("quote", row.status), amount_minor=row.total_minor, currency=row.currency, id=row.id,
    )  # fmt: skip


def credit_note(row: CreditNoteRow, slug: str, on: date) -> Hit:
    """Show a credit note; it has no state but that it was issued."""
    url = reverse("billing:credit_note", args=[slug, ids.encode("credit_note", row.id)])
    return Hit(
        kind="Credit note", icon="refund", title=row.number, url=url, detail=row.customer_name,
        note=f"Issued {formats.day(row.issued_on)}", amount_minor=row.total_minor, currency=row.currency, id=row.id,
    )  # fmt: skip


def customer(row: CustomerRow, slug: str, on: date) -> Hit:
    """Show a customer."""
    url = reverse("billing:customer", args=[slug, ids.encode("customer", row.id)])
    return Hit(
        kind="Customer", icon="customers", title=row.name, url=url, detail=row.reference or row.email,
        status=("customer", row.state), id=row.id,
    )  # fmt: skip


def payment(row: PaymentRow, slug: str, on: date) -> Hit:
    """Show a payment."""
    url = reverse("payments:payment", args=[slug, ids.encode("payment", row.id)])
    day = formats.day(row.received_on or row.succeeded_at or row.created_at)
    return Hit(
        kind="Payment", icon="payment", title=f"{words.method(row.method, row.brand, row.last4)}, {day}", url=url,
        detail=row.customer_name, status=("payment", row.state), amount_minor=row.captured_minor or row.amount_minor,
        currency=row.currency, id=row.id,
    )  # fmt: skip


def refund(row: RefundRow, slug: str, on: date) -> Hit:
    """Show a refund."""
    url = reverse("payments:refund", args=[slug, ids.encode("refund", row.id)])
    return Hit(
        kind="Refund", icon="refund", title=f"Refund of {formats.day(row.created_at)}", url=url,
        detail=row.customer_name, status=("refund", row.state), amount_minor=row.amount_minor, currency=row.currency,
        id=row.id,
    )  # fmt: skip


def dispute(row: DisputeRow, slug: str, on: date) -> Hit:
    """Show a dispute."""
    url = reverse("payments:dispute", args=[slug, ids.encode("dispute", row.id)])
    return Hit(
        kind="Dispute", icon="warning", title=f"Dispute of {formats.day(row.opened_at)}", url=url,
        detail=row.customer_name, status=("dispute", row.state), amount_minor=row.amount_minor, currency=row.currency,
        id=row.id,
    )  # fmt: skip


def _customers(found: Collection[UUID], within: Collection[UUID] | None) -> list[CustomerRow]:
    return customers.rows_of(each for each in found if within is None or each in within)


@dataclass(frozen=True, slots=True)
class Noun:
    """How records of a kind are read by their ids, who may, and how one is shown."""

    permission: Permission
    granted: bool
    read: Callable[[Collection[UUID], Collection[UUID] | None], Iterable[object]]
    show: Callable[..., Hit]


P = Permission
NOUNS: Mapping[str, Noun] = MappingProxyType(
    {
        "invoice": Noun(
            P.INVOICE_READ, True, lambda found, within: finding.invoices(found, within=within), invoice
        ),
        "customer": Noun(P.CUSTOMER_READ, True, _customers, customer),
        "payment": Noun(P.PAYMENT_READ, False, lambda found, within: paid.payments(found), payment),
        "quote": Noun(P.INVOICE_READ, False, lambda found, within: finding.quotes(found), quote),
        "credit_note": Noun(
            P.INVOICE_READ, False, lambda found, within: finding.credit_notes_of(found), credit_note
        ),
        "refund": Noun(P.PAYMENT_READ, False, lambda found, within: paid.refunds(found), refund),
        "dispute": Noun(P.PAYMENT_READ, False, lambda found, within: paid.disputes(found), dispute),
    }
)


def may(request: Request, kind: str) -> Reach | None:
    """Return how far somebody may read records of a kind of NOUNS."""
    noun = NOUNS[kind]
    return reach.of_permission(request, noun.permission, granted=noun.granted)


def by_ids(request: Request, wanted: Iterable[tuple[str, UUID]], *, slug: str) -> list[Hit]:
    """Show records in the order they are named; what may not be read, or is no more, is left out."""
    named = list(wanted)
    found: dict[tuple[str, UUID], Hit] = {}
    on = rows.today()
    for kind in dict.fromkeys(kind for kind, _ in named):
        allowed = may(request, kind)
        if allowed is None:
            continue
        keys = [key for each, key in named if each == kind]
        for row in NOUNS[kind].read(keys, allowed.within):
            hit = NOUNS[kind].show(row, slug, on)
            if hit.id is not None:
                found[kind, hit.id] = hit
    return [found[each] for each in named if each in found]
