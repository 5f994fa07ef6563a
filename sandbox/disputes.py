"""Disputes: the money leaves at once, and comes back when the dispute is won."""

from __future__ import annotations

from sandbox import later, scenarios, shapes, webhooks
from sandbox.errors import wrong_state
from sandbox.store import Account, Record, new_id

OPEN = ("needs_response", "warning_needs_response", "under_review", "warning_under_review")
ANSWERABLE = ("needs_response", "warning_needs_response")
# Stripe's own test words: what is written as evidence decides.
_VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}


def open_for(account: Account, charge: Record, *, reason: str = "fraudulent") -> Record:
    """Open a dispute over a charge.

    Raises: ApiError when there is one already, or nothing was taken.
    """
    if charge["disputed"] or charge["status"] != "succeeded":
        raise wrong_state("This charge cannot be disputed.", "charge_not_disputable")
    body = shapes.dispute(charge.body, reason=reason)
    body["balance_transactions"] = [_movement(body, -body["amount"])]
    dispute = account.add(body)
    charge["disputed"] = True
    account.save(charge)
    webhooks.emit(account, "charge.dispute.created", dispute)
    webhooks.emit(account, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def _movement(dispute: dict[str, object], amount: int) -> dict[str, object]:
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": shapes.now(),
        "created": shapes.now(),
        "currency": dispute["currency"],
        "description": f"Chargeback {dispute['charge']}",
        "exchange_rate": None,
        "fee": 0,
        "fee_details": [],
        "net": amount,
        "reporting_category": "dispute" if amount < 0 else "dispute_reversal",
        "source": dispute["id"],
        "status": "available",
        "type": "adjustment",
    }


def arrive(account: Account, reference: str) -> None:
    """Open the dispute that a test card stands for, when its time has come."""
    charge = account.find(reference, "charge")
    if charge is not None and not charge["disputed"] and not charge["refunded"]:
        open_for(account, charge, reason=scenarios.BY_ID[charge.notes["scenario"]].dispute)


def answer(account: Account, dispute: Record, evidence: dict[str, str], *, submit: bool) -> None:
    """Keep evidence, and send it to the bank if asked to.

    Raises: ApiError when it is too late.
    """
    if dispute["status"] not in ANSWERABLE:
        raise wrong_state(
            f"This dispute has a status of {dispute['status']} and takes no more evidence.",
            "dispute_unexpected_state",
        )
    dispute["evidence"].update(evidence)
    details = dispute["evidence_details"]
    details["has_evidence"] = details["has_evidence"] or bool(evidence)
    if submit:
        details["submission_count"] += 1
        dispute["status"] = "under_review"
        if dispute["evidence"]["uncategorized_text"] in _VERDICTS:
            later.plan(account, "verdict", dispute.id)
    account.save(dispute)
    webhooks.emit(account, "charge.dispute.updated", dispute)


def decide(account: Account, reference: str) -> None:
    """Let the bank decide by the evidence."""
    dispute = account.find(reference, "dispute")
    if dispute is not None and dispute["status"] == "under_review":
        close(account, dispute, won=_VERDICTS[dispute["evidence"]["uncategorized_text"]] == "won")


def close(account: Account, dispute: Record, *, won: bool) -> None:
    """End a dispute, won or lost.

    Raises: ApiError when it has ended.
    """
    if dispute["status"] not in OPEN:
        raise wrong_state(
            f"This dispute has a status of {dispute['status']} and cannot be closed.",
            "dispute_unexpected_state",
        )
    dispute["status"] = "won" if won else "lost"
    if won:
        dispute["balance_transactions"].append(_movement(dispute.body, dispute["amount"]))
    account.save(dispute)
    webhooks.emit(account, "charge.dispute.closed", dispute)
    if won:
        webhooks.emit(account, "charge.dispute.funds_reinstated", dispute)
