"""The provider's door: what is taken in, once; and that only what the provider says when asked changes anything."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import stripe
from django.test import Client

from audit.models import Event
from billing.ledger import queries as books
from core import clock, ids
from core.actor import Actor
from core.errors import NotFound
from payments.gateways.base import HookRefused
from payments.models import Attempt, Dispute, GatewayAccount, HookReceipt, Payment, Refund
from payments.services import accounts, collect, hooks, refunding, refunds
from tenancy.context import Scope, scope
from tests.gateway import Gateway
from tests.make import billing, payer, payments
from tests.sandbox.conftest import Receiver

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("tests")


def _address() -> str:
    """Return an address that no test came from yet: what a network does is counted."""
    return ".".join(["100", *(str(secrets.randbelow(254) + 1) for _ in range(3))])


@dataclass
class Shop:
    """Organization a, connected; the provider's messages are caught, and handed in when a test says so."""

    tenant: UUID
    account_id: UUID
    path: str
    sandbox: Gateway
    caught: Receiver
    handed: int = 0
    client: Client = field(
        default_factory=lambda: Client(raise_request_exception=False, REMOTE_ADDR=_address())
    )

    def attempt(self) -> UUID:
        """Begin to collect an invoice of 100.00."""
        with scope(Scope(self.tenant)):
            return payments.started(billing.finalized(), account_id=self.account_id, at=clock.now()).pk

    def page(self, attempt_id: UUID) -> str:
        """Open its page."""
        return collect.open_page(
            tenant_id=self.tenant, attempt_id=attempt_id, return_url="http://localhost/back",
            cancel_url="http://localhost/left", at=clock.now(),
        )  # fmt: skip

    def paid(self, card: str = payer.SUCCESS) -> UUID:
        """Pay an attempt at the provider; nothing is known here yet."""
        attempt_id = self.attempt()
        payer.pay(self.page(attempt_id), card)
        return attempt_id

    def messages(self) -> list[tuple[dict[str, str], bytes]]:
        """Return what the provider has sent since last time, once nothing waits any more."""
        limit = time.monotonic() + 20
        while self.sandbox.truth()["webhooks"].get("waiting"):
            assert time.monotonic() < limit
        fresh = self.caught.taken[self.handed :]
        self.handed = len(self.caught.taken)
        return fresh

    def post(self, body: bytes, signature: str, path: str = "") -> int:
        """Hand a message in at the door."""
        return self.client.post(
            path or self.path,
            body,
            content_type="application/json",
            headers={"Stripe-Signature": signature},
        ).status_code

    def hand_in(self, *, reverse: bool = False) -> list[int]:
        """Hand in everything new, and return the answers."""
        fresh = self.messages()
        return [
            self.post(body, headers["Stripe-Signature"]) for headers, body in fresh[:: -1 if reverse else 1]
        ]

    def apply(self, *, at: Callable[[], Any] = clock.now) -> int:
        """Apply what is due."""
        return hooks.apply_due(tenant_id=self.tenant, actor=ACTOR, now=at)

    def secret(self) -> str:
        """Return the account's signing secret."""
        with scope(Scope(self.tenant)):
            return str(GatewayAccount.objects.get(pk=self.account_id).hook_secret)

    def signed(self, body: bytes, *, seconds: int = 0, secret: str = "") -> str:
        """Sign a message as the provider does."""
        moment = int((clock.now() + timedelta(seconds=seconds)).timestamp())
        return stripe.WebhookSignature.generate_signature_header(
            body.decode(), secret or self.secret(), moment
        )

    def receipts(self) -> dict[str, str]:
        """Return the state of every message by its type."""
        with scope(Scope(self.tenant)):
            return dict(HookReceipt.objects.values_list("event_type", "state"))

    def payment(self, attempt_id: UUID) -> Payment:
        """Return the payment of an attempt."""
        with scope(Scope(self.tenant)):
            return Attempt.objects.select_related("payment").get(pk=attempt_id).payment

    def count(self, code: str) -> int:
        """Return how many events of a kind there are."""
        with scope(Scope(self.tenant)):
            return Event.objects.filter(event=code).count()


@pytest.fixture
def caught() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


