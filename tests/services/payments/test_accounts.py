"""Connecting a provider: what is proved before anything is kept, what is kept how, and what goes again."""

import socket
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection

from accounts.services import organizations
from audit.models import Event
from core import clock
from core.actor import Actor
from core.errors import NotFound
from crypto import keyring
from payments.gateways.base import GatewayAway, GatewayRefused, GatewayUnsure
from payments.models import GatewayAccount
from payments.services import accounts
from tenancy.context import Scope, scope
from tests.gateway import Gateway

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("tests")


def connect(tenant: UUID, gateway: Gateway) -> UUID:
    return accounts.connect(tenant_id=tenant, secret_key=gateway.key, actor=ACTOR, at=clock.now())


def row(tenant: UUID, account_id: UUID) -> GatewayAccount:
    with scope(Scope(tenant)):
        account = GatewayAccount.objects.get(pk=account_id)
        # Decrypted while its organization is in scope.
        assert account.secret_key is not None
        _ = (account.hook_secret, account.previous_hook_secret)
        return account


def count(tenant: UUID, code: str = "") -> int:
    with scope(Scope(tenant)):
        if code:
            return Event.objects.filter(event=code).count()
        return GatewayAccount.objects.count()


def hooks(gateway: Gateway) -> list[str]:
    """Return the addresses that the provider sends to."""
    found = accounts.StripeGateway(secret_key=gateway.key, address=gateway.address)
    listed = found._v1.webhook_endpoints.list({"limit": 100})
    return [endpoint.url for endpoint in listed.data]


def test_a_key_is_proved_the_hook_registered_and_both_kept_encrypted(
    tenant_a: UUID, gateway: Gateway, settings
) -> None:
    account_id = connect(tenant_a, gateway)
    account = row(tenant_a, account_id)
    assert (account.provider, account.state, account.livemode) == ("stripe", "connected", False)
    assert (account.secret_key, account.secret_key_last4) == (gateway.key, gateway.key[-4:])
    assert (account.hook_secret or "").startswith("whsec_")
    assert account.previous_hook_secret is None
    [url] = hooks(gateway)
    assert url.startswith(f"{settings.PUBLIC_URL}/hooks/stripe/")
    assert bytes(account.hook_digest) == accounts.digest(url.rpartition("/")[2])
    assert count(tenant_a, "gateway.connected") == 1
    with scope(Scope(tenant_a)):
        assert accounts.connected() == account


def test_stored_bytes_hold_neither_key_nor_secret(tenant_a: UUID, gateway: Gateway) -> None:
    account = row(tenant_a, connect(tenant_a, gateway))
    with scope(Scope(tenant_a)), connection.cursor() as cursor:
        cursor.execute(
            "SELECT secret_key, hook_secret FROM payments_gatewayaccount WHERE id = %s", [account.pk]
        )
        stored = b"".join(bytes(value) for value in cursor.fetchone())
    assert gateway.key.encode() not in stored
    assert (account.hook_secret or "-").encode() not in stored


@pytest.mark.parametrize("key", ["", "sk_test_", "pk_test_12345678", "sk_test_1234 5678", "4242424242424242"])
def test_what_is_no_key_is_not_even_tried(tenant_a: UUID, key: str) -> None:
    with pytest.raises(accounts.KeyMalformed) as refused:
        accounts.connect(tenant_id=tenant_a, secret_key=key, actor=ACTOR, at=clock.now())
    assert refused.value.field == "secret_key"
    assert not key or key not in refused.value.message
    assert count(tenant_a) == 0


def test_a_live_key_never_goes_to_the_sandbox(tenant_a: UUID) -> None:
    with pytest.raises(accounts.KeyOfOtherMode):
        accounts.connect(tenant_id=tenant_a, secret_key="sk_live_12345678", actor=ACTOR, at=clock.now())
    assert count(tenant_a) == 0


@pytest.mark.parametrize(("mode", "key"), [("test", "sk_live_12345678"), ("live", "sk_test_12345678")])
def test_a_key_of_the_other_mode_is_refused_before_anything_is_sent(settings, mode: str, key: str) -> None:
    settings.GATEWAY_ADDRESS = ""
    settings.OUTBOUND_PRIVATE_ORIGINS = []
    founded = organizations.create(
        slug=f"mode-{mode}", name="M", owner_email="m@m.example", mode=mode, actor=ACTOR, at=clock.now()
    )
    tenant = founded.tenant.pk
    with pytest.raises(accounts.KeyOfOtherMode) as refused:
        accounts.connect(tenant_id=tenant, secret_key=key, actor=ACTOR, at=clock.now())
    assert refused.value.field == "secret_key"
    assert count(tenant) == 0


