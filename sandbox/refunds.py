"""Refunds: never more than was taken, whatever asks at the same time; some end later, some fail after all."""

from __future__ import annotations

from sandbox import later, scenarios, shapes, webhooks
from sandbox.errors import ApiError, wrong_state
from sandbox.store import Account, Record, new_id


def create(
    account: Account, charge: Record, amount: int | None, *, reason: str | None, metadata: dict[str, str]
) -> Record:
    """Send money back.

    Raises: ApiError when there is not so much to send back.
    """
    _check(charge)
    left = charge["amount_captured"] - charge["amount_refunded"]
    wanted = amount if amount is not None else left
    if left == 0:
        raise wrong_state(f"Charge {charge.id} has already been refunded.", "charge_already_refunded")
    if wanted > left:
        raise ApiError(
            400,
            f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left}).",
            code="amount_too_large",
            param="amount",
        )
    ends = scenarios.BY_ID[charge.notes["scenario"]].refund
    body = shapes.refund(charge.body, amount=wanted, reason=reason, metadata=metadata)
    body["balance_transaction"] = new_id("txn")
    body["status"] = "pending" if ends == "later" else "succeeded"
    made = account.add(body, ends=ends)
    _count(account, charge, wanted)
    webhooks.emit(account, "charge.refunded", charge)
    webhooks.emit(account, "refund.created", made)
    if ends != "succeeds":
        later.plan(account, "refund", made.id)
    return made


def _check(charge: Record) -> None:
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise wrong_state(
            f"This charge has a status of {charge['status']} and cannot be refunded.", "charge_not_refundable"
        )
    if charge["disputed"]:
        raise wrong_state(
            f"Charge {charge.id} has been charged back; cannot issue a refund.", "charge_disputed"
        )


def _count(account: Account, charge: Record, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    account.save(charge)


def end(account: Account, reference: str) -> None:
    """Let a refund succeed or fail, when its time has come."""
    found = account.find(reference, "refund")
    if found is not None:
        if found.notes["ends"] == "fails":
            fail(account, found)
        elif found["status"] == "pending":
            found["status"] = "succeeded"
            account.save(found)
            _tell(account, found)


def fail(account: Account, refund: Record) -> None:
    """Let a refund fail: the money comes back to the account, as when a card was closed meanwhile."""
    if refund["status"] not in ("pending", "succeeded"):
        return
    refund |= {
        "status": "failed",
        "failure_reason": "expired_or_canceled_card",
        "failure_balance_transaction": new_id("txn"),
    }
    account.save(refund)
    charge = account.get("charge", refund["charge"])
    _count(account, charge, -refund["amount"])
    _tell(account, refund)
    webhooks.emit(account, "refund.failed", refund)


def _tell(account: Account, refund: Record) -> None:
    webhooks.emit(account, "charge.refund.updated", refund)
    webhooks.emit(account, "refund.updated", refund)
