"""When no clear answer comes: what surely did not happen, what nobody knows, and how the truth is found afterwards."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from core.money import Money
from payments.gateways import transport
from payments.gateways.base import (
    Can,
    Gateway,
    GatewayAway,
    GatewayRefused,
    GatewayUnsure,
    OutcomeState,
    RefundState,
)
from payments.gateways.stripe import StripeGateway
from tests import gateway as sandboxes
from tests.gateways.benches import EUR, Bench, needs

_UNSURE = {
    "timeout_after": "no_answer",
    "reset_after": "no_answer",
    "error_after": "status_500",
    "reset_before": "no_answer",
    "error_before": "status_500",
}
_HAPPENED = {"timeout_after", "reset_after", "error_after"}


@needs(Can.CHARGE_SAVED)
@pytest.mark.parametrize("fault", list(_UNSURE))
def test_a_charge_without_an_answer_is_unsure_and_asking_again_charges_once(bench: Bench, fault: str) -> None:
    ask = bench.charge_of(bench.saved())
    bench.sandbox.fault(fault, next=1, path="POST /v1/payment_intents", seconds=3)
    with pytest.raises(GatewayUnsure) as unsure:
        bench.impatient().charge(ask)
    assert unsure.value.reason == _UNSURE[fault]
    assert bench.sandbox.truth()["sums"]["charges"] == (1 if fault in _HAPPENED else 0)
    again = _until_free(lambda: bench.gateway.charge(ask))
    assert (again.state, again.attempt, again.amount) == (OutcomeState.SUCCEEDED, ask.attempt, EUR)
    assert bench.sandbox.truth()["sums"] == {"taken": 19_99, "refunded": 0, "charges": 1}


@needs(Can.HOSTED_PAGE)
@pytest.mark.parametrize("fault", list(_UNSURE))
def test_a_page_without_an_answer_is_one_page_when_asked_again(bench: Bench, fault: str) -> None:
    ask = bench.ask()
    bench.sandbox.fault(fault, next=1, path="POST /v1/checkout/sessions", seconds=3)
    with pytest.raises(GatewayUnsure):
        bench.impatient().open_checkout(ask)
    page = _until_free(lambda: bench.gateway.open_checkout(ask))
    assert [found["id"] for found in bench.sandbox.truth()["sessions"]] == [page.reference]


@needs(Can.SEND_REFUNDS)
@pytest.mark.parametrize("fault", list(_UNSURE))
def test_a_refund_without_an_answer_is_found_by_our_id_or_surely_not_there(bench: Bench, fault: str) -> None:
    paid = bench.paid().reference
    ask = bench.refund_of(paid, 5_00)
    bench.sandbox.fault(fault, next=1, path="POST /v1/refunds", seconds=3)
    with pytest.raises(GatewayUnsure):
        bench.impatient().refund(ask)
    found = bench.gateway.find_refund(payment=paid, refund=ask.refund)
    if fault in _HAPPENED:
        assert found is not None
        assert (found.state, found.amount) == (RefundState.SUCCEEDED, Money(5_00, "EUR"))
    else:
        assert found is None
    again = _until_free(lambda: bench.gateway.refund(ask))
    assert again.state is RefundState.SUCCEEDED
    assert bench.sandbox.truth()["sums"]["refunded"] == 5_00


@needs(Can.LOOK_UP)
def test_a_look_up_without_an_answer_says_nothing(bench: Bench) -> None:
    reference = bench.paid().reference
    bench.sandbox.fault("error_before", next=1, path="GET /v1/payment_intents")
    with pytest.raises(GatewayUnsure):
        bench.gateway.look_up(reference)
    assert bench.gateway.look_up(reference).state is OutcomeState.SUCCEEDED


@needs(Can.CHARGE_SAVED)
def test_a_key_that_was_used_with_other_words_is_unsure(bench: Bench) -> None:
    """What the key did the first time may well have happened: it is not called refused."""
    method = bench.saved()
    key = uuid4().hex
    bench.gateway.charge(bench.charge_of(method, key=key))
    with pytest.raises(GatewayUnsure) as unsure:
        bench.gateway.charge(bench.charge_of(method, Money(1, "EUR"), key=key))
    assert unsure.value.reason == "key_used_before"
    assert bench.sandbox.truth()["sums"]["charges"] == 1


@pytest.fixture
def nobody() -> str:
    """Return an address of this machine where nobody listens, and that may be asked."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}"


