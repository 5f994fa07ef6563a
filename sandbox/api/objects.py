"""/v1/setup_intents, /v1/payment_methods, /v1/refunds, /v1/disputes, /v1/account and /v1/balance"""

from __future__ import annotations

from sandbox import disputes, methods, refunds, shapes
from sandbox.api.calls import Call, listing
from sandbox.api.customers import merged
from sandbox.errors import ApiError, invalid
from sandbox.store import Body, Record

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def setup_intent(call: Call) -> Body:
    """Return a wish to save a method."""
    call.params.accept("client_secret")
    return call.object("setup_intent").body


def setup_intents(call: Call) -> Body:
    """List wishes to save a method."""
    return listing(call, "setup_intent", customer=call.params.text("customer"))


def payment_method(call: Call) -> Body:
    """Return a method."""
    return call.object("payment_method").body


def payment_methods(call: Call) -> Body:
    """List what a customer has saved."""
    customer, kind = call.params.needed("customer"), call.params.text("type")
    call.account.get("customer", customer, "customer")
    return listing(call, "payment_method", customer=customer, keep=lambda body: kind in (None, body["type"]))


def attach(call: Call) -> Body:
    """Give a method to a customer."""
    customer = call.account.get("customer", call.params.needed("customer"), "customer")
    call.params.finish()
    method = methods.named(call.account, call.part["id"])
    methods.attach(call.account, method, customer)
    return method.body


def detach(call: Call) -> Body:
    """Take a method from its customer."""
    method = call.object("payment_method")
    call.params.finish()
    methods.detach(call.account, method)
    return method.body


def create_refund(call: Call) -> Body:
    """Send money back, of a payment or of a charge."""
    params, account = call.params, call.account
    payment, charge = params.text("payment_intent"), params.text("charge")
    amount, reason, metadata = params.amount("amount"), params.text("reason"), params.metadata()
    params.accept("instructions_email", "reverse_transfer", "refund_application_fee")
    params.finish()
    if (payment is None) == (charge is None):
        raise invalid("One of the following params should be provided: payment_intent or charge.")
    if reason is not None and reason not in _REASONS:
        raise invalid(f"Invalid reason: must be one of {', '.join(_REASONS)}", "reason")
    if payment is not None:
        intent = account.get("payment_intent", payment, "payment_intent")
        if intent["status"] != "succeeded":
            raise ApiError(
                400,
                f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
                code="payment_intent_unexpected_state",
                param="payment_intent",
            )
        charge = intent["latest_charge"]
    paid = account.get("charge", str(charge), "charge")
    return refunds.create(account, paid, amount, reason=reason, metadata=metadata).body


def refund(call: Call) -> Body:
    """Return a refund."""
    return call.object("refund").body


def update_refund(call: Call) -> Body:
    """Change a refund's metadata."""
    found = call.object("refund")
    found["metadata"] = merged(found["metadata"], call.params.metadata())
    call.params.finish()
    call.account.save(found)
    return found.body


def all_refunds(call: Call) -> Body:
    """List refunds."""
    charge = call.params.text("charge")
    return listing(
        call,
        "refund",
        payment=call.params.text("payment_intent"),
        keep=lambda body: charge in (None, body["charge"]),
    )


def dispute(call: Call) -> Body:
    """Return a dispute."""
    return call.object("dispute").body


def all_disputes(call: Call) -> Body:
    """List disputes."""
    charge = call.params.text("charge")
    return listing(
        call,
        "dispute",
        payment=call.params.text("payment_intent"),
        keep=lambda body: charge in (None, body["charge"]),
    )


def answer_dispute(call: Call) -> Body:
    """Keep evidence and metadata, and send the evidence when asked to."""
    found, given = call.object("dispute"), call.params.group("evidence")
    evidence = {name: given.text(name) or "" for name in shapes.EVIDENCE.split() if given.has(name)}
    submit = call.params.flag("submit", default=bool(evidence))
    changes = call.params.metadata()
    call.params.finish()
    found["metadata"] = merged(found["metadata"], changes)
    if evidence or submit:
        disputes.answer(call.account, found, evidence, submit=submit)
    else:
        call.account.save(found)
    return found.body


def close_dispute(call: Call) -> Body:
    """Accept a dispute: it is lost."""
    found = call.object("dispute")
    call.params.finish()
    disputes.close(call.account, found, won=False)
    return found.body


def account(call: Call) -> Body:
    """Say whose key this is."""
    return {
        "id": call.account.id,
        "object": "account",
        "business_profile": {"name": "Sandbox account", "url": None},
        "business_type": None,
        "capabilities": {"card_payments": "active", "sepa_debit_payments": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "DE",
        "created": _opened(call),
        "default_currency": "eur",
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Sandbox account", "timezone": "Etc/UTC"}},
        "type": "standard",
    }


def _opened(call: Call) -> int:
    row = call.account.db.execute("SELECT created FROM accounts WHERE id = ?", (call.account.id,)).fetchone()
    return int(row["created"])


def balance(call: Call) -> Body:
    """Return what the account holds: taken, less what went back and what is disputed."""
    sums: dict[str, int] = {}
    lost = {found["charge"]: found for found in call.account.all("dispute") if found["status"] != "won"}
    for charge in call.account.all("charge"):
        sums[charge["currency"]] = sums.get(charge["currency"], 0) + _worth(charge, lost)
    amounts = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in sorted(sums.items())
    ]
    return {"object": "balance", "available": amounts, "livemode": False, "pending": []}


def _worth(charge: Record, lost: dict[str, Record]) -> int:
    if charge.id in lost:
        return 0
    return int(charge["amount_captured"] - charge["amount_refunded"])
