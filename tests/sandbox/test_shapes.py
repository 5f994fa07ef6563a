"""Every answer has the keys that Stripe publishes for its objects (tests/data/stripe)."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.gateway import Gateway
from tests.make import payer

PUBLISHED = json.loads((Path(__file__).parents[1] / "data" / "stripe" / "fixtures.json").read_text())[
    "resources"
]
# Parts whose own keys are compared as well.
INNER = {
    "charge": [
        "billing_details",
        "billing_details.address",
        "outcome",
        "payment_method_details",
        "payment_method_details.card",
        "payment_method_details.card.checks",
    ],
    "checkout.session": ["automatic_tax", "customer_details", "invoice_creation.invoice_data"],
    "customer": ["invoice_settings"],
    "dispute": ["evidence", "evidence_details", "payment_method_details", "payment_method_details.card"],
    "event": ["data", "request"],
    "payment_method": ["billing_details", "billing_details.address", "card", "card.checks", "card.networks"],
    "refund": ["destination_details"],
}


def part(body: dict[str, Any], path: str) -> dict[str, Any]:
    for name in path.split("."):
        body = body[name]
    return body


@pytest.fixture
def raw(gateway: Gateway):
    def get(path: str) -> dict[str, Any]:
        """What is on the wire, before the library has touched it."""
        headers = {"Authorization": f"Bearer {gateway.key}"}
        request = urllib.request.Request(gateway.address + path, headers=headers)  # noqa: S310  http only
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return json.load(answer)

    return get


@pytest.fixture
def newest(raw, gateway, client, customer, checkout):
    """One object of each kind, as the API shows it."""
    client.v1.webhook_endpoints.create(
        {"url": "http://localhost:9/hooks", "enabled_events": ["charge.failed"]}
    )
    payer.pay(checkout(customer=customer.id, save=True).url, payer.AUTHENTICATE_ALWAYS)
    payment = client.v1.payment_intents.list().data[0].id
    client.v1.refunds.create({"payment_intent": payment, "amount": 100})
    gateway.dispute(payment)
    setup = client.v1.checkout.sessions.create(
        {"mode": "setup", "customer": customer.id, "success_url": "http://localhost/x"}
    )
    payer.pay(setup.url)
    lists = {
        "charge": "/v1/charges",
        "checkout.session": f"/v1/checkout/sessions?payment_intent={payment}",
        "customer": "/v1/customers",
        "dispute": "/v1/disputes",
        "event": "/v1/events",
        "payment_intent": "/v1/payment_intents",
        "payment_method": f"/v1/payment_methods?customer={customer.id}",
        "refund": "/v1/refunds",
        "setup_intent": "/v1/setup_intents",
        "webhook_endpoint": "/v1/webhook_endpoints",
    }
    return {kind: raw(path)["data"][0] for kind, path in lists.items()}


def test_each_object_has_the_published_keys(newest):
    found = {}
    for kind, body in newest.items():
        for path in ["", *INNER.get(kind, [])]:
            ours = part(body, path) if path else body
            theirs = part(PUBLISHED[kind], path) if path else PUBLISHED[kind]
            if set(ours) ^ set(theirs):
                found[kind, path] = (sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours)))
    assert found == {
        # a list that newer versions of the API show only when it is expanded
        ("charge", ""): ([], ["refunds"]),
    }


def test_each_value_is_of_the_published_type(newest):
    wrong = [
        (kind, name, type(value), type(PUBLISHED[kind][name]))
        for kind, body in newest.items()
        for name, value in body.items()
        if value is not None
        and PUBLISHED[kind][name] is not None
        and type(value) is not type(PUBLISHED[kind][name])
    ]
    assert wrong == []


def test_an_account_and_its_balance_have_published_keys_only(raw):
    account, balance = raw("/v1/account"), raw("/v1/balance")
    assert set(account) <= set(PUBLISHED["account"])
    assert set(balance) <= set(PUBLISHED["balance"])
    assert (account["object"], balance["livemode"]) == ("account", False)