def shop_of(tenant: UUID, sandbox: Gateway, caught: Receiver) -> Shop:
    account_id = accounts.connect(tenant_id=tenant, secret_key=sandbox.key, actor=ACTOR, at=clock.now())
    found = stripe.StripeClient(sandbox.key, base_addresses={"api": sandbox.address})
    [endpoint] = found.v1.webhook_endpoints.list().data
    return Shop(
        tenant,
        account_id,
        endpoint.url.partition("/hooks/")[1] + endpoint.url.partition("/hooks/")[2],
        sandbox,
        caught,
    )


@pytest.fixture
def shop(tenant_a: UUID, gateway: Gateway, caught: Receiver, settings) -> Iterator[Shop]:
    settings.PUBLIC_URL = caught.url.removesuffix("/hooks")
    made = shop_of(tenant_a, gateway, caught)
    yield made
    with scope(Scope(tenant_a)):
        assert books.check() == []


def message(**more: Any) -> bytes:
    event = {
        "id": f"evt_{uuid4().hex}", "object": "event", "type": "payment_intent.succeeded",
        "created": int(clock.now().timestamp()), "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {}}},
    }  # fmt: skip
    return json.dumps(event | more).encode()


# --- Taking in -------------------------------------------------------------------------------------


def test_a_payment_is_settled_by_the_providers_messages(shop: Shop) -> None:
    attempt_id = shop.paid()
    assert shop.hand_in() == [200, 200]
    assert shop.payment(attempt_id).state == "pending"
    assert shop.apply() == 2
    payment = shop.payment(attempt_id)
    assert (payment.state, payment.captured_minor, payment.last4) == ("succeeded", 100_00, "4242")
    assert shop.receipts() == {"payment_intent.succeeded": "applied", "checkout.session.completed": "applied"}
    assert shop.count("hook.received") == 2
    assert shop.count("payment.succeeded") == 1
    with scope(Scope(shop.tenant)):
        account = GatewayAccount.objects.get(pk=shop.account_id)
        assert account.last_hook_at is not None
        assert not hooks.is_due(at=clock.now() + timedelta(days=1))


def test_what_comes_twice_and_in_reverse_is_applied_once(shop: Shop) -> None:
    attempt_id = shop.paid()
    fresh = shop.messages()
    for headers, body in [*fresh[::-1], *fresh, *fresh]:
        assert shop.post(body, headers["Stripe-Signature"]) == 200
    with scope(Scope(shop.tenant)):
        assert HookReceipt.objects.count() == 2
    assert shop.apply() == 2
    assert shop.apply() == 0
    assert shop.payment(attempt_id).captured_minor == 100_00
    assert (shop.count("hook.received"), shop.count("payment.succeeded")) == (2, 1)
    assert shop.sandbox.truth()["sums"] == {"taken": 100_00, "refunded": 0, "charges": 1}


@pytest.mark.parametrize(
    ("seconds", "secret"), [(0, "whsec_of_somebody_else"), (-330, ""), (330, ""), (-86_400, ""), (10**8, "")]
)
def test_a_bad_old_or_future_message_changes_nothing_and_is_recorded(
    shop: Shop, seconds: int, secret: str
) -> None:
    attempt_id = shop.paid()
    _, body = shop.messages()[-1]
    assert shop.post(body, shop.signed(body, seconds=seconds, secret=secret)) == 400
    assert shop.receipts() == {}
    assert shop.apply() == 0
    assert shop.payment(attempt_id).state == "pending"
    assert shop.count("hook.refused") == 1


@pytest.mark.parametrize(
    "header", ["", "t=1,v1=" + "0" * 64, "v1=" + "0" * 64, "t=x,v1=y", "\N{LATIN SMALL LETTER E WITH ACUTE}"]
)
def test_a_message_without_a_signature_of_ours(shop: Shop, header: str) -> None:
    assert shop.post(message(), header.encode("utf-8", "replace").decode("latin-1")) == 400
    assert shop.receipts() == {}


def test_another_organizations_secret_and_address_let_nothing_in(
    shop: Shop, tenant_b: UUID, caught: Receiver
) -> None:
    other = shop_of(tenant_b, Gateway(shop.sandbox.address, f"sk_test_{uuid4().hex}"), caught)
    body = message()
    assert shop.post(body, shop.signed(body, secret=other.secret())) == 400
    assert shop.post(body, other.signed(body, secret=shop.secret()), other.path) == 400
    prefix = len("/hooks/stripe/")
    theirs, ours = other.path[prefix:], shop.path[prefix:]
    mixed = f"/hooks/stripe/{theirs[:26]}{ours[26:]}"
    assert shop.post(body, shop.signed(body), mixed) == 404
    assert (shop.receipts(), other.receipts()) == ({}, {})


