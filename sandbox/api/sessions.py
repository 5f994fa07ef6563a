"""/v1/checkout/sessions"""

from __future__ import annotations

import time
from typing import Any

from sandbox import checkout, later, shapes, webhooks
from sandbox.api.calls import Call, listing
from sandbox.api.customers import merged
from sandbox.errors import ApiError, invalid
from sandbox.forms import Params
from sandbox.store import Account, Body

SHORTEST, LONGEST = 30 * 60, 24 * 60 * 60
# A clock may differ a little from ours.
_LENIENCE = 10
TYPES = ("card", "sepa_debit")
_IGNORED = (
    "adaptive_pricing", "allow_promotion_codes", "automatic_tax", "billing_address_collection",
    "consent_collection", "custom_text", "customer_creation", "customer_update", "invoice_creation",
    "payment_method_collection", "payment_method_options", "phone_number_collection",
    "saved_payment_method_options", "submit_type", "tax_id_collection",
)  # fmt: skip


def create(call: Call) -> Body:
    """Open a page."""
    params, account = call.params, call.account
    mode = params.choice("mode", ("payment", "setup"), "payment")
    params.choice("ui_mode", ("hosted", "hosted_page"), "hosted_page")
    success, cancel = params.needed("success_url"), params.text("cancel_url")
    for name, url in (("success_url", success), ("cancel_url", cancel)):
        if url is not None and not url.startswith(("https://", "http://")):
            raise invalid("Not a valid URL", name, code="url_invalid")
    customer = params.text("customer")
    if customer is not None:
        account.get("customer", customer, "customer")
    given: dict[str, Any] = {
        "mode": mode,
        "success_url": success,
        "cancel_url": cancel,
        "client_reference_id": params.text("client_reference_id"),
        "customer": customer,
        "customer_email": params.text("customer_email"),
        "locale": params.text("locale"),
        "metadata": params.metadata(),
        "payment_method_types": _types(params),
        "expires_at": _expiry(params),
    }
    params.accept(*_IGNORED)
    notes: dict[str, Any] = {}
    if mode == "payment":
        items = _items(params)
        given |= {
            "currency": items["currency"],
            "amount_subtotal": items["total"],
            "amount_total": items["total"],
        }
        given["total_details"] = {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
        notes = {"intent": _intent(params), "title": items["title"]}
    else:
        given |= {"currency": params.text("currency"), "payment_status": "no_payment_required"}
    session = shapes.checkout_session(**given)
    session["url"] = f"{account.base}/c/{session['id']}"
    if mode == "setup":
        session["setup_intent"] = _setup(account, params, session)
    params.finish()
    account.add(session, **notes)
    later.plan(account, "expiry", session["id"], due=float(session["expires_at"]))
    return session


def _types(params: Params) -> list[str]:
    wanted = params.texts("payment_method_types")
    for kind in wanted:
        if kind not in TYPES:
            raise invalid(
                f"Invalid payment_method_types: {kind[:40]} is not offered here.", "payment_method_types"
            )
    return wanted or list(TYPES)


def _expiry(params: Params) -> int:
    now = int(time.time())
    wanted = params.number("expires_at")
    if wanted is None:
        return now + LONGEST
    if not now + SHORTEST - _LENIENCE <= wanted <= now + LONGEST + _LENIENCE:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes and less than 24 hours from Checkout Session"
            " creation.",
            "expires_at",
            code="parameter_invalid",
        )
    return wanted


def _items(params: Params) -> dict[str, Any]:
    items, total, currencies, titles = params.groups("line_items"), 0, set(), []
    if not items:
        raise ApiError(
            400, "Missing required param: line_items.", code="parameter_missing", param="line_items"
        )
    for item in items:
        price = item.group("price_data")
        product = price.group("product_data")
        product.accept("description", "metadata", "images")
        currencies.add(price.needed("currency").lower())
        titles.append(product.needed("name"))
        amount, quantity = price.amount("unit_amount"), item.number("quantity")
        if amount is None or quantity is None or quantity < 1:
            raise invalid(
                "A line item needs unit_amount and quantity.", "line_items", code="parameter_missing"
            )
        total += amount * quantity
    if len(currencies) != 1:
        raise invalid("All line items need the same currency.", "line_items")
    return {"currency": currencies.pop(), "total": total, "title": ", ".join(titles)}


def _intent(params: Params) -> dict[str, Any]:
    data = params.group("payment_intent_data")
    usage = data.text("setup_future_usage")
    if usage not in (None, "off_session", "on_session"):
        raise invalid("Invalid setup_future_usage", "payment_intent_data[setup_future_usage]")
    return {
        "setup_future_usage": usage,
        "metadata": data.metadata(),
        "description": data.text("description"),
        "capture_method": data.choice(
            "capture_method", ("automatic", "automatic_async", "manual"), "automatic_async"
        ),
        "receipt_email": data.text("receipt_email"),
        "statement_descriptor": data.text("statement_descriptor"),
        "statement_descriptor_suffix": data.text("statement_descriptor_suffix"),
    }


def _setup(account: Account, params: Params, session: Body) -> str:
    data = params.group("setup_intent_data")
    setup = shapes.setup_intent(
        customer=session["customer"],
        metadata=data.metadata(),
        description=data.text("description"),
        payment_method_types=list(session["payment_method_types"]),
    )
    made = account.add(setup, session=session["id"])
    webhooks.emit(account, "setup_intent.created", made)
    return made.id


def retrieve(call: Call) -> Body:
    """Return a page."""
    return call.object("checkout.session").body


def update(call: Call) -> Body:
    """Change a page's metadata."""
    session = call.object("checkout.session")
    session["metadata"] = merged(session["metadata"], call.params.metadata())
    call.params.finish()
    call.account.save(session)
    return session.body


def expire(call: Call) -> Body:
    """End a page that was not used."""
    session = call.object("checkout.session")
    call.params.finish()
    checkout.expire(call.account, session)
    return session.body


def all_of(call: Call) -> Body:
    """List pages."""
    status = call.params.text("status")
    return listing(
        call,
        "checkout.session",
        customer=call.params.text("customer"),
        payment=call.params.text("payment_intent"),
        keep=lambda body: status in (None, body["status"]),
    )
