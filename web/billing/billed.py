"""How far a quote is billed, as its pages show it."""

from typing import Any

from django.urls import reverse

from billing.documents.papers import TITLES
from billing.quotes import parts
from billing.quotes.queries import QuoteDetail
from core import ids


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
