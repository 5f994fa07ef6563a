"""The hosted page's life: opened by the API, paid or used to save a method by a payer, completed or expired."""

from __future__ import annotations

import time

from sandbox import methods, payments, scenarios, shapes, webhooks
from sandbox.errors import Declined, wrong_state
from sandbox.scenarios import Scenario
from sandbox.store import Account, Record, new_id


def submit(account: Account, session: Record, method: Record, *, email: str | None) -> None:
    """Pay an open page, or save a method by it; the payer's second click finds it complete and changes nothing.

    Raises: Declined.
    """
    if session["status"] != "open":
        return
    session["customer_details"] = {
        "address": {**shapes.NO_ADDRESS},
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": method["billing_details"]["name"],
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
    if session["mode"] == "setup":
        account.save(session)
        confirm_setup(account, account.get("setup_intent", session["setup_intent"]), method)
        return
    intent = account.find(session["payment_intent"], "payment_intent")
    if intent is None:
        intent = _intent(account, session)
        session["payment_intent"] = intent.id
    account.save(session)
    payments.confirm(account, intent, method, return_url=return_address(session))


def _intent(account: Account, session: Record) -> Record:
    # Made when the payer first acts, as Stripe does: until then a page has no payment.
    body = shapes.payment_intent(
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        payment_method_types=list(session["payment_method_types"]),
        **session.notes["intent"],
    )
    return account.add(body, session=session.id)


def return_address(session: Record) -> str:
    """Return where a payer goes afterwards, with the page's own id in its place."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session.id)


def confirm_setup(account: Account, setup: Record, method: Record) -> None:
    """Save a method for later payments.

    Raises: Declined.
    """
    setup["payment_method"] = method.id
    if methods.must_authenticate(method) and not methods.scenario(method).is_debit:
        challenge = new_id("3ds", 32)
        setup.notes["challenge"] = challenge
        setup |= {
            "status": "requires_action",
            "last_setup_error": None,
            "next_action": {
                "type": "redirect_to_url",
                "redirect_to_url": {
                    "return_url": None,
                    "url": f"{account.base}/3ds/{setup.id}/{challenge}",
                },
            },
        }
        account.save(setup)
        webhooks.emit(account, "setup_intent.requires_action", setup)
        return
    _finish_setup(account, setup, method, authenticated=False)


def authenticate_setup(account: Account, setup: Record, *, challenge: str, passed: bool) -> None:
    """End a 3-D Secure challenge of a setup; one that was answered already changes nothing.

    Raises: Declined.
    """
    if setup["status"] != "requires_action" or setup.notes.get("challenge") != challenge:
        return
    setup.notes["challenge"] = None
    method = account.get("payment_method", setup["payment_method"])
    if not passed:
        _refuse_setup(account, setup, "setup_intent_authentication_failure", None)
    _finish_setup(account, setup, method, authenticated=True)


def _finish_setup(account: Account, setup: Record, method: Record, *, authenticated: bool) -> None:
    scenario = methods.scenario(method)
    if scenario.code and scenario.refuses_setup:
        _refuse_setup(account, setup, scenario.code, scenario)
    methods.keep(account, method, customer=setup["customer"], authenticated=authenticated)
    setup |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
    setup["latest_attempt"] = new_id("setatt")
    if scenario.is_debit:
        setup["mandate"] = new_id("mandate")
    account.save(setup)
    webhooks.emit(account, "setup_intent.succeeded", setup)
    session = account.find(setup.notes.get("session"), "checkout.session")
    if session is not None and session["status"] == "open":
        session |= {"status": "complete", "url": None}
        account.save(session)
        webhooks.emit(account, "checkout.session.completed", session)


def _refuse_setup(account: Account, setup: Record, code: str, scenario: Scenario | None) -> None:
    text = scenario.message if scenario else scenarios.message(code)
    decline = scenario.decline if scenario else ""
    error = {"code": code, "message": text, "type": "card_error"}
    setup |= {
        "status": "requires_payment_method",
        "last_setup_error": error | ({"decline_code": decline} if decline else {}),
        "payment_method": None,
        "next_action": None,
    }
    account.save(setup)
    webhooks.emit(account, "setup_intent.setup_failed", setup)
    raise Declined(text, code=code, decline_code=decline, setup_intent=setup.body)


def expire(account: Account, session: Record) -> None:
    """End a page that was not used; its payment, if one was begun, is canceled.

    Raises: ApiError when it is complete or expired.
    """
    if session["status"] != "open":
        raise wrong_state(
            "Only Checkout Sessions with a status in ['open'] can be expired. This Checkout Session has a status"
            f" of {session['status']}.",
            "checkout_session_unexpected_state",
        )
    session |= {"status": "expired", "url": None}
    account.save(session)
    intent = account.find(session["payment_intent"], "payment_intent")
    if intent is not None and intent["status"] in payments.CANCELABLE:
        payments.cancel(account, intent, "abandoned")
    setup = account.find(session["setup_intent"], "setup_intent")
    if setup is not None and setup["status"] in payments.CONFIRMABLE:
        setup |= {"status": "canceled", "cancellation_reason": "abandoned", "next_action": None}
        account.save(setup)
        webhooks.emit(account, "setup_intent.canceled", setup)
    webhooks.emit(account, "checkout.session.expired", session)


def expire_due(account: Account, reference: str) -> None:
    """End a page when its time is over."""
    session = account.find(reference, "checkout.session")
    if session is not None and session["status"] == "open" and session["expires_at"] <= time.time():
        expire(account, session)