def test_a_second_account_is_refused_while_one_is_connected(tenant_a: UUID, gateway: Gateway) -> None:
    connect(tenant_a, gateway)
    other = Gateway(gateway.address, f"sk_test_{uuid4().hex}")
    with pytest.raises(accounts.AlreadyConnected):
        connect(tenant_a, other)
    assert (count(tenant_a), hooks(other)) == (1, [])


def test_a_hook_of_a_connection_that_came_too_late_is_taken_back(
    tenant_a: UUID, gateway: Gateway, monkeypatch
) -> None:
    """Two people connect at once: the second has seen none, and the unique key refuses it."""
    connect(tenant_a, gateway)
    other = Gateway(gateway.address, f"sk_test_{uuid4().hex}")
    monkeypatch.setattr(accounts, "connected", lambda: None)
    with pytest.raises(accounts.AlreadyConnected):
        connect(tenant_a, other)
    assert (count(tenant_a), hooks(other)) == (1, [])


@pytest.mark.parametrize(
    ("fault", "path"),
    [("error_before", "GET /v1/balance"), ("error_before", "POST /v1/webhook_endpoints")],
)
def test_a_provider_without_an_answer_connects_nothing(
    tenant_a: UUID, gateway: Gateway, fault: str, path: str
) -> None:
    gateway.fault(fault, next=1, path=path)
    with pytest.raises(GatewayUnsure):
        connect(tenant_a, gateway)
    assert (count(tenant_a), count(tenant_a, "gateway.connected")) == (0, 0)


def test_a_provider_that_is_away_connects_nothing(tenant_a: UUID, settings) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        settings.GATEWAY_ADDRESS = f"http://127.0.0.1:{held.getsockname()[1]}"
    settings.OUTBOUND_PRIVATE_ORIGINS = [settings.GATEWAY_ADDRESS]
    with pytest.raises(GatewayAway):
        accounts.connect(tenant_id=tenant_a, secret_key="sk_test_12345678", actor=ACTOR, at=clock.now())
    assert count(tenant_a) == 0


def test_a_key_is_replaced_by_another_of_the_same_account_only(tenant_a: UUID, gateway: Gateway) -> None:
    account_id = connect(tenant_a, gateway)
    other = Gateway(gateway.address, f"sk_test_{uuid4().hex}")
    with pytest.raises(accounts.KeyOfOtherAccount):
        _replace(tenant_a, account_id, other.key)
    assert row(tenant_a, account_id).secret_key == gateway.key
    assert count(tenant_a, "gateway.key_replaced") == 0
    _replace(tenant_a, account_id, gateway.key)
    assert count(tenant_a, "gateway.key_replaced") == 1


def test_the_signing_secret_is_replaced_with_an_overlap_and_the_address_stays(
    tenant_a: UUID, gateway: Gateway
) -> None:
    account_id = connect(tenant_a, gateway)
    before, [address] = row(tenant_a, account_id), hooks(gateway)
    accounts.rotate_hook(tenant_id=tenant_a, account_id=account_id, actor=ACTOR, at=clock.now())
    after = row(tenant_a, account_id)
    assert after.previous_hook_secret == before.hook_secret
    assert after.hook_secret not in (None, before.hook_secret)
    assert after.hook_reference != before.hook_reference
    assert hooks(gateway) == [address]
    assert count(tenant_a, "gateway.hook_rotated") == 1
    assert _retire(tenant_a, clock.now() + timedelta(hours=23)) == 0
    assert row(tenant_a, account_id).previous_hook_secret == before.hook_secret
    assert _retire(tenant_a, clock.now() + timedelta(hours=25)) == 1
    assert row(tenant_a, account_id).previous_hook_secret is None
    assert count(tenant_a, "gateway.hook_retired") == 1


def test_a_hook_that_was_deleted_at_the_provider_is_registered_anew(tenant_a: UUID, gateway: Gateway) -> None:
    account_id = connect(tenant_a, gateway)
    before, [address] = row(tenant_a, account_id), hooks(gateway)
    accounts.for_account(before).remove_hook(before.hook_reference)
    accounts.rotate_hook(tenant_id=tenant_a, account_id=account_id, actor=ACTOR, at=clock.now())
    [fresh] = hooks(gateway)
    assert fresh != address
    assert bytes(row(tenant_a, account_id).hook_digest) == accounts.digest(fresh.rpartition("/")[2])


