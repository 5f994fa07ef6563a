"""Documents as PDF. Give `invoice` or `receipt` plain values; they know no database and want no transaction."""

import json

from billing.documents.pdf import compiler, values
from billing.documents.pdf.documents import (
    BankDetails,
    InvoiceDocument,
    Line,
    Mark,
    PaidInvoice,
    Party,
    ReceiptDocument,
    Tax,
)
from core import primitives

MEDIA_TYPE = "application/pdf"

__all__ = [
    "MEDIA_TYPE",
    "BankDetails",
    "InvoiceDocument",
    "Line",
    "Mark",
    "PaidInvoice",
    "Party",
    "ReceiptDocument",
    "Tax",
    "invoice",
    "receipt",
    "version",
]


def invoice(document: InvoiceDocument) -> bytes:
    """Set an invoice as PDF/A-3a; the same document gives the same bytes. Call it outside any transaction."""
    return compiler.to_pdf("invoice", values.of_invoice(document), at=document.at)


def receipt(document: ReceiptDocument) -> bytes:
    """Set a receipt as PDF/A-3a; the same document gives the same bytes. Call it outside any transaction."""
    return compiler.to_pdf("receipt", values.of_receipt(document), at=document.at)


def version(document: InvoiceDocument | ReceiptDocument) -> str:
    """Name what a document would be, without setting it: two of one name are the same bytes."""
    if isinstance(document, InvoiceDocument):
        shown = values.of_invoice(document)
    else:
        shown = values.of_receipt(document)
    text = json.dumps([compiler.edition(), document.at.isoformat(), shown], sort_keys=True)
    return primitives.sha256(text.encode()).hex()