@pytest.mark.parametrize(
    "path", ["/hooks/stripe/x", "/hooks/stripe/" + "a" * 58, "/hooks/other/x", "/hooks/"]
)
def test_an_address_that_is_nobodys(shop: Shop, path: str) -> None:
    body = message()
    assert shop.post(body, shop.signed(body), path) == 404


def test_the_door_takes_posts_alone(shop: Shop) -> None:
    for method in ("get", "put", "delete", "patch"):
        assert getattr(shop.client, method)(shop.path).status_code == 405


def test_a_stranger_cannot_fill_the_trail(shop: Shop) -> None:
    for _ in range(40):
        assert shop.post(message(), "t=1,v1=0") == 400
    assert 10 <= shop.count("hook.refused") <= 11


def test_a_message_that_is_too_large_is_not_read(shop: Shop) -> None:
    body = message(pad="x" * hooks.MOST_BYTES)
    assert shop.post(body, shop.signed(body)) == 400
    assert shop.receipts() == {}


def test_a_message_of_the_other_mode_is_refused(shop: Shop) -> None:
    body = message(livemode=True)
    assert shop.post(body, shop.signed(body)) == 400
    assert shop.receipts() == {}


def test_a_replaced_secret_still_verifies_and_a_retired_one_does_not(shop: Shop) -> None:
    former = shop.secret()
    accounts.rotate_hook(tenant_id=shop.tenant, account_id=shop.account_id, actor=ACTOR, at=clock.now())
    for secret in (former, shop.secret()):
        body = message()
        assert shop.post(body, shop.signed(body, secret=secret)) == 200
    with scope(Scope(shop.tenant)):
        accounts.retire_secrets(actor=ACTOR, at=clock.now() + timedelta(days=2))
    body = message()
    assert shop.post(body, shop.signed(body, secret=former)) == 400
    assert shop.post(body, shop.signed(body)) == 200


def test_nothing_of_a_message_is_stored_but_names(shop: Shop) -> None:
    body = message(data={"object": {"id": "pi_1", "object": "payment_intent", "note": "Paula Payer"}})
    assert shop.post(body, shop.signed(body)) == 200
    with scope(Scope(shop.tenant)):
        [row] = HookReceipt.objects.values()
        facts = list(Event.objects.filter(event="hook.received").values_list("facts", flat=True))
    assert "Paula" not in f"{row}{facts}"
    assert (row["event_type"], row["object_reference"]) == ("payment_intent.succeeded", "pi_1")


# --- Applying --------------------------------------------------------------------------------------


def test_a_message_that_lies_is_not_believed(shop: Shop) -> None:
    """Signed with the true secret and saying that it is paid: the provider is asked, and says that it is not."""
    attempt_id = shop.attempt()
    shop.page(attempt_id)
    with scope(Scope(shop.tenant)):
        page = Attempt.objects.get(pk=attempt_id).checkout_reference
    found = {
        "id": page, "object": "checkout.session", "payment_status": "paid", "amount_total": 10_000,
        "metadata": {"attempt": ids.encode("attempt", attempt_id)},
    }  # fmt: skip
    body = message(type="checkout.session.completed", data={"object": found})
    assert shop.post(body, shop.signed(body)) == 200
    assert shop.apply() == 1
    payment = shop.payment(attempt_id)
    assert (payment.state, payment.captured_minor) == ("pending", 0)


def test_money_of_another_amount_is_held_whatever_the_message_says(shop: Shop) -> None:
    attempt_id = shop.attempt()
    named = {"attempt": ids.encode("attempt", attempt_id)}
    client = stripe.StripeClient(shop.sandbox.key, base_addresses={"api": shop.sandbox.address})
    client.v1.payment_intents.create(
        {"amount": 1, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True, "metadata": named,
         "return_url": "http://localhost/"}
    )  # fmt: skip
    assert set(shop.hand_in()) == {200}
    shop.apply()
    payment = shop.payment(attempt_id)
    assert (payment.state, payment.captured_minor) == ("held", 0)
    assert shop.count("payment.held") == 1


