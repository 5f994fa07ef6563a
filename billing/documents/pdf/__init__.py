"""Documents as PDF. Give `invoice` or `receipt` plain values; they know no database and want no transaction."""

import json

from billing.documents.pdf import attaching, compiler, reports, values
from billing.documents.pdf.documents import (
    MOST_LINES,
    BankDetails,
    CreditNoteDocument,
    InvoiceDocument,
    Line,
    Logo,
    Look,
    Mark,
    Moved,
    PaidInvoice,
    Party,
    ReceiptDocument,
    ReportDocument,
    ReportTable,
    StatementDocument,
    Tax,
    TooManyForPaper,
)
from billing.issuer.rules import Layout
from core import primitives

MEDIA_TYPE = "application/pdf"

__all__ = [
    "MEDIA_TYPE",
    "MOST_LINES",
    "BankDetails",
    "CreditNoteDocument",
    "InvoiceDocument",
    "Layout",
    "Line",
    "Logo",
    "Look",
    "Mark",
    "Moved",
    "PaidInvoice",
    "Party",
    "ReceiptDocument",
    "ReportDocument",
    "ReportTable",
    "StatementDocument",
    "Tax",
    "TooManyForPaper",
    "credit_note",
    "invoice",
    "receipt",
    "report",
    "statement",
    "version",
    "version_of_credit_note",
]


def invoice(document: InvoiceDocument, *, xml: bytes = b"") -> bytes:
    """Set an invoice as PDF/A-3a; the same document gives the same bytes. Call it outside any transaction.

    With `xml` it is Factur-X: the invoice as CII goes with it, and the metadata say so.
    """
    shown = values.of_invoice(document)
    made = compiler.to_pdf("invoice", shown, at=document.at, logo=document.logo, xml=xml)
    return attaching.name_it(made) if xml else made


def receipt(document: ReceiptDocument) -> bytes:
    """Set a receipt as PDF/A-3a; the same document gives the same bytes. Call it outside any transaction."""
    return compiler.to_pdf("receipt", values.of_receipt(document), at=document.at, logo=document.logo)


def credit_note(document: CreditNoteDocument) -> bytes:
    """Set a credit note as PDF/A-3a; the same document gives the same bytes. Call it outside any transaction."""
    return compiler.to_pdf("credit_note", values.of_credit_note(document), at=document.at, logo=document.logo)


def version_of_credit_note(document: CreditNoteDocument) -> str:
    """Name what a credit note would be, without setting it: two of one name are the same bytes."""
    logo = "" if document.logo is None else primitives.sha256(document.logo.content).hex()
    shown = values.of_credit_note(document)
    text = json.dumps([compiler.edition(), document.at.isoformat(), logo, shown], sort_keys=True)
    return primitives.sha256(text.encode()).hex()


def statement(document: StatementDocument) -> bytes:
    """Set a statement of account. Call it outside any transaction."""
    shown = reports.of_statement(document)
    return compiler.to_pdf("statement", shown, at=document.at, logo=document.logo)


def report(document: ReportDocument) -> bytes:
    """Set a report. Call it outside any transaction."""
    return compiler.to_pdf("report", reports.of_report(document), at=document.at, logo=document.logo)


def version(document: InvoiceDocument | ReceiptDocument) -> str:
    """Name what a document would be, without setting it: two of one name are the same bytes."""
    if isinstance(document, InvoiceDocument):
        shown = values.of_invoice(document)
    else:
        shown = values.of_receipt(document)
    logo = "" if document.logo is None else primitives.sha256(document.logo.content).hex()
    text = json.dumps([compiler.edition(), document.at.isoformat(), logo, shown], sort_keys=True)
    return primitives.sha256(text.encode()).hex()
