"""Every call there is; anything else is answered as Stripe answers an unknown address."""

from __future__ import annotations

import re

from sandbox.api import customers, endpoints, intents, objects, sessions
from sandbox.api.calls import Handler

_TABLE: list[tuple[str, str, Handler]] = [
    ("GET", "/v1/account", objects.account),
    ("GET", "/v1/balance", objects.balance),
    ("POST", "/v1/customers", customers.create),
    ("GET", "/v1/customers", customers.all_of),
    ("GET", "/v1/customers/{id}", customers.retrieve),
    ("POST", "/v1/customers/{id}", customers.update),
    ("DELETE", "/v1/customers/{id}", customers.delete),
    ("GET", "/v1/customers/{id}/payment_methods", customers.payment_methods),
    ("GET", "/v1/customers/{id}/payment_methods/{method}", customers.payment_method),
    ("POST", "/v1/checkout/sessions", sessions.create),
    ("GET", "/v1/checkout/sessions", sessions.all_of),
    ("GET", "/v1/checkout/sessions/{id}", sessions.retrieve),
    ("POST", "/v1/checkout/sessions/{id}", sessions.update),
    ("POST", "/v1/checkout/sessions/{id}/expire", sessions.expire),
    ("POST", "/v1/payment_intents", intents.create),
    ("GET", "/v1/payment_intents", intents.all_of),
    ("GET", "/v1/payment_intents/{id}", intents.retrieve),
    ("POST", "/v1/payment_intents/{id}", intents.update),
    ("POST", "/v1/payment_intents/{id}/confirm", intents.confirm),
    ("POST", "/v1/payment_intents/{id}/capture", intents.capture),
    ("POST", "/v1/payment_intents/{id}/cancel", intents.cancel),
    ("GET", "/v1/charges", intents.charges),
    ("GET", "/v1/charges/{id}", intents.charge),
    ("GET", "/v1/setup_intents", objects.setup_intents),
    ("GET", "/v1/setup_intents/{id}", objects.setup_intent),
    ("GET", "/v1/payment_methods", objects.payment_methods),
    ("GET", "/v1/payment_methods/{id}", objects.payment_method),
    ("POST", "/v1/payment_methods/{id}/attach", objects.attach),
    ("POST", "/v1/payment_methods/{id}/detach", objects.detach),
    ("POST", "/v1/refunds", objects.create_refund),
    ("GET", "/v1/refunds", objects.all_refunds),
    ("GET", "/v1/refunds/{id}", objects.refund),
    ("POST", "/v1/refunds/{id}", objects.update_refund),
    ("GET", "/v1/disputes", objects.all_disputes),
    ("GET", "/v1/disputes/{id}", objects.dispute),
    ("POST", "/v1/disputes/{id}", objects.answer_dispute),
    ("POST", "/v1/disputes/{id}/close", objects.close_dispute),
    ("GET", "/v1/events", endpoints.events),
    ("GET", "/v1/events/{id}", endpoints.event),
    ("POST", "/v1/webhook_endpoints", endpoints.create),
    ("GET", "/v1/webhook_endpoints", endpoints.all_of),
    ("GET", "/v1/webhook_endpoints/{id}", endpoints.retrieve),
    ("POST", "/v1/webhook_endpoints/{id}", endpoints.update),
    ("DELETE", "/v1/webhook_endpoints/{id}", endpoints.delete),
]
_ROUTES = [
    (method, pattern, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)), handler)
    for method, pattern, handler in _TABLE
]


def find(method: str, path: str) -> tuple[str, dict[str, str], Handler] | None:
    """Return the pattern, the parts of the path and the handler of a call."""
    for wanted, pattern, expression, handler in _ROUTES:
        if wanted == method and (match := expression.fullmatch(path)):
            return pattern, match.groupdict(), handler
    return None