def test_objects_that_are_not_ours_are_ignored(shop: Shop) -> None:
    client = stripe.StripeClient(shop.sandbox.key, base_addresses={"api": shop.sandbox.address})
    theirs = {"amount": 500, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True,
              "return_url": "http://localhost/"}  # fmt: skip
    made = client.v1.payment_intents.create(theirs)
    client.v1.refunds.create({"payment_intent": made.id, "amount": 100})
    shop.sandbox.dispute(client.v1.payment_intents.create(theirs).id)
    assert set(shop.hand_in()) == {200}
    for subject, kind in (
        ("pi_unknown", "payment_intent"),
        ("cs_unknown", "checkout.session"),
        ("ch_1", "charge"),
    ):
        body = message(type=f"{kind}.succeeded", data={"object": {"id": subject, "object": kind}})
        assert shop.post(body, shop.signed(body)) == 200
    assert shop.apply() == 0
    assert set(shop.receipts().values()) == {"ignored"}
    with scope(Scope(shop.tenant)):
        assert (Payment.objects.count(), Refund.objects.count(), Dispute.objects.count()) == (0, 0, 0)


def test_declines_are_noted_and_the_page_stays(shop: Shop) -> None:
    attempt_id = shop.attempt()
    url = shop.page(attempt_id)
    with pytest.raises(payer.NotPaid):
        payer.pay(url, payer.INSUFFICIENT_FUNDS)
    shop.hand_in()
    shop.apply()
    with scope(Scope(shop.tenant)):
        attempt = Attempt.objects.get(pk=attempt_id)
    assert (attempt.state, attempt.failure_code, attempt.declines) == ("open", "insufficient_funds", 1)
    payer.pay(url)
    shop.hand_in()
    shop.apply()
    assert shop.payment(attempt_id).state == "succeeded"


def test_a_debit_that_fails_after_days(shop: Shop) -> None:
    attempt_id = shop.attempt()
    payer.pay(shop.page(attempt_id), iban=payer.DEBIT_FAILS)
    shop.hand_in()
    shop.apply()
    assert shop.payment(attempt_id).state == "processing"
    shop.sandbox.advance()
    shop.hand_in()
    shop.apply()
    payment = shop.payment(attempt_id)
    assert (payment.state, payment.failure_code, payment.captured_minor) == (
        "failed",
        "debit_not_authorized",
        0,
    )


def test_a_refund_that_fails_after_it_succeeded(shop: Shop) -> None:
    attempt_id = shop.paid(payer.REFUND_FAILS)
    shop.hand_in()
    shop.apply()
    with scope(Scope(shop.tenant)):
        asked = refunds.ask(
            payment_id=shop.payment(attempt_id).pk, amount_minor=40_00, reason="Returned", actor=ACTOR,
            at=clock.now(),
        )  # fmt: skip
    refunding.send(tenant_id=shop.tenant, refund_id=asked.pk, actor=ACTOR, at=clock.now())
    shop.hand_in()
    shop.apply()
    assert (_refund(shop, asked.pk).state, shop.payment(attempt_id).refunded_minor) == ("succeeded", 40_00)
    shop.sandbox.advance()
    shop.hand_in()
    shop.apply()
    failed = _refund(shop, asked.pk)
    assert (failed.state, failed.failure_code) == ("failed", "expired_or_canceled_card")
    assert shop.payment(attempt_id).refunded_minor == 0


def test_a_dispute_that_is_heard_of_before_its_payment(shop: Shop) -> None:
    attempt_id = shop.paid(payer.DISPUTED)
    shop.sandbox.advance()
    fresh = [(headers, body) for headers, body in shop.messages() if b"charge.dispute" in body]
    for headers, body in fresh:
        assert shop.post(body, headers["Stripe-Signature"]) == 200
    assert shop.apply() == 2
    assert shop.payment(attempt_id).state == "succeeded"
    with scope(Scope(shop.tenant)):
        [dispute] = Dispute.objects.all()
    assert (dispute.state, dispute.amount_minor, dispute.reason_code) == (
        "needs_response",
        100_00,
        "fraudulent",
    )
    shop.sandbox.close_dispute(dispute.reference, won=False)
    shop.hand_in()
    shop.apply()
    with scope(Scope(shop.tenant)):
        assert Dispute.objects.get().state == "lost"


