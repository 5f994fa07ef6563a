"""What the parts of an imported document become: rows that say what it says, to the minor unit."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from billing.creditnotes.models import CreditNote, CreditNoteLine, CreditNoteTax
from billing.documents.einvoice.document import Adjustment, Document, Period
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from core import days, money

_EXACT = Decimal(1).scaleb(-12)


def lines(document: Document, invoice: Invoice) -> list[InvoiceLine]:
    """Make the lines of an imported invoice."""
    rows = _line_rows(document)
    for position, row in enumerate(rows, start=1):
        row.invoice, row.customer_id, row.position = invoice, invoice.customer_id, position
    return rows


def _line_rows(document: Document) -> list[InvoiceLine]:
    """Lines as the document has them, then its own allowances and charges: together they are the subtotal."""
    rows = [
        InvoiceLine(
            description=line.text or line.identifier or "-",
            quantity=line.quantity.quantize(_EXACT, context=money.EXACT),
            unit_code=line.unit_code[:8],
            unit_amount=line.unit_amount.quantize(_EXACT, context=money.EXACT),
            price_base_quantity=line.price_base_quantity,
            net_exact=money.from_minor(line.net_minor, document.currency),
            net_minor=line.net_minor,
            tax_category=line.rate.category,
            tax_percentage=line.rate.percentage,
            adjustments=[_adjustment(item) for item in line.adjustments] or None,
            **_period(line.period),
        )
        for line in document.lines
    ]
    return rows + [_document_adjustment(item, document.currency) for item in document.adjustments]


def _period(period: Period | None) -> dict[str, date]:
    """Return a period as lines have it: half-open, both days or none."""
    if period is None or period.first is None or period.last is None or period.last < period.first:
        return {}
    days.check(period.first, field="period_from")
    days.check(period.last, field="period_to")
    return {"period_from": period.first, "period_to": period.last + timedelta(days=1)}


def _document_adjustment(item: Adjustment, currency: str) -> InvoiceLine:
    kind = InvoiceLine.Kind.CHARGE if item.is_charge else InvoiceLine.Kind.ALLOWANCE
    amount = money.from_minor(item.signed_minor, currency)
    return InvoiceLine(
        kind=kind,
        description=item.reason or str(kind.label),
        quantity=Decimal(1),
        unit_amount=amount,
        net_exact=amount,
        net_minor=item.signed_minor,
        tax_category=item.rate.category if item.rate else "O",
        tax_percentage=item.rate.percentage if item.rate else Decimal(0),
        adjustments=[_adjustment(item)],
    )


def _adjustment(item: Adjustment) -> dict[str, Any]:
    return {
        "is_charge": item.is_charge,
        "amount_minor": item.amount_minor,
        "reason": item.reason,
        "reason_code": item.reason_code,
        "percentage": None if item.percentage is None else str(item.percentage),
        "base_minor": item.base_minor,
    }


def taxes(document: Document, invoice: Invoice) -> list[InvoiceTax]:
    """Make the taxes of an imported invoice."""
    rows = _tax_rows(document)
    for row in rows:
        row.invoice, row.customer_id = invoice, invoice.customer_id
    return rows


def _tax_rows(document: Document) -> list[InvoiceTax]:
    """The document's own taxes, as its seller computed and declared them; one row a rate."""
    merged: dict[Any, InvoiceTax] = {}
    for item in document.taxes:
        row = merged.get(item.rate)
        if row is None:
            merged[item.rate] = InvoiceTax(
                category=item.rate.category,
                percentage=item.rate.percentage,
                base_minor=item.base_minor,
                tax_minor=item.tax_minor,
                reason=item.reason or None,
                reason_code=item.reason_code[:30],
            )
        else:
            row.base_minor += item.base_minor
            row.tax_minor += item.tax_minor
    return list(merged.values())


def credit_parts(document: Document, made: CreditNote) -> tuple[list[CreditNoteLine], list[CreditNoteTax]]:
    """Make a credit note's parts of what an invoice's would be."""
    names = ("kind", "description", "quantity", "unit_code", "unit_amount", "price_base_quantity", "net_minor",
             "tax_category", "tax_percentage", "adjustments", "period_from", "period_to")  # fmt: skip
    lines = [
        CreditNoteLine(
            credit_note=made,
            customer_id=made.customer_id,
            position=position,
            **{name: getattr(row, name) for name in names},
        )
        for position, row in enumerate(_line_rows(document), start=1)
    ]
    columns = ("category", "percentage", "base_minor", "tax_minor", "reason", "reason_code")
    taxes = [
        CreditNoteTax(
            credit_note=made,
            customer_id=made.customer_id,
            **{name: getattr(row, name) for name in columns},
        )
        for row in _tax_rows(document)
    ]
    return lines, taxes
