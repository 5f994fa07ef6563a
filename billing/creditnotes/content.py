"""What a credit note says: the invoice it corrects, and a keyed digest that proves nothing has changed."""

from collections.abc import Iterable, Sequence
from typing import Any

from billing.creditnotes.models import CreditNote, CreditNoteLine, CreditNoteTax
from billing.invoices.content import values_of
from billing.invoices.models import Invoice
from core import canonical
from crypto import blindindex
from tenancy import context

_COLUMNS = (
    "number", "imported_number", "currency", "issued_on", "reason_code", "reason", "subtotal_minor", "tax_minor",
    "total_minor", "prepaid_minor", "rounding_minor", "offset_minor", "credit_minor", "refund_minor", "seller",
    "buyer", "references", "note",
)  # fmt: skip
_LINE = (
    "position", "kind", "description", "quantity", "unit_code", "unit_amount", "price_base_quantity", "net_minor",
    "tax_category", "tax_percentage", "tax_components", "adjustments", "period_from", "period_to",
)  # fmt: skip
_TAX = ("category", "percentage", "name", "base_minor", "tax_minor", "reason", "reason_code")
# How a receiver files it stands on the credit note as it stood on the invoice; how the invoice was to be paid does not.
_KEPT = ("buyer_reference", "order", "sales_order", "contract", "project", "accounting")


def references_of(invoice: Invoice) -> dict[str, str]:
    """Name the invoice that is corrected (EN 16931 BG-3), with what it referred to."""
    given = invoice.references or {}
    kept = {name: given[name] for name in _KEPT if name in given}
    issued = {"invoice_issued_on": invoice.issued_on.isoformat()} if invoice.issued_on else {}
    return {**kept, "invoice": invoice.number or "", **issued}


def digest(note: CreditNote, lines: Sequence[CreditNoteLine], taxes: Iterable[CreditNoteTax]) -> bytes:
    """Return the keyed digest of a credit note's plaintext (HMAC-SHA-256 under the organization's index key)."""
    content: dict[str, Any] = {
        "credit_note": values_of(note, _COLUMNS),
        "id": str(note.pk),
        "lines": [values_of(line, _LINE) for line in sorted(lines, key=lambda line: line.position)],
        "taxes": sorted(
            (values_of(tax, _TAX) for tax in taxes),
            key=lambda tax: (tax["category"], tax["percentage"], tax["name"]),
        ),
    }
    text = canonical.dumps(content).decode()
    return bytes(
        blindindex.compute(
            tenant_id=context.current_tenant(), table="billing_creditnote", column="content_digest", text=text
        )
    )
