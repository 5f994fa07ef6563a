"""Messages of the provider: only its own, only of now, and read for names alone."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import stripe

from core import clock, primitives
from payments.gateways.base import Can, HookObject, HookRefused
from payments.gateways.stripe import HOOK_EVENTS, StripeGateway
from tests.gateways.benches import Bench, needs
from tests.make import payer
from tests.sandbox.conftest import Receiver

SECRET = "whsec_of_this_account"
AT = datetime.fromisoformat("2026-11-25T12:00:00+00:00")


def message(**more: Any) -> bytes:
    event = {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(AT.timestamp()) - 5,
        "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {"attempt": "att_1"}}},
    }
    return json.dumps(event | more).encode()


def signed(body: bytes, secret: str = SECRET, at: datetime = AT) -> str:
    return stripe.WebhookSignature.generate_signature_header(body.decode(), secret, int(at.timestamp()))


def read(body: bytes, signature: str, *secrets: str, at: datetime = AT) -> Any:
    gateway = StripeGateway(secret_key="sk_test_1", address="")
    return gateway.read_hook(body=body, signature=signature, secrets=secrets or (SECRET,), at=at)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


@needs(Can.HOOKS)
def test_what_the_provider_sends_is_verified_and_names_our_attempt(bench: Bench, receiver: Receiver) -> None:
    hook = bench.gateway.register_hook(key="k-1", url=receiver.url)
    assert bench.gateway.hook_url(hook.reference) == receiver.url
    assert hook.secret not in repr(hook)
    ask = bench.ask()
    page = bench.gateway.open_checkout(ask)
    payer.pay(page.url)
    while bench.sandbox.control("GET", "truth")["webhooks"].get("waiting"):
        continue
    found = {}
    for headers, body in receiver.taken:
        event = bench.gateway.read_hook(
            body=body, signature=headers["Stripe-Signature"], secrets=[hook.secret], at=clock.now()
        )
        assert event.livemode is False
        found[event.type] = (event.object_kind, event.object_reference, event.attempt)
    paid = bench.gateway.look_up(page.reference).reference
    assert found == {
        "checkout.session.completed": (HookObject.CHECKOUT, page.reference, ask.attempt),
        "payment_intent.succeeded": (HookObject.PAYMENT, paid, ask.attempt),
    }


@needs(Can.HOOKS)
def test_a_removed_hook_is_told_nothing_and_removing_is_harmless(bench: Bench, receiver: Receiver) -> None:
    hook = bench.gateway.register_hook(key="k-1", url=receiver.url)
    bench.gateway.remove_hook(hook.reference)
    bench.gateway.remove_hook(hook.reference)
    assert bench.gateway.hook_url(hook.reference) == ""
    bench.paid()
    assert bench.sandbox.truth()["webhooks"] == {}


def test_the_contract_of_a_message() -> None:
    event = read(message(), signed(message()))
    assert (event.id, event.type, event.object_kind, event.object_reference, event.attempt) == (
        "evt_1", "payment_intent.succeeded", HookObject.PAYMENT, "pi_1", "att_1",
    )  # fmt: skip
    assert event.created_at == AT - timedelta(seconds=5)


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("checkout.session", HookObject.CHECKOUT),
        ("refund", HookObject.REFUND),
        ("dispute", HookObject.DISPUTE),
        ("payment_method", HookObject.METHOD),
        ("charge", HookObject.OTHER),
        ("balance", HookObject.OTHER),
    ],
)
def test_what_a_message_is_about(kind: str, found: HookObject) -> None:
    body = message(data={"object": {"id": "x_1", "object": kind}})
    event = read(body, signed(body))
    assert (event.object_kind, event.object_reference, event.attempt) == (found, "x_1", "")


def test_two_secrets_and_several_signatures_verify_while_one_is_replaced() -> None:
    body = message()
    both = f"{signed(body, 'whsec_former')},v1={signed(body).partition('v1=')[2]}"
    for secrets in (["whsec_former"], [SECRET], ["whsec_other", SECRET]):
        assert read(body, both, *secrets).id == "evt_1"
    assert read(body, signed(body, "whsec_former"), SECRET, "whsec_former").id == "evt_1"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "malformed_signature"),
        ("nonsense", "malformed_signature"),
        ("t=,v1=", "malformed_signature"),
        ("t=1764072000", "malformed_signature"),
        ("v1=abc", "malformed_signature"),
        ("t=1764072000,t=1764072000,v1=abc", "malformed_signature"),
        ("t=-5,v1=abc", "malformed_signature"),
        ("t=99999999999999999999,v1=abc", "malformed_signature"),
        ("t=１７６４０７２０００,v1=abc", "malformed_signature"),
        ("t=1764072000," + ",".join(["v1=abc"] * 9), "malformed_signature"),
        ("t=1764072000,v0=" + "0" * 64, "malformed_signature"),
        ("t=1764072000,v1=" + "0" * 64, "wrong_signature"),
        ("t=1764072000,v1=é", "wrong_signature"),
        ("t=1764072000,v1=", "wrong_signature"),
    ],
)
def test_a_signature_that_is_none(header: str, reason: str) -> None:
    with pytest.raises(HookRefused) as refused:
        read(message(), header)
    assert (refused.value.reason, refused.value.status) == (reason, 400)


def test_another_secret_another_body_and_another_time_do_not_verify() -> None:
    body = message()
    good = signed(body)
    moved = good.replace(f"t={int(AT.timestamp())}", f"t={int(AT.timestamp()) + 1}")
    for case in ((body, signed(body, "whsec_other")), (message(id="evt_2"), good), (body, moved)):
        with pytest.raises(HookRefused) as refused:
            read(*case)
        assert refused.value.reason == "wrong_signature"


def test_no_secret_at_all_lets_nothing_in() -> None:
    gateway = StripeGateway(secret_key="sk_test_1", address="")
    with pytest.raises(HookRefused):
        gateway.read_hook(body=message(), signature=signed(message(), ""), secrets=[], at=AT)


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (300, ""),
        (301, "too_old"),
        (86_400, "too_old"),
        (-300, ""),
        (-301, "from_the_future"),
        (-(10**9), "from_the_future"),
    ],
)
def test_five_minutes_either_way(seconds: int, reason: str) -> None:
    """Stripe's own library takes a message from any future."""
    body = message()
    header = signed(body, at=AT - timedelta(seconds=seconds))
    if not reason:
        assert read(body, header).id == "evt_1"
        return
    with pytest.raises(HookRefused) as refused:
        read(body, header)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 5_000,
        message(object="charge"),
        message(id="evt 1"),
        message(id="4242 4242 4242 4242"),
        message(id=None),
        message(type="x" * 65),
        message(type="4242.4242.4242.4242"),
        message(type=None),
        message(created="soon"),
        message(created=10**30),
        message(data=None),
        message(data={"object": None}),
        message(data={"object": {"id": "pi_1\n", "object": "payment_intent"}}),
        message(data={"object": {"id": 5, "object": "payment_intent"}}),
        message(data={"object": {"id": "pi_1", "object": "payment_intent", "metadata": {"attempt": ["a"]}}}),
    ],
)  # fmt: skip
def test_a_verified_message_that_cannot_be_read(body: bytes) -> None:
    secret = SECRET.encode()
    moment = str(int(AT.timestamp()))
    header = f"t={moment},v1={primitives.hmac_sha256(secret, moment.encode() + b'.' + body).hex()}"
    with pytest.raises(HookRefused) as refused:
        read(body, header)
    assert refused.value.reason == "unreadable"


def test_the_events_that_are_asked_for_name_objects_that_are_looked_up() -> None:
    assert {event.rpartition(".")[0] for event in HOOK_EVENTS} == {
        "checkout.session", "payment_intent", "refund", "charge.dispute",
    }  # fmt: skip