def test_a_disconnected_account_takes_no_payment_and_can_still_be_asked(
    tenant_a: UUID, gateway: Gateway
) -> None:
    account_id = connect(tenant_a, gateway)
    with scope(Scope(tenant_a)):
        accounts.disconnect(account_id=account_id, actor=ACTOR)
    with scope(Scope(tenant_a)):
        assert accounts.connected() is None
    assert count(tenant_a, "gateway.disconnected") == 1
    assert accounts.for_account(row(tenant_a, account_id)).is_live() is False
    with pytest.raises(NotFound), scope(Scope(tenant_a)):
        accounts.disconnect(account_id=account_id, actor=ACTOR)
    with pytest.raises(NotFound):
        _replace(tenant_a, account_id, gateway.key)
    assert connect(tenant_a, Gateway(gateway.address, f"sk_test_{uuid4().hex}")) != account_id


def test_one_organization_sees_nothing_of_anothers_account(
    tenant_a: UUID, tenant_b: UUID, gateway: Gateway
) -> None:
    account_id = connect(tenant_a, gateway)
    assert count(tenant_b) == 0
    with pytest.raises(NotFound), scope(Scope(tenant_b)):
        accounts.disconnect(account_id=account_id, actor=ACTOR)
    with pytest.raises(NotFound):
        accounts.rotate_hook(tenant_id=tenant_b, account_id=account_id, actor=ACTOR, at=clock.now())
    assert row(tenant_a, account_id).state == "connected"


def test_a_provider_is_never_asked_inside_a_transaction(tenant_a: UUID, gateway: Gateway) -> None:
    account_id = connect(tenant_a, gateway)
    with scope(Scope(tenant_a)):
        account = GatewayAccount.objects.get(pk=account_id)
        with pytest.raises(accounts.InsideTransaction):
            accounts.for_account(account).is_live()
        with pytest.raises(accounts.InsideTransaction):
            accounts._speaking(gateway.key).is_live()


def test_a_process_that_has_no_key_in_memory_can_ask(tenant_a: UUID, gateway: Gateway) -> None:
    account_id = connect(tenant_a, gateway)
    with scope(Scope(tenant_a)):
        account = GatewayAccount.objects.get(pk=account_id)
    keyring.forget_everything()
    assert accounts.for_account(account).is_live() is False


def test_the_last_call_is_noted_once_a_minute(tenant_a: UUID, gateway: Gateway) -> None:
    account_id = connect(tenant_a, gateway)
    with scope(Scope(tenant_a)):
        GatewayAccount.objects.update(last_call_at=clock.now() - timedelta(hours=1))
    stale = row(tenant_a, account_id)
    asked = accounts.for_account(stale)
    asked.is_live()
    first = row(tenant_a, account_id).last_call_at
    assert first is not None
    assert clock.now() - first < timedelta(minutes=1)
    asked.is_live()
    accounts.for_account(stale).is_live()
    assert row(tenant_a, account_id).last_call_at == first


def test_the_sandbox_is_connected_once_for_each_organization(tenant_a: UUID, tenant_b: UUID) -> None:
    def sandbox(tenant: UUID) -> UUID:
        return accounts.connect_sandbox(tenant_id=tenant, actor=ACTOR, at=clock.now())

    first = sandbox(tenant_a)
    assert sandbox(tenant_a) == first
    other = sandbox(tenant_b)
    assert row(tenant_a, first).secret_key != row(tenant_b, other).secret_key
    assert (count(tenant_a), count(tenant_b)) == (1, 1)


def test_no_key_is_made_up_for_a_real_provider(tenant_a: UUID, settings) -> None:
    settings.GATEWAY_ADDRESS = ""
    with pytest.raises(GatewayRefused):
        accounts.connect_sandbox(tenant_id=tenant_a, actor=ACTOR, at=clock.now())
    assert count(tenant_a) == 0


def _replace(tenant: UUID, account_id: UUID, key: str) -> None:
    accounts.replace_key(tenant_id=tenant, account_id=account_id, secret_key=key, actor=ACTOR, at=clock.now())


def _retire(tenant: UUID, at) -> int:
    with scope(Scope(tenant)):
        return accounts.retire_secrets(actor=ACTOR, at=at)
