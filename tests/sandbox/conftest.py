"""The official library as the sandbox gateway's client, and what a shop does with it."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe

from tests.gateway import Gateway
from tests.make import payer

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


@pytest.fixture
def charge(client: stripe.StripeClient, customer: stripe.Customer) -> Callable[..., Any]:
    """Charge one of Stripe's ready-made methods off-session."""

    def pay(method: str = "pm_card_visa", *, amount: int = 1000, key: str = "", **given: Any) -> Any:
        return client.v1.payment_intents.create(
            {
                "amount": amount,
                "currency": "eur",
                "customer": customer.id,
                "payment_method": method,
                "confirm": True,
                "off_session": True,
                **given,
            },
            {"idempotency_key": key} if key else {},
        )

    return pay


@pytest.fixture
def saved(client: stripe.StripeClient, customer: stripe.Customer) -> Callable[..., str]:
    """Save a method on the hosted page in setup mode; returns its id."""

    def save(card: str = payer.SUCCESS, **how: Any) -> str:
        page = client.v1.checkout.sessions.create(
            {"mode": "setup", "customer": customer.id, "success_url": RETURN, "cancel_url": CANCEL}
        )
        payer.pay(page.url, card, **how)
        done = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["setup_intent"]})
        assert (done.status, done.setup_intent.status) == ("complete", "succeeded")
        return done.setup_intent.payment_method

    return save


class Receiver(http.server.ThreadingHTTPServer):
    """Takes webhooks; answers with `status`, or not at all while it is closed."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        self.taken: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", port), _Receiving)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hooks"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.taken]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events()]


class _Receiving(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.taken.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        """The shop's page that payers return to."""
        body = b"<!doctype html><html lang=en><title>Shop</title><link rel=icon href=data:,><h1>Back at the shop</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()
