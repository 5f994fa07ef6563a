"""How payments, attempts, refunds and disputes may move: one table each. Pure.

Money that was asked for may arrive after we have given it up (a late webhook, a debit that took days), so an attempt
that failed or was canceled can still succeed; one that succeeded never becomes unknown again.
"""

from collections.abc import Mapping
from datetime import timedelta
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
        # A dispute that was lost may still be won.
        "reversed": frozenset({"succeeded"}),
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

# How long a call of ours may take before somebody looks whether it was made.
LEASE = timedelta(minutes=2)
# How long an attempt may wait for its page to be asked for.
UNOPENED = timedelta(hours=1)
# How long after a page has closed it is asked about: a payment made in its last moment may still be told.
PATIENCE = timedelta(minutes=2)
_FIRST_WAIT, _FIRST_PAUSE, _LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=1), timedelta(hours=6)
# A provider forgets an idempotency key after a day (Stripe); past this a call is not repeated, it is asked about.
KEY_LIFE = timedelta(hours=23)
# How long we ask before a person is told that nobody knows.
GIVEN_UP_AFTER = timedelta(days=3)

# Noted on what a person was told about.
UNRESOLVED = "unresolved"


def pause(asked: int) -> timedelta:
    """Return how long to wait before asking about what goes its way, after it was asked about so often.

    A webhook is usually first; one that was lost must not leave a paid invoice open for long.
    """
    return min(_FIRST_PAUSE * (1 << min(asked, 20)), _LONGEST_WAIT)


def wait(asked: int) -> timedelta:
    """Return how long to wait before the provider is asked again, after it was asked so often: doubling, bounded."""
    return min(_FIRST_WAIT * (1 << min(asked, 20)), _LONGEST_WAIT)