_CALLS: list[Callable[[Gateway], Any]] = [
    lambda gateway: gateway.look_up("pi_1"),
    lambda gateway: gateway.create_customer(key="k", customer="cus_1"),
    lambda gateway: gateway.close_checkout("cs_1"),
    lambda gateway: gateway.is_live(),
]


@pytest.mark.parametrize("call", _CALLS)
def test_a_refused_connection_means_nothing_was_sent(
    nobody: str, settings: Any, call: Callable[[Gateway], Any]
) -> None:
    settings.OUTBOUND_PRIVATE_ORIGINS = [nobody]
    with pytest.raises(GatewayAway) as away:
        call(StripeGateway(secret_key="sk_test_nobody123", address=nobody))
    assert away.value.status == 503


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9", "https://127.0.0.1", "https://10.0.0.1", "http://x.test"]
)
def test_a_private_address_that_no_setting_names_is_not_asked(settings: Any, address: str) -> None:
    settings.OUTBOUND_PRIVATE_ORIGINS = []
    with pytest.raises(GatewayAway) as away:
        StripeGateway(secret_key="sk_test_nobody123", address=address).look_up("pi_1")
    assert away.value.reason == "address_refused"


@pytest.fixture
def short_lived(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    child, address = sandboxes.start(tmp_path)
    yield child, address
    child.kill()
    child.wait()


def test_a_provider_that_was_killed_is_away(
    short_lived: tuple[subprocess.Popen[bytes], str], settings: Any
) -> None:
    child, address = short_lived
    settings.OUTBOUND_PRIVATE_ORIGINS = [address]
    gateway = StripeGateway(secret_key="sk_test_shortlived1", address=address)
    assert gateway.is_live() is False
    child.kill()
    child.wait()
    with pytest.raises(GatewayAway):
        gateway.is_live()


@pytest.mark.parametrize("key", ["sk_live_0000000000000000", "none"])
def test_a_key_that_is_not_taken_is_refused_and_not_repeated(
    gateway: sandboxes.Gateway, key: str, caplog: Any
) -> None:
    with caplog.at_level("DEBUG"), pytest.raises(GatewayRefused) as refused:
        StripeGateway(secret_key=key, address=gateway.address).look_up("pi_1")
    assert refused.value.reason == "key_refused"
    assert refused.value.__cause__ is None
    assert key not in f"{refused.value}{refused.value.facts}"
    assert key not in caplog.text


def test_stripes_library_sends_what_is_needed_and_nothing_of_this_machine() -> None:
    sent: list[dict[str, str]] = []

    class Listening:
        def send(self, method: str, url: str, *, headers: dict[str, str], body: bytes) -> Any:
            sent.append(headers)
            raise transport.http.NotReached

    client = transport.stripe.StripeClient(
        "sk_test_1",
        http_client=transport.Transport(Listening(), lambda: None),  # type: ignore[arg-type]
    )
    with pytest.raises(GatewayAway):
        transport.ask(client.v1.customers.create, key="k-1")
    [headers] = sent
    assert {name.lower() for name in headers} == {
        "authorization", "content-type", "idempotency-key", "stripe-version", "user-agent",
    }  # fmt: skip
    assert headers["Idempotency-Key"] == "k-1"


def _until_free(call: Callable[[], Any]) -> Any:
    """Make a call as soon as the one before, which is still under way at the provider, has ended."""
    limit = time.monotonic() + 60
    while True:
        try:
            return call()
        except GatewayUnsure as unsure:
            if unsure.reason != "status_409" or time.monotonic() > limit:
                raise
