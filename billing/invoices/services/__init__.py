"""The use cases of invoices."""

from billing.invoices.services.drafts import (
    ImportedContentFixed,
    QuotedContentFixed,
    SeriesUnfit,
    StackedTaxOnEInvoice,
    copy,
    create_draft,
    discard_draft,
    preview,
    update_draft,
)
from billing.invoices.services.finals import (
    InvoiceCredited,
    InvoiceDisputed,
    InvoiceHasPayments,
    InvoiceNotFinalized,
    InvoiceWithoutLines,
    InvoiceWrittenOff,
    PaymentUnderWay,
    RoundingChanged,
    finalize,
    void,
)
from billing.invoices.services.rows import DueBeforeIssued, InvoiceNotDraft

__all__ = [
    "DueBeforeIssued",
    "ImportedContentFixed",
    "InvoiceCredited",
    "InvoiceDisputed",
    "InvoiceHasPayments",
    "InvoiceNotDraft",
    "InvoiceNotFinalized",
    "InvoiceWithoutLines",
    "InvoiceWrittenOff",
    "PaymentUnderWay",
    "QuotedContentFixed",
    "RoundingChanged",
    "SeriesUnfit",
    "StackedTaxOnEInvoice",
    "copy",
    "create_draft",
    "discard_draft",
    "finalize",
    "preview",
    "update_draft",
    "void",
]
