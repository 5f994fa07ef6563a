"""Saved cards and bank accounts: made from a scenario, owned by at most one customer."""

from __future__ import annotations

from sandbox import scenarios, shapes, webhooks
from sandbox.errors import Declined, invalid, missing, wrong_state
from sandbox.scenarios import Scenario
from sandbox.store import Account, Record


def make(
    account: Account,
    scenario: Scenario,
    *,
    expires: tuple[int, int] = (12, 2034),
    name: str | None = None,
    email: str | None = None,
) -> Record:
    """Make a payment method that nobody owns yet."""
    body = shapes.payment_method(scenario, expires=expires, name=name, email=email)
    return account.add(body, scenario=scenario.id)


def named(account: Account, reference: str, param: str = "payment_method") -> Record:
    """Return a payment method; one of Stripe's ready-made names makes a new one.

    Raises: ApiError 404.
    """
    if reference in scenarios.READY_MADE:
        return make(account, scenarios.BY_ID[scenarios.READY_MADE[reference]])
    found = account.find(reference, "payment_method")
    if found is None:
        raise missing("PaymentMethod", reference[:80], param)
    return found


def scenario(method: Record) -> Scenario:
    """Return what a method does."""
    return scenarios.BY_ID[method.notes["scenario"]]


def must_authenticate(method: Record) -> bool:
    """Tell whether the cardholder is asked."""
    wanted = scenario(method).authentication
    return wanted == "always" or (wanted == "first" and not method.notes.get("authenticated"))


def check_owner(method: Record, intent: Record) -> None:
    """Refuse a method of another customer, and one that was given up.

    Raises: ApiError.
    """
    if method.notes.get("detached"):
        raise invalid(
            "The provided PaymentMethod was detached from its customer and cannot be used again.",
            "payment_method",
            code="payment_method_unexpected_state",
        )
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        raise invalid(
            "The PaymentMethod belongs to another customer than the intent.",
            "payment_method",
            code="payment_method_customer_mismatch",
        )


def keep(account: Account, method: Record, *, customer: str | None, authenticated: bool) -> None:
    """Save a method for payments to come; its holder may just have been asked."""
    if authenticated:
        method.notes["authenticated"] = True
    fresh = method["customer"] is None and customer is not None
    if fresh:
        method["customer"] = customer
        method["allow_redisplay"] = "always"
    account.save(method)
    if fresh:
        webhooks.emit(account, "payment_method.attached", method)


def attach(account: Account, method: Record, customer: Record) -> None:
    """Give a method to a customer; a card that declines is not saved.

    Raises: Declined, ApiError.
    """
    if method["customer"] == customer.id:
        return
    if method["customer"] is not None or method.notes.get("detached"):
        raise wrong_state(
            "The payment method you provided has already been attached to a customer.",
            "payment_method_unexpected_state",
        )
    does = scenario(method)
    if does.code and does.refuses_setup:
        raise Declined(does.message, code=does.code, decline_code=does.decline)
    keep(account, method, customer=customer.id, authenticated=False)


def detach(account: Account, method: Record) -> None:
    """Take a method from its customer; it cannot be used again.

    Raises: ApiError when nobody has it.
    """
    if method["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            "payment_method",
            code="payment_method_unexpected_state",
        )
    method["customer"] = None
    method.notes["detached"] = True
    account.save(method)
    webhooks.emit(account, "payment_method.detached", method)
