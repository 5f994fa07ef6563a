"""What the pages of the books share: words of kinds and accounts, months in addresses, where a transaction leads."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.urls import reverse

from billing.ledger.reading import TransactionRow
from billing.ledger.rules import title
from billing.periods.rules import Month
from core import ids
from core.errors import NotFound

# What happened, by the kind of its transaction.
KINDS = {
    "invoice_finalized": "Invoice finalized",
    "invoice_opening": "Imported invoice opened",
    "invoice_voided": "Invoice voided",
    "invoice_written_off": "Invoice written off",
    "invoice_reinstated": "Written-off invoice reinstated",
    "credit_note_issued": "Credit note issued",
    "credit_note_opening": "Imported credit note opened",
    "credit_applied": "Credit applied",
    "credit_expired": "Credit expired",
    "allocation_released": "Payment taken off an invoice",
    "payment_received": "Payment received",
    "payment_reversed": "Payment reversed",
    "refund_sent": "Refund sent",
}
_FX = {
    "fx_realised": "Exchange gain or loss on",
    "fx_revalued": "Valued",
    "fx_reversed": "Valuation taken back of",
}


@dataclass(frozen=True, slots=True)
class Source:
    """What caused a transaction, and its page."""

    label: str
    url: str


def kind(code: str) -> str:
    """Return what happened, in words."""
    first, _, rest = code.partition(":")
    if first in _FX:
        account, _, currency = rest.partition(":")
        return f"{_FX[first]} {title(account).lower()} in {currency}"
    return KINDS.get(code) or code.replace("_", " ").capitalize()


def month_of(text: str) -> Month:
    """Read a month of an address, such as 2026-08.

    Raises:
        NotFound: it is none.
    """
    try:
        return Month(date.fromisoformat(f"{text}-01"))
    except ValueError:
        raise NotFound from None


def source_of(slug: str, row: TransactionRow) -> Source | None:
    """Return the page of what caused a transaction, where there is one."""
    if row.invoice_id is not None:
        url = reverse("billing:invoice", args=[slug, ids.encode("invoice", row.invoice_id)])
        return Source(row.number or "The invoice", url)
    for prefix, noun, label in (("payment", "payment", "The payment"), ("refund", "refund", "The refund"),
                                ("dispute", "dispute", "The dispute")):  # fmt: skip
        if row.kind.startswith(prefix) and row.source_id is not None:
            return Source(label, reverse(f"payments:{noun}", args=[slug, ids.encode(noun, row.source_id)]))
    return None


def customer_url(slug: str, customer_id: UUID | None) -> str:
    """Return the page of a customer, or nothing."""
    return (
        ""
        if customer_id is None
        else reverse("billing:customer", args=[slug, ids.encode("customer", customer_id)])
    )
