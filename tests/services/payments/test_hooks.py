"""The provider's door: what is taken in, once, and what is turned away."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from audit.models import Event
from core import clock
from payments.models import GatewayAccount, HookReceipt
from payments.services import accounts, hooks
from tenancy.context import Scope, scope
from tests.gateway import Gateway
from tests.sandbox.conftest import Receiver
from tests.services.payments.shop import ACTOR, Shop, message, shop_of

pytestmark = pytest.mark.django_db


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
