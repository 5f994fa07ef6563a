"""How payments, attempts, refunds and disputes may move: one table each. Pure.

Money that was asked for may arrive after we have given it up (a late webhook, a debit that took days), so an attempt
that failed or was canceled can still succeed; one that succeeded never becomes unknown again.
"""

from collections.abc import Mapping
from types import MappingProxyType

PAYMENT_MOVES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "pending": frozenset({"processing", "unknown", "succeeded", "failed", "canceled", "held"}),
        "processing": frozenset({"unknown", "succeeded", "failed", "canceled", "held"}),
        "unknown": frozenset({"pending", "processing", "succeeded", "failed", "canceled", "held"}),
        "succeeded": frozenset({"reversed"}),
        "failed": frozenset({"pending", "processing", "succeeded", "held"}),
        "canceled": frozenset({"processing", "succeeded", "held"}),
        "held": frozenset({"succeeded", "canceled"}),
        "reversed": frozenset(),
    }
)
ATTEMPT_MOVES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "created": frozenset(
            {"open", "requires_action", "processing", "unknown", "succeeded", "failed", "canceled", "held"}
        ),
        "open": frozenset(
            {"requires_action", "processing", "unknown", "succeeded", "failed", "canceled", "held"}
        ),
        "requires_action": frozenset(
            {"open", "processing", "unknown", "succeeded", "failed", "canceled", "held"}
        ),
        "processing": frozenset({"unknown", "succeeded", "failed", "canceled", "held"}),
        "unknown": frozenset(
            {"open", "requires_action", "processing", "succeeded", "failed", "canceled", "held"}
        ),
        "succeeded": frozenset(),
        "failed": frozenset({"processing", "succeeded", "held"}),
        "canceled": frozenset({"processing", "succeeded", "held"}),
        "held": frozenset({"succeeded", "canceled"}),
    }
)
# Money may still move, so the invoice cannot be voided and nobody may be charged a second time.
LIVE_ATTEMPTS = frozenset({"created", "open", "requires_action", "processing", "unknown"})
REFUND_MOVES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "pending_approval": frozenset({"pending", "declined"}),
        "pending": frozenset({"sent", "unknown", "succeeded", "failed", "canceled"}),
        "sent": frozenset({"unknown", "succeeded", "failed"}),
        "unknown": frozenset({"sent", "succeeded", "failed"}),
        # A bank may send a refund back weeks later.
        "succeeded": frozenset({"failed"}),
        "failed": frozenset(),
        "declined": frozenset(),
        "canceled": frozenset(),
    }
)
# These hold their amount: it cannot be refunded again.
REFUNDS_THAT_COUNT = frozenset({"pending_approval", "pending", "sent", "unknown", "succeeded"})
DISPUTE_MOVES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "needs_response": frozenset({"under_review", "won", "lost"}),
        "under_review": frozenset({"needs_response", "won", "lost"}),
        "won": frozenset(),
        "lost": frozenset({"won"}),
    }
)
