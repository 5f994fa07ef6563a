"""The use cases of invoices."""

from billing.invoices.services.drafts import ImportedContentFixed, create_draft, discard_draft, update_draft
from billing.invoices.services.finals import (
    InvoiceDisputed,
    InvoiceHasPayments,
    InvoiceNotFinalized,
    InvoiceWithoutLines,
    PaymentUnderWay,
    finalize,
    void,
)
from billing.invoices.services.rows import DueBeforeIssued, InvoiceNotDraft

__all__ = [
    "DueBeforeIssued",
    "ImportedContentFixed",
    "InvoiceDisputed",
    "InvoiceHasPayments",
    "InvoiceNotDraft",
    "InvoiceNotFinalized",
    "InvoiceWithoutLines",
    "PaymentUnderWay",
    "create_draft",
    "discard_draft",
    "finalize",
    "update_draft",
    "void",
]
