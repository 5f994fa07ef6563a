"""/v1/payment_intents and /v1/charges"""

from __future__ import annotations

from sandbox import methods, payments, shapes, webhooks
from sandbox.api.calls import Call, listing
from sandbox.api.customers import merged
from sandbox.errors import ApiError, invalid, wrong_state
from sandbox.store import Body, Record

_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
_IGNORED = (
    "automatic_payment_methods",
    "payment_method_options",
    "mandate",
    "mandate_data",
    "use_stripe_sdk",
)


def create(call: Call) -> Body:
    """Make a payment, and confirm it at once when asked to."""
    params, account = call.params, call.account
    amount, currency = params.amount("amount"), params.needed("currency").lower()
    if amount is None:
        raise ApiError(400, "Missing required param: amount.", code="parameter_missing", param="amount")
    if len(currency) != 3 or not currency.isalpha():
        raise invalid(f"Invalid currency: {currency[:10]}.", "currency")
    customer = params.text("customer")
    if customer is not None:
        account.get("customer", customer, "customer")
    usage = params.text("setup_future_usage")
    if usage not in (None, "off_session", "on_session"):
        raise invalid("Invalid setup_future_usage", "setup_future_usage")
    body = shapes.payment_intent(
        amount=amount,
        currency=currency,
        customer=customer,
        description=params.text("description"),
        metadata=params.metadata(),
        receipt_email=params.text("receipt_email"),
        setup_future_usage=usage,
        statement_descriptor=params.text("statement_descriptor"),
        statement_descriptor_suffix=params.text("statement_descriptor_suffix"),
        capture_method=params.choice(
            "capture_method", ("automatic", "automatic_async", "manual"), "automatic_async"
        ),
        payment_method_types=params.texts("payment_method_types") or ["card"],
    )
    params.accept(*_IGNORED)
    wanted, confirming = _method(call), params.flag("confirm")
    off_session, return_url, strict = _confirmation(call)
    params.finish()
    if off_session and not confirming:
        raise invalid("`off_session` needs `confirm=true`.", "off_session")
    intent = account.add(body)
    webhooks.emit(account, "payment_intent.created", intent)
    if wanted is not None:
        methods.check_owner(wanted, intent)
        intent["payment_method"] = wanted.id
        intent["status"] = "requires_confirmation"
        account.save(intent)
    if confirming:
        _confirm(call, intent, wanted, off_session=off_session or strict, return_url=return_url)
    return intent.body


def _method(call: Call) -> Record | None:
    wanted = call.params.text("payment_method")
    return methods.named(call.account, wanted) if wanted is not None else None


def _confirmation(call: Call) -> tuple[bool, str | None, bool]:
    params = call.params
    off_session = params.text("off_session") not in (None, "false")
    return off_session, params.text("return_url"), params.flag("error_on_requires_action")


def _confirm(
    call: Call, intent: Record, method: Record | None, *, off_session: bool, return_url: str | None
) -> None:
    if method is None:
        raise wrong_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "payment_intent_unexpected_state",
            payment_intent=intent.body,
        )
    payments.confirm(call.account, intent, method, off_session=off_session, return_url=return_url)


def confirm(call: Call) -> Body:
    """Try to take the money."""
    intent, method = call.object("payment_intent"), _method(call)
    off_session, return_url, strict = _confirmation(call)
    call.params.accept(*_IGNORED)
    call.params.finish()
    if method is None and intent["payment_method"] is not None:
        method = methods.named(call.account, intent["payment_method"])
    _confirm(call, intent, method, off_session=off_session or strict, return_url=return_url)
    return intent.body


def update(call: Call) -> Body:
    """Change a payment's description and metadata."""
    intent = call.object("payment_intent")
    if call.params.has("description"):
        intent["description"] = call.params.text("description")
    intent["metadata"] = merged(intent["metadata"], call.params.metadata())
    call.params.finish()
    call.account.save(intent)
    return intent.body


def capture(call: Call) -> Body:
    """Take what was authorized."""
    intent, amount = call.object("payment_intent"), call.params.amount("amount_to_capture")
    call.params.finish()
    payments.capture(call.account, intent, amount)
    return intent.body


def cancel(call: Call) -> Body:
    """End a payment that has not been made."""
    intent, reason = call.object("payment_intent"), call.params.text("cancellation_reason")
    call.params.finish()
    if reason is not None and reason not in _REASONS:
        raise invalid("Invalid cancellation_reason", "cancellation_reason")
    if intent.notes.get("session"):
        raise wrong_state(
            "You cannot cancel this PaymentIntent because it was created by a Checkout Session: expire the"
            " session instead.",
            "payment_intent_unexpected_state",
            payment_intent=intent.body,
        )
    payments.cancel(call.account, intent, reason)
    return intent.body


def retrieve(call: Call) -> Body:
    """Return a payment."""
    call.params.accept("client_secret")
    return call.object("payment_intent").body


def all_of(call: Call) -> Body:
    """List payments."""
    return listing(call, "payment_intent", customer=call.params.text("customer"))


def charge(call: Call) -> Body:
    """Return one attempt at a payment."""
    return call.object("charge").body


def charges(call: Call) -> Body:
    """List attempts."""
    return listing(
        call, "charge", customer=call.params.text("customer"), payment=call.params.text("payment_intent")
    )
