"""What happens to a payment: confirmed, authenticated, declined, debited later, captured, canceled.

The one place that decides whether money is taken; the API and the hosted page both come here. Each charge that
succeeds is the truth a double charge is counted against.
"""

from __future__ import annotations

from typing import Any

from sandbox import later, methods, scenarios, shapes, webhooks
from sandbox.errors import Declined, wrong_state
from sandbox.scenarios import Scenario
from sandbox.store import Account, Body, Record, new_id

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = (*CONFIRMABLE, "requires_capture")
_STATE_CODE = "payment_intent_unexpected_state"


def unexpected(intent: Record, doing: str) -> Exception:
    """Say that a payment is in no state for something."""
    return wrong_state(
        f"You cannot {doing} this PaymentIntent because it has a status of {intent['status']}.",
        _STATE_CODE,
        payment_intent=intent.body,
    )


def confirm(
    account: Account,
    intent: Record,
    method: Record,
    *,
    off_session: bool = False,
    return_url: str | None = None,
) -> None:
    """Try to take the money.

    Raises: Declined, and then the failed attempt stays; ApiError in a wrong state.
    """
    if intent["status"] not in CONFIRMABLE:
        raise unexpected(intent, "confirm")
    methods.check_owner(method, intent)
    intent["payment_method"] = method.id
    intent["payment_method_types"] = sorted({*intent["payment_method_types"], method["type"]})
    intent.notes |= {"off_session": off_session, "return_url": return_url}
    scenario = methods.scenario(method)
    if not scenario.is_debit and methods.must_authenticate(method):
        if off_session:
            _decline(account, intent, method, "authentication_required", "authentication_required")
        _ask(account, intent, return_url)
        return
    settle(account, intent, method, authenticated=False)


def _ask(account: Account, intent: Record, return_url: str | None) -> None:
    challenge = new_id("3ds", 32)
    url = f"{account.base}/3ds/{intent.id}/{challenge}"
    intent.notes["challenge"] = challenge
    intent["status"] = "requires_action"
    intent["last_payment_error"] = None
    intent["next_action"] = {
        "type": "redirect_to_url",
        "redirect_to_url": {"return_url": return_url, "url": url},
    }
    account.save(intent)
    webhooks.emit(account, "payment_intent.requires_action", intent)


def authenticate(account: Account, intent: Record, *, challenge: str, passed: bool) -> None:
    """End a 3-D Secure challenge; one that was answered or replaced already changes nothing.

    Raises: Declined.
    """
    if intent["status"] != "requires_action" or intent.notes.get("challenge") != challenge:
        return
    method = account.get("payment_method", intent["payment_method"])
    intent.notes["challenge"] = None
    if not passed:
        _decline(account, intent, method, "payment_intent_authentication_failure", "", charged=False)
    settle(account, intent, method, authenticated=True)


def settle(account: Account, intent: Record, method: Record, *, authenticated: bool) -> None:
    """Charge the method.

    Raises: Declined.
    """
    scenario = methods.scenario(method)
    if scenario.code:
        _decline(account, intent, method, scenario.code, scenario.decline, scenario)
    intent["next_action"] = intent["last_payment_error"] = None
    if intent["setup_future_usage"]:
        methods.keep(account, method, customer=intent["customer"], authenticated=authenticated)
    paid = shapes.charge(intent.body, method.body, paid=True, authenticated=authenticated)
    charge = account.add(paid, scenario=scenario.id)
    intent["latest_charge"] = charge.id
    if scenario.is_debit:
        charge.body |= {"status": "pending", "paid": False}
        account.save(charge)
        intent["status"] = "processing"
        account.save(intent)
        webhooks.emit(account, "payment_intent.processing", intent)
        later.plan(account, "debit", intent.id)
    elif intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        account.save(intent)
        webhooks.emit(account, "payment_intent.amount_capturable_updated", intent)
    else:
        _take(account, intent, charge, intent["amount"])
    _tell_session(account, intent)


def _take(account: Account, intent: Record, charge: Record, amount: int) -> None:
    charge |= {
        "status": "succeeded",
        "paid": True,
        "captured": True,
        "amount_captured": amount,
        "balance_transaction": new_id("txn"),
    }
    account.save(charge)
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0, "next_action": None}
    account.save(intent)
    webhooks.emit(account, "charge.succeeded", charge)
    webhooks.emit(account, "payment_intent.succeeded", intent)
    if _scenario(charge).dispute:
        later.plan(account, "dispute", charge.id)