def test_a_provider_that_is_silent_is_asked_again_later(shop: Shop) -> None:
    attempt_id = shop.paid()
    shop.hand_in()
    shop.sandbox.fault("error_before", chance=1, path="GET /v1/")
    at = clock.now()
    assert shop.apply(at=lambda: at) == 0
    # The first was asked about; the other waits untried, and no worker with it.
    assert sorted(shop.receipts().values()) == ["failed", "received"]
    with scope(Scope(shop.tenant)):
        failed, other = HookReceipt.objects.order_by("state")
        assert (failed.failure, failed.tries, failed.next_try_at) == (
            "status_500", 1, at + timedelta(seconds=2),
        )  # fmt: skip
        assert (other.failure, other.tries, other.next_try_at) == ("", 0, at + timedelta(seconds=5))
        assert not hooks.is_due(at=at)
    shop.sandbox.calm()
    assert shop.apply(at=lambda: at + timedelta(seconds=5)) == 2
    assert shop.payment(attempt_id).state == "succeeded"


def test_what_cannot_be_applied_is_given_up_in_the_end_and_says_so(shop: Shop) -> None:
    shop.paid()
    shop.hand_in()
    shop.sandbox.fault("error_before", chance=1, path="GET /v1/")
    at = clock.now()
    for _ in range(2 * hooks.MOST_TRIES):
        shop.apply(at=lambda at=at: at)
        at += timedelta(hours=3)
    assert shop.count("hook.given_up") == 2
    assert set(shop.receipts().values()) == {"ignored"}
    with scope(Scope(shop.tenant)):
        assert not hooks.is_due(at=at + timedelta(days=1))


def test_two_workers_do_not_apply_the_same_message(shop: Shop) -> None:
    shop.paid()
    shop.hand_in()
    with scope(Scope(shop.tenant)):
        assert len(hooks.claim(at=clock.now())) == 2
        assert hooks.claim(at=clock.now()) == []
        assert len(hooks.claim(at=clock.now() + hooks.LEASE)) == 2


def test_a_message_of_an_account_that_was_replaced_goes_to_its_own_attempts_only(
    shop: Shop, tenant_a: UUID, caught: Receiver
) -> None:
    """The same provider account connected anew: both hooks are told, each answers for its own attempts."""
    attempt_id = shop.paid()
    first = shop.messages()
    with scope(Scope(tenant_a)):
        accounts.disconnect(account_id=shop.account_id, actor=ACTOR)
    again = accounts.connect(tenant_id=tenant_a, secret_key=shop.sandbox.key, actor=ACTOR, at=clock.now())
    with scope(Scope(tenant_a)):
        account = GatewayAccount.objects.get(pk=again)
        for _, body in first:
            signature = shop.signed(body, secret=str(account.hook_secret))
            hooks.take(account=account, body=body, signature=signature, actor=ACTOR, at=clock.now())
    assert shop.apply() == 0
    assert shop.payment(attempt_id).state == "pending"
    for headers, body in first:
        assert shop.post(body, headers["Stripe-Signature"]) == 200
    assert shop.apply() == 2
    assert shop.payment(attempt_id).state == "succeeded"


def test_messages_go_after_180_days(shop: Shop) -> None:
    body = message()
    assert shop.post(body, shop.signed(body)) == 200
    with scope(Scope(shop.tenant)):
        assert hooks.remove_old(at=clock.now() + timedelta(days=179)) == 0
        assert hooks.remove_old(at=clock.now() + timedelta(days=181)) == 1
        assert HookReceipt.objects.count() == 0


def test_a_closed_door_is_told_as_nothing(shop: Shop) -> None:
    with scope(Scope(shop.tenant)):
        with pytest.raises(NotFound):
            hooks.account_of("unknown")
        with pytest.raises(HookRefused) as refused:
            hooks.take(
                account=GatewayAccount.objects.get(), body=b"", signature="", actor=ACTOR, at=clock.now()
            )
    assert refused.value.status == 400


def _refund(shop: Shop, refund_id: UUID) -> Refund:
    with scope(Scope(shop.tenant)):
        return Refund.objects.get(pk=refund_id)
