"""What Stripe's objects say in the words of the contract. Pure.

A page (checkout session) and its money (payment intent) each have a state of their own; what counts is whether money
can still move: an open page can be paid again after a decline, and a page that is complete may still wait for a bank.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from payments.gateways import amounts
from payments.gateways.base import (
    DisputeFacts,
    DisputeState,
    GatewayRefused,
    GatewayUnsure,
    Outcome,
    OutcomeState,
    RefundOutcome,
    RefundState,
    SavedMethod,
)
from payments.gateways.transport import code_of

_PAYMENT = {
    "requires_confirmation": OutcomeState.OPEN,
    "requires_action": OutcomeState.REQUIRES_ACTION,
    "processing": OutcomeState.PROCESSING,
    "requires_capture": OutcomeState.PROCESSING,
    "succeeded": OutcomeState.SUCCEEDED,
    "canceled": OutcomeState.CANCELED,
}
_REFUND = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.CANCELED,
}
_DISPUTE = {
    "needs_response": DisputeState.NEEDS_RESPONSE,
    "warning_needs_response": DisputeState.NEEDS_RESPONSE,
    "under_review": DisputeState.UNDER_REVIEW,
    "warning_under_review": DisputeState.UNDER_REVIEW,
    # An inquiry that ended without a chargeback, and one that was kept from becoming one: the money stays.
    "warning_closed": DisputeState.WON,
    "prevented": DisputeState.WON,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}


def outcome_of_page(page: Mapping[str, Any]) -> Outcome:
    """Return how an attempt stands, by its page with its money expanded.

    Raises:
        GatewayRefused: on this page a method is saved and nothing is paid.
        GatewayUnsure: the page says something that we do not know.
    """
    if page.get("mode") == "setup":
        raise GatewayRefused("not_a_payment")
    intent = page.get("payment_intent")
    payment = intent if isinstance(intent, dict) else None
    status = page.get("status")
    if payment is not None:
        found = outcome_of_payment(payment)
        if found.state is OutcomeState.FAILED and status == "open":
            # Declined, and the page lets the payer try once more.
            return replace(found, state=OutcomeState.OPEN)
        if found.state in (OutcomeState.OPEN, OutcomeState.FAILED) and status == "expired":
            return replace(found, state=OutcomeState.CANCELED)
        return found
    if status not in ("open", "expired"):
        raise GatewayUnsure("page_without_payment")
    return Outcome(
        state=OutcomeState.OPEN if status == "open" else OutcomeState.CANCELED,
        reference="",
        amount=amounts.from_stripe(int(page.get("amount_total") or 0), str(page.get("currency"))),
        attempt=_ours(page, "attempt"),
    )


def outcome_of_payment(payment: Mapping[str, Any]) -> Outcome:
    """Return how an attempt stands, by its money.

    Raises:
        GatewayUnsure: it is in a state that we do not know.
    """
    error = payment.get("last_payment_error") or {}
    code = code_of(error.get("decline_code")) or code_of(error.get("code"))
    if payment["status"] == "requires_payment_method":
        state = OutcomeState.FAILED if error else OutcomeState.OPEN
    elif payment["status"] in _PAYMENT:
        state = _PAYMENT[payment["status"]]
    else:
        raise GatewayUnsure("state_unknown")
    counted = payment["amount_received"] if state is OutcomeState.SUCCEEDED else payment["amount"]
    return Outcome(
        state=state,
        reference=str(payment["id"]),
        amount=amounts.from_stripe(int(counted), str(payment["currency"])),
        attempt=_ours(payment, "attempt"),
        code="" if state is OutcomeState.SUCCEEDED else code,
        method=method_of(payment.get("payment_method")),
        at=_time(payment.get("created")),
    )


def method_of(found: Any) -> SavedMethod | None:
    """Return what may be known of a method; None when it is not there or not expanded."""
    if not isinstance(found, dict):
        return None
    kind = str(found.get("type") or "")
    details = found.get(kind) or {}
    return SavedMethod(
        reference=str(found["id"]),
        kind=kind[:16],
        brand=str(details.get("brand") or kind)[:20],
        last4=str(details.get("last4") or "")[-4:],
        expires_month=details.get("exp_month"),
        expires_year=details.get("exp_year"),
        customer=str(found.get("customer") or ""),
    )


def refund_of(found: Mapping[str, Any]) -> RefundOutcome:
    """Return how a refund stands.

    Raises:
        GatewayUnsure: it is in a state that we do not know.
    """
    state = _REFUND.get(str(found.get("status")))
    if state is None:
        raise GatewayUnsure("state_unknown")
    return RefundOutcome(
        state=state,
        reference=str(found["id"]),
        payment=str(found.get("payment_intent") or ""),
        amount=amounts.from_stripe(int(found["amount"]), str(found["currency"])),
        refund=_ours(found, "refund"),
        code=code_of(found.get("failure_reason")),
        at=_time(found.get("created")),
    )


def dispute_of(found: Mapping[str, Any]) -> DisputeFacts:
    """Return how a dispute stands.

    Raises:
        GatewayUnsure: it is in a state that we do not know.
    """
    state = _DISPUTE.get(str(found.get("status")))
    if state is None:
        raise GatewayUnsure("state_unknown")
    opened = _time(found.get("created"))
    if opened is None:
        raise GatewayUnsure("time_unknown")
    return DisputeFacts(
        reference=str(found["id"]),
        payment=str(found.get("payment_intent") or ""),
        state=state,
        amount=amounts.from_stripe(int(found["amount"]), str(found["currency"])),
        reason=code_of(found.get("reason")) or "general",
        answer_by=_time((found.get("evidence_details") or {}).get("due_by")),
        opened_at=opened,
    )


def _ours(found: Mapping[str, Any], name: str) -> str:
    return str((found.get("metadata") or {}).get(name) or "")


def _time(value: Any) -> datetime | None:
    return datetime.fromtimestamp(int(value), UTC) if value else None
