"""What a quote says, and how far it is billed, as pages show it."""

from decimal import Decimal
from typing import Any

from django.urls import reverse

from billing.deposits import services as deposits
from billing.documents.papers import TITLES
from billing.invoices.queries import InvoiceDetail
from billing.quotes import parts
from billing.quotes.queries import QuoteDetail
from core import ids
from web.billing import documents


def shown(found: QuoteDetail, *, slug: str) -> dict[str, Any]:
    """Return how far a quote is billed, for its page."""
    standing = parts.standing_of(found.id)
    return {
        "parts": [
            {
                "url": reverse("billing:invoice", args=[slug, ids.encode("invoice", part.invoice_id)]),
                "name": part.number or "Draft",
                "role": TITLES[part.role],
                "status": part.status,
                "amount_minor": part.stands_minor,
            }
            for part in standing.parts
        ],
        "billed_minor": found.total_minor - standing.left_minor,
        "left_minor": standing.left_minor,
        "currency": found.currency,
    }


def ahead(found: InvoiceDetail, *, slug: str) -> dict[str, Any]:
    """Return how far a draft is billed ahead, for its page."""
    standing = deposits.standing(found.id)
    return {
        "parts": [
            {
                "url": reverse("billing:invoice", args=[slug, ids.encode("invoice", each.pk)]),
                "name": each.number or "Draft",
                "role": TITLES[each.role],
                "status": each.status,
                "amount_minor": each.total_minor - each.noted_minor,
            }
            for each in standing.deposits
        ],
        "billed_minor": standing.planned_minor - standing.left_minor,
        "left_minor": standing.left_minor,
        "currency": found.currency,
        "is_taken_off": standing.is_taken_off,
    }


def document(found: QuoteDetail) -> documents.Document:
    """Return what a quote says, as the paper shows it."""
    buyer = documents.customer_party(found.customer_id)
    return documents.Document(
        seller=documents.issuer_party(),
        buyer=buyer,
        references=documents.worded([("Customer number", buyer.reference)] if buyer.reference else []),
        lines=documents.lines_of(found.lines, found.currency),
        taxes=[
            documents.Tax(
                label=tax["name"] or documents.rate(tax["category"], Decimal(tax["percentage"]), words=True),
                base_minor=tax["base_minor"],
                tax_minor=tax["tax_minor"],
            )
            for tax in found.taxes
        ],
        currency=found.currency,
        subtotal_minor=found.subtotal_minor,
        total_minor=found.total_minor,
        prepaid_minor=0,
        rounding_minor=0,
        paid_minor=0,
        due_minor=0,
        note=found.note,
    )


def totals(found: QuoteDetail) -> dict[str, Any]:
    """Return what a kept quote comes to, for the page that changes it."""
    return {
        "currency": found.currency,
        "subtotal_minor": found.subtotal_minor,
        "taxes": document(found).taxes,
        "payable_minor": found.total_minor,
        "unread": 0,
        "twins": [],
    }
