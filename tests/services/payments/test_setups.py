"""Saving a method without paying: only what the provider says, only this customer's, only under the words agreed to."""

from datetime import timedelta
from uuid import UUID

import pytest

from core import clock
from core.actor import Actor
from core.errors import NotFound
from payments.models import PaymentMethod
from payments.services import accounts, mandates, setups
from tenancy.context import Scope, scope
from tests.gateway import Gateway
from tests.make import api, billing, payer, paying

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor.system("tests")
RETURN = "http://localhost:8000/saved?setup={}"


@pytest.fixture
def account(tenant_a: UUID, gateway: Gateway) -> UUID:
    paying.organization(tenant_a, bank=False)
    return accounts.connect(tenant_id=tenant_a, secret_key=gateway.key, actor=ACTOR, at=clock.now())


@pytest.fixture
def customer(tenant_a: UUID) -> UUID:
    with scope(Scope(tenant_a)):
        return billing.customer().pk


def begin(tenant: UUID, customer: UUID, account: UUID) -> str:
    with scope(Scope(tenant)):
        words = mandates.saving(kind="card")
    return setups.begin(
        tenant_id=tenant, customer_id=customer, account_id=account, kind="card", words=words, currency="EUR",
        return_url=RETURN, cancel_url="http://localhost:8000/left", at=clock.now(),
    ).url  # fmt: skip


def finish(tenant: UUID, customer: UUID, returned: str) -> PaymentMethod | None:
    name = returned.partition("setup=")[2].partition("&")[0]
    return setups.finish(tenant_id=tenant, customer_id=customer, name=name, actor=ACTOR, at=clock.now())


def saved(tenant: UUID) -> list[PaymentMethod]:
    with scope(Scope(tenant)):
        return list(PaymentMethod.objects.all())


def test_what_was_saved_at_the_provider_is_kept_once(tenant_a, account, customer) -> None:
    returned = payer.pay(begin(tenant_a, customer, account))
    kept = finish(tenant_a, customer, returned)
    assert kept is not None
    with scope(Scope(tenant_a)):
        (row,) = PaymentMethod.objects.all()
        assert (row.pk, row.customer_id, row.last4) == (kept.pk, customer, "4242")
        assert row.mandate_text == mandates.saving(kind="card")
    with pytest.raises(NotFound):
        finish(tenant_a, customer, returned)


def test_another_customer_cannot_finish_it(tenant_a, account, customer) -> None:
    returned = payer.pay(begin(tenant_a, customer, account))
    with scope(Scope(tenant_a)):
        other = billing.customer("Grace Hopper").pk
    with pytest.raises(NotFound):
        finish(tenant_a, other, returned)
    assert saved(tenant_a) == []


def test_leaving_the_providers_page_saves_nothing(tenant_a, account, customer) -> None:
    begin(tenant_a, customer, account)
    with pytest.raises(NotFound):
        finish(tenant_a, customer, "http://localhost:8000/saved?setup=made-up")
    assert saved(tenant_a) == []


def test_words_that_have_changed_meanwhile_are_not_put_into_anybodys_mouth(
    tenant_a, account, customer
) -> None:
    returned = payer.pay(begin(tenant_a, customer, account))
    with scope(Scope(tenant_a)):
        api.issuers.set_issuer(
            name="Another Name GmbH", address={"country": "AT"}, currency="EUR", actor=ACTOR,
            at=clock.now() + timedelta(seconds=1),
        )  # fmt: skip
    assert finish(tenant_a, customer, returned) is None
    assert saved(tenant_a) == []
