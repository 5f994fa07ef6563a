"""Webhooks: signed so that the official library takes them, at least once, whatever the receiver does."""

import socket

import pytest
import stripe

from tests.embedded.conftest import wait_until
from tests.make import payer
from tests.sandbox.conftest import Receiver

EVERYTHING = ["*"]


@pytest.fixture
def endpoint(client, receiver):
    return client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": EVERYTHING})


def arrived(receiver, *types):
    wait_until(lambda: set(types) <= set(receiver.types()))


def test_the_library_takes_what_is_sent_and_refuses_it_under_another_secret(
    client, receiver, endpoint, checkout
):
    payer.pay(checkout().url)
    arrived(receiver, "checkout.session.completed", "payment_intent.succeeded")
    for headers, body in receiver.taken:
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], endpoint.secret)
        assert client.v1.events.retrieve(event.id).to_dict() == event.to_dict()
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, headers["Stripe-Signature"], "whsec_other")
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body + b" ", headers["Stripe-Signature"], endpoint.secret)


def test_each_thing_that_happens_has_its_event(
    gateway, client, customer, receiver, endpoint, checkout, charge, saved
):
    payer.pay(checkout(save=True, customer=customer.id).url, payer.AUTHENTICATE_ALWAYS)
    with pytest.raises(payer.NotPaid):
        payer.pay(checkout().url, payer.DECLINED)
    client.v1.checkout.sessions.expire(checkout().id)
    payer.pay(checkout().url, iban=payer.DEBIT)
    payer.pay(checkout().url, iban=payer.DEBIT_FAILS)
    client.v1.payment_intents.cancel(client.v1.payment_intents.create({"amount": 5, "currency": "eur"}).id)
    client.v1.payment_methods.detach(saved())
    client.v1.refunds.create({"payment_intent": charge("pm_card_pendingRefund").id})
    client.v1.refunds.create({"payment_intent": charge("pm_card_refundFail").id})
    dispute = gateway.dispute(charge().id)
    client.v1.disputes.update(dispute, {"evidence": {"product_description": "Work"}})
    gateway.close_dispute(dispute, won=True)
    gateway.advance()
    arrived(
        receiver,
        *("checkout.session.completed", "checkout.session.expired"),
        *("checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"),
        *("payment_intent.succeeded", "payment_intent.processing", "payment_intent.payment_failed"),
        *("payment_intent.requires_action", "payment_intent.canceled"),
        *("charge.succeeded", "charge.failed", "charge.refunded", "charge.refund.updated"),
        *("refund.created", "refund.updated", "refund.failed"),
        *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
        *("charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"),
        *("setup_intent.succeeded", "payment_method.attached", "payment_method.detached"),
    )


def test_an_event_names_the_call_it_came_from(receiver, endpoint, charge):
    paid = charge(key="attempt-7")
    arrived(receiver, "payment_intent.succeeded")
    event = next(event for event in receiver.events() if event["type"] == "payment_intent.succeeded")
    assert event["request"] == {"id": paid.last_response.request_id, "idempotency_key": "attempt-7"}
    assert (event["pending_webhooks"], event["api_version"]) == (1, "2026-10-28.endive")
    assert event["data"]["object"]["id"] == paid.id


def test_an_endpoint_gets_what_it_asked_for_only(gateway, client, receiver, charge):
    client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["charge.succeeded"]})
    charge()
    wait_until(lambda: [hook["state"] for hook in gateway.webhooks()] == ["delivered"])
    assert receiver.types() == ["charge.succeeded"]


def test_the_secret_is_shown_once(client, endpoint):
    assert endpoint.secret.startswith("whsec_")
    assert not hasattr(client.v1.webhook_endpoints.retrieve(endpoint.id), "secret")


def test_a_deleted_endpoint_gets_nothing_more(gateway, client, endpoint, charge):
    assert client.v1.webhook_endpoints.delete(endpoint.id).deleted
    charge()
    assert [hook["type"] for hook in gateway.webhooks()] == ["customer.created"]  # from before


@pytest.mark.parametrize(
    "url", ["https://shop.example/hooks", "http://192.0.2.1/hooks", "file:///etc/passwd"]
)
def test_it_sends_to_this_machine_only(client, url):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.webhook_endpoints.create({"url": url, "enabled_events": EVERYTHING})
    assert refusal.value.code == "url_invalid"


def test_a_receiver_that_is_away_gets_everything_when_it_is_back(gateway, client, charge):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/hooks"
    client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["payment_intent.succeeded"]})
    charge()
    wait_until(
        lambda: (
            [(h["state"], h["answer"]) for h in gateway.webhooks()] == [("waiting", "ConnectionRefusedError")]
        )
    )
    back = Receiver(port)
    try:
        wait_until(lambda: back.types() == ["payment_intent.succeeded"])
        wait_until(lambda: [hook["state"] for hook in gateway.webhooks()] == ["delivered"])
        assert gateway.webhooks()[0]["tries"] > 1
    finally:
        back.close()


def test_a_receiver_that_fails_is_asked_again(gateway, client, receiver, charge):
    client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]})
    receiver.status = 500
    charge()
    wait_until(lambda: gateway.webhooks()[0]["tries"] >= 2)
    assert (gateway.webhooks()[0]["state"], gateway.webhooks()[0]["answer"]) == ("waiting", "500")
    receiver.status = 200
    wait_until(lambda: receiver.types() == ["payment_intent.succeeded"])


def test_an_event_is_sent_twice_on_demand(gateway, client, receiver, charge):
    client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]})
    gateway.fault("webhook_duplicate")
    charge()
    wait_until(lambda: len(receiver.taken) == 2)
    assert len({event["id"] for event in receiver.events()}) == 1


def test_events_are_lost_on_demand_and_can_be_sent_after_all(gateway, client, receiver, charge):
    client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]})
    gateway.fault("webhook_drop", next=1)
    charge()
    second = charge()
    wait_until(lambda: len(receiver.taken) == 1)
    assert receiver.events()[0]["data"]["object"]["id"] == second.id
    assert [hook["state"] for hook in gateway.webhooks()][1:] == ["lost"]
    assert gateway.deliver() == 1
    wait_until(lambda: len(receiver.taken) == 2)


def test_events_arrive_in_another_order_on_demand(gateway, client, receiver, charge):
    client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]})
    gateway.fault("webhook_reorder", next=3)
    made = [charge().id for _ in range(3)]
    wait_until(lambda: len(receiver.taken) == 3)
    assert [event["data"]["object"]["id"] for event in receiver.events()] == made[::-1]


def test_an_event_is_late_on_demand(gateway, client, receiver, charge):
    client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]})
    gateway.fault("webhook_delay", next=1, seconds=300)
    charge()
    assert [(hook["state"], hook["tries"]) for hook in gateway.webhooks()] == [("waiting", 0)]
    gateway.deliver(event=gateway.webhooks()[0]["event"])
    wait_until(lambda: receiver.types() == ["payment_intent.succeeded"])