def capture(account: Account, intent: Record, amount: int | None) -> None:
    """Take what was authorized, or a part of it; the rest is given back.

    Raises: ApiError in a wrong state or over the authorized amount.
    """
    if intent["status"] != "requires_capture":
        raise unexpected(intent, "capture")
    wanted = amount if amount is not None else intent["amount_capturable"]
    if wanted > intent["amount_capturable"]:
        raise wrong_state(
            f"The amount to capture ({wanted}) is greater than the amount authorized"
            f" ({intent['amount_capturable']}).",
            "amount_too_large",
            param="amount_to_capture",
        )
    charge = account.get("charge", intent["latest_charge"])
    _take(account, intent, charge, wanted)


def cancel(account: Account, intent: Record, reason: str | None) -> None:
    """End a payment that has not been made.

    Raises: ApiError in a wrong state.
    """
    if intent["status"] not in CANCELABLE:
        raise unexpected(intent, "cancel")
    intent |= {
        "status": "canceled",
        "canceled_at": shapes.now(),
        "cancellation_reason": reason,
        "amount_capturable": 0,
        "next_action": None,
    }
    intent.notes["challenge"] = None
    account.save(intent)
    webhooks.emit(account, "payment_intent.canceled", intent)


def end_debit(account: Account, reference: str) -> None:
    """Let a debit succeed or fail, when its time has come."""
    intent = account.find(reference, "payment_intent")
    if intent is None or intent["status"] != "processing":
        return
    charge = account.get("charge", intent["latest_charge"])
    session = _session(account, intent)
    if _scenario(charge).debit == "succeeds":
        _take(account, intent, charge, intent["amount"])
        if session is not None:
            session["payment_status"] = "paid"
            account.save(session)
            webhooks.emit(account, "checkout.session.async_payment_succeeded", session)
        return
    method = account.find(intent["payment_method"], "payment_method")
    error = _error("debit_not_authorized", "", charge.id, method)
    charge |= {"status": "failed", "failure_code": error["code"], "failure_message": error["message"]}
    account.save(charge)
    intent |= {"status": "requires_payment_method", "last_payment_error": error, "payment_method": None}
    account.save(intent)
    webhooks.emit(account, "charge.failed", charge)
    webhooks.emit(account, "payment_intent.payment_failed", intent)
    if session is not None:
        webhooks.emit(account, "checkout.session.async_payment_failed", session)


def _scenario(charge: Record) -> Scenario:
    return scenarios.BY_ID[charge.notes["scenario"]]


def _decline(
    account: Account,
    intent: Record,
    method: Record,
    code: str,
    decline: str,
    scenario: Scenario | None = None,
    *,
    charged: bool = True,
) -> None:
    text = scenario.message if scenario else scenarios.message(code)
    failed: Record | None = None
    if charged:
        body = shapes.charge(
            intent.body, method.body, paid=False, authenticated=False, code=decline or code,
            failure_code=code, failure_message=text,
        )  # fmt: skip
        failed = account.add(body, scenario=methods.scenario(method).id)
        intent["latest_charge"] = failed.id
        webhooks.emit(account, "charge.failed", failed)
    error = _error(code, decline, failed.id if failed else None, method, text)
    intent |= {
        "status": "requires_payment_method",
        "last_payment_error": error,
        "payment_method": None,
        "next_action": None,
    }
    account.save(intent)
    webhooks.emit(account, "payment_intent.payment_failed", intent)
    shown = {key: value for key, value in error.items() if key in ("charge", "payment_method")}
    raise Declined(text, code=code, decline_code=decline, payment_intent=intent.body, **shown)


def _error(
    code: str, decline: str, charge: str | None, method: Record | None, text: str | None = None
) -> Body:
    facts: dict[str, Any] = {
        "charge": charge,
        "code": code,
        "decline_code": decline or None,
        "message": text or scenarios.message(code),
        "payment_method": method.body if method else None,
        "type": "card_error",
    }
    return {key: value for key, value in facts.items() if value is not None}


def _session(account: Account, intent: Record) -> Record | None:
    return account.find(intent.notes.get("session"), "checkout.session")


def _tell_session(account: Account, intent: Record) -> None:
    session = _session(account, intent)
    if session is None or session["status"] != "open":
        return
    session |= {"status": "complete", "url": None}
    if intent["status"] == "succeeded":
        session["payment_status"] = "paid"
    account.save(session)
    webhooks.emit(account, "checkout.session.completed", session)
