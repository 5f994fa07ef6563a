"""The official library as the sandbox gateway's client, and what a shop does with it."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.gateway import Gateway

RETURN = "http://localhost:8000/paid?session={CHECKOUT_SESSION_ID}"
CANCEL = "http://localhost:8000/left"


def client_of(gateway: Gateway) -> stripe.StripeClient:
    return stripe.StripeClient(gateway.key, base_addresses={"api": gateway.address}, max_network_retries=0)


@pytest.fixture
def client(gateway: Gateway) -> stripe.StripeClient:
    return client_of(gateway)


@pytest.fixture
def customer(client: stripe.StripeClient) -> stripe.Customer:
    return client.v1.customers.create({"name": "Blue Mill Bakery", "metadata": {"ours": "cus_1"}})


@pytest.fixture
def checkout(client: stripe.StripeClient) -> Callable[..., Any]:
    def open_page(amount: int = 1999, *, save: bool = False, **given: Any) -> stripe.checkout.Session:
        usage: dict[str, Any] = {"setup_future_usage": "off_session"} if save else {}
        price = {"currency": "eur", "unit_amount": amount, "product_data": {"name": "Invoice 2026-0007"}}
        return client.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "line_items": [{"price_data": price, "quantity": 1}],
                "success_url": RETURN,
                "cancel_url": CANCEL,
                "client_reference_id": "att_1",
                "metadata": {"attempt": "att_1"},
                "payment_intent_data": {"metadata": {"attempt": "att_1"}, "description": "Invoice", **usage},
                **given,
            }
        )

    return open_page
