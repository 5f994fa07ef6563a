"""Records that stay in the words in which they were made, because a law keeps them: which, by which, and until when.

An erasure leaves them alone (GDPR Article 17(3)(b): processing for compliance with a legal obligation). Everything
else that was typed can be taken out; a test holds this list against what PostgreSQL lets be written.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from compliance.retention.rules import DOCUMENT_YEARS
from tenancy.checks import policy_of

ARTICLE = "GDPR Article 17(3)(b)"
_PROOF_YEARS = 6
# Where the day stands from which a record is kept. Vouchers and letters of the books count from the end of the year.
_BOOKS = {
    "billing.CreditEntry": "at",
    "billing.CreditNote": "issued_on",
    "billing.CreditNoteLine": "credit_note.issued_on",
    "billing.CreditNoteTax": "credit_note.issued_on",
    "billing.DocumentFile": "made_at",
    "billing.Invoice": "issued_on",
    "billing.InvoiceLine": "invoice.issued_on",
    "billing.InvoiceMessage": "at",
    "billing.InvoiceTax": "invoice.issued_on",
    "billing.PendingCharge": "created_at",
    "billing.Quote": "issued_on",
    "billing.QuoteLine": "quote.issued_on",
    "billing.WriteOff": "at",
    "payments.PaymentNote": "at",
    "payments.Statement": "imported_at",
}
# Signed, or what somebody's record of training says they passed: evidence that other words would make worthless.
_PROOF = {
    "compliance.AccessLine": "review.signed_at",
    "compliance.AccessReview": "signed_at",
    "training.ModuleVersion": "published_at",
}
LABELS = frozenset({*_BOOKS, *_PROOF})


@dataclass(frozen=True, slots=True)
class Lasting:
    """Why a record keeps its words, and the last day it must."""

    article: str
    law: str
    until: date


def lasting(record: Any) -> Lasting | None:
    """Say what keeps a record's words, or None where they can be changed: of drafts, and of all that is not listed."""
    label = record._meta.label
    way = _BOOKS.get(label) or _PROOF.get(label)
    policy = policy_of(type(record))
    if way is None or policy is None:
        return None
    *parents, attribute = way.split(".")
    for parent in parents:
        record = getattr(record, parent)
    if getattr(record, "status", "") == "draft":
        return None
    # An offer withdrawn before it was given has no day of issue.
    moment: date | None = getattr(record, attribute) or getattr(record, "created_at", None)
    if moment is None:
        return None
    day = moment.date() if isinstance(moment, datetime) else moment
    years = DOCUMENT_YEARS if label in _BOOKS else _PROOF_YEARS
    return Lasting(article=ARTICLE, law=policy.legal_basis, until=date(day.year + years, 12, 31))
