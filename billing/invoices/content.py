"""What a finalized document says: its parties, copied, and a keyed digest that proves nothing has changed."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.customers.models import Customer
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.issuer.models import Issuer, Rounding
from billing.tax.rules import plain
from core import canonical
from crypto import blindindex
from tenancy import context

_COLUMNS = (
    "number", "imported_number", "currency", "issued_on", "due_on", "subtotal_minor", "tax_minor",
    "total_minor", "prepaid_minor", "rounding_minor", "seller", "buyer", "references", "note",
)  # fmt: skip
_SELLER = (
    "name", "address", "tax_id", "tax_number", "email", "phone", "endpoint_id", "endpoint_scheme", "contact_name",
    "registration",
)  # fmt: skip
_BUYER = (
    "name", "address", "tax_id", "email", "reference", "endpoint_id", "endpoint_scheme", "buyer_reference",
)  # fmt: skip
_LINE = (
    "position", "kind", "description", "quantity", "unit_code", "unit_amount", "price_base_quantity",
    "net_exact", "net_minor", "tax_category", "tax_percentage", "adjustments",
)  # fmt: skip
_TAX = ("category", "percentage", "base_minor", "tax_minor", "reason")
# What came later stands in a digest where it says something, so that older documents keep theirs.
_LATER_COLUMNS = ("tax_rule", "role", "quote_id", "plan_id")
_LATER_LINE = (
    "gross_minor", "tax_exact", "tax_components", "price_id", "period_from", "period_to", "deducts_id",
)  # fmt: skip
_LATER_TAX = ("name", "tax_exact", "reason_code")


def seller_of(issuer: Issuer) -> dict[str, Any]:
    """Copy the issuer onto a document."""
    values = {name: getattr(issuer, name) for name in _SELLER}
    return {name: value for name, value in values.items() if value}


def buyer_of(customer: Customer) -> dict[str, Any]:
    """Copy the customer onto a document: what the document needs, not their notes."""
    values = {name: getattr(customer, name) for name in _BUYER}
    return {name: value for name, value in values.items() if value}


def digest(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Iterable[InvoiceTax]) -> bytes:
    """Return the keyed digest of a document's plaintext (HMAC-SHA-256 under the organization's index key)."""
    return keyed(plaintext(invoice, lines, taxes))


def plaintext(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Iterable[InvoiceTax]) -> str:
    """Return what a document says as canonical JSON."""
    content: dict[str, Any] = {
        "invoice": values_of(invoice, _COLUMNS) | _said(invoice, _LATER_COLUMNS) | _rounding(invoice),
        "id": str(invoice.pk),
        "lines": [
            values_of(line, _LINE) | _said(line, _LATER_LINE)
            for line in sorted(lines, key=lambda line: line.position)
        ],
        "taxes": sorted(
            (values_of(tax, _TAX) | _said(tax, _LATER_TAX) for tax in taxes),
            key=lambda tax: (tax["category"], tax["percentage"], tax.get("name", "")),
        ),
    }
    return canonical.dumps(content).decode()


def keyed(text: str) -> bytes:
    """Return the keyed digest of a document's `plaintext`."""
    return bytes(
        blindindex.compute(
            tenant_id=context.current_tenant(), table="billing_invoice", column="content_digest", text=text
        )
    )


def values_of(row: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return the named values of a row as a digest reads them."""
    return {name: _plain(getattr(row, name)) for name in names}


def _said(row: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in values_of(row, names).items() if value not in (None, "")}


def _rounding(invoice: Invoice) -> dict[str, Any]:
    return {} if invoice.rounding == Rounding.DOCUMENT else {"rounding": invoice.rounding}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(plain(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value
