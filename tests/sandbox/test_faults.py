"""Faults on demand: what was done stays done whatever the caller was told, and the truth says so."""

import pytest
import stripe

from tests.embedded.conftest import wait_until
from tests.gateway import Gateway
from tests.sandbox.conftest import client_of

DONE = {"taken": 1000, "refunded": 0, "charges": 1}
NOTHING = {"taken": 0, "refunded": 0, "charges": 0}


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after"])
def test_the_work_is_done_and_the_answer_is_lost(gateway, charge, kind):
    charge_once(gateway, charge, kind, stripe.APIConnectionError, DONE)


@pytest.mark.parametrize(
    ("kind", "error", "sums"),
    [
        ("error_after", stripe.APIError, DONE),
        ("error_before", stripe.APIError, NOTHING),
        ("reset_before", stripe.APIConnectionError, NOTHING),
    ],
)
def test_a_gateway_that_fails(gateway, charge, kind, error, sums):
    charge_once(gateway, charge, kind, error, sums)


def charge_once(gateway, charge, kind, error, sums):
    """The call fails as the fault says; the same call again ends with exactly one charge."""
    gateway.fault(kind, next=1, seconds=0.3, path="POST /v1/payment_intents")
    with pytest.raises(error):
        charge(key="attempt")
    assert gateway.truth()["sums"] == sums
    assert charge(key="attempt").status == "succeeded"
    assert gateway.truth()["sums"] == DONE


def test_a_client_that_gives_up_first_is_not_waited_for(gateway, customer):
    hasty = stripe.StripeClient(
        gateway.key,
        base_addresses={"api": gateway.address},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=0.3),
    )
    gateway.fault("timeout_after", next=1)
    with pytest.raises(stripe.APIConnectionError):
        hasty.v1.customers.create({"name": "Twice?"})
    assert [found.name for found in client_of(gateway).v1.customers.list().data].count("Twice?") == 1


def test_a_fault_strikes_the_next_n_calls_of_its_address_only(gateway, client, charge):
    gateway.fault("error_before", next=2, path="POST /v1/refunds")
    paid = charge()
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            client.v1.refunds.create({"payment_intent": paid.id, "amount": 1})
    assert client.v1.refunds.list().data == []
    assert client.v1.refunds.create({"payment_intent": paid.id, "amount": 1}).status == "succeeded"


def test_a_fault_of_one_account_does_not_strike_another(gateway, client):
    gateway.fault("error_before")
    with pytest.raises(stripe.APIError):
        client.v1.balance.retrieve()
    neighbour = Gateway(gateway.address, gateway.key + "x")
    assert client_of(neighbour).v1.balance.retrieve().object == "balance"
    gateway.calm()
    assert client.v1.balance.retrieve().object == "balance"


def test_a_fault_by_chance_strikes_about_as_often_as_said(gateway, client):
    gateway.fault("error_before", chance=0.5)
    struck = 0
    for _ in range(200):
        try:
            client.v1.balance.retrieve()
        except stripe.APIError:
            struck += 1
    assert 60 < struck < 140


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"kind": "nonsense"}, "kind"),
        ({"kind": "slow", "next": 0}, "next"),
        ({"kind": "slow", "chance": 1.5}, "chance"),
        ({"kind": "slow", "seconds": -1}, "seconds"),
    ],
)
def test_a_fault_that_is_none_is_refused(gateway, wrong, field):
    status, body = gateway.ask("POST", "faults", **wrong)
    assert (status, body["error"]["param"]) == (400, field)
    assert gateway.control("GET", "faults")["faults"] == []


def test_the_truth_counts_every_charge_of_a_payment(gateway, client, charge):
    paid = charge(metadata={"attempt": "att_9"})
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 250})
    truth = gateway.truth()
    (payment,) = truth["payments"]
    assert (payment["id"], payment["metadata"], payment["status"]) == (
        paid.id,
        {"attempt": "att_9"},
        "succeeded",
    )
    assert [(one["status"], one["amount_captured"]) for one in payment["charges"]] == [("succeeded", 1000)]
    assert [(one["payment_intent"], one["amount"]) for one in truth["refunds"]] == [(paid.id, 250)]
    assert truth["sums"] == {"taken": 1000, "refunded": 250, "charges": 1}


def test_five_hundred_payments_are_made_in_seconds(gateway, client, customer):
    from concurrent.futures import ThreadPoolExecutor
    from time import monotonic

    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id}).id
    gateway.fault("error_after", chance=0.1, path="POST /v1/payment_intents")
    form = {
        "amount": 100,
        "currency": "eur",
        "customer": customer.id,
        "payment_method": method,
        "confirm": True,
    }

    def pay(number):
        while True:
            try:
                return client.v1.payment_intents.create(form, {"idempotency_key": f"pay-{number}"}).id
            except stripe.APIError:
                continue

    began = monotonic()
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(pay, range(500)))
    assert monotonic() - began < 50
    assert len(made) == 500
    assert gateway.truth()["sums"] == {"taken": 50_000, "refunded": 0, "charges": 500}
    wait_until(lambda: "waiting" not in gateway.truth()["webhooks"])
