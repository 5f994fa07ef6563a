"""A connected organization whose provider's messages are caught, and handed in when a test says so."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import stripe
from django.test import Client

from audit.models import Event
from core import clock
from core.actor import Actor
from payments.models import Attempt, GatewayAccount, HookReceipt, Payment
from payments.services import accounts, collect, hooks
from tenancy.context import Scope, scope
from tests.gateway import Gateway
from tests.make import billing, payer, payments
from tests.sandbox.conftest import Receiver

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
        limit = time.monotonic() + 60
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


def message(**more: Any) -> bytes:
    event = {
        "id": f"evt_{uuid4().hex}", "object": "event", "type": "payment_intent.succeeded",
        "created": int(clock.now().timestamp()), "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {}}},
    }  # fmt: skip
    return json.dumps(event | more).encode()
