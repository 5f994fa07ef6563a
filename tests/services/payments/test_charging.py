"""Charging what a customer saved, without its holder, against the sandbox, also on its bad days."""

from datetime import timedelta

import pytest

from payments import rules, waiting
from payments.gateways.base import GatewayUnsure
from payments.models import GatewayAccount, GatewayCustomer
from payments.services import collect, janitor, methods
from tests.make import payer
from tests.make import payments as make
from tests.services.payments.house import ACTOR

pytestmark = pytest.mark.django_db


def saved(house, card=payer.SUCCESS):
    """Pay a part and save the card with it; return the method."""
    attempt = house.start((house.invoice, 1_000), save_method=True)
    payer.pay(house.open(attempt), card)
    house.ask(attempt)
    with house.scope():
        from payments.models import PaymentMethod

        return PaymentMethod.objects.get()


def charge(house, attempt, *, at=None):
    collect.charge_saved(tenant_id=house.tenant, attempt_id=attempt.pk, at=at or house.at)
    return house.now(attempt)


def test_a_card_that_was_saved_is_charged_without_its_holder(house):
    method = saved(house)
    assert (method.last4, method.is_default, method.state) == ("4242", True, "active")
    assert house.events(method.pk) == ["payment_method.saved"]
    attempt = charge(house, house.start((house.invoice, 9_000), saved_method_id=method.pk))
    assert (attempt.state, house.paid()) == ("succeeded", ("paid", 10_000, 0))
    with house.scope():
        assert GatewayCustomer.objects.count() == 1
    with pytest.raises(collect.NotToBeCharged):
        charge(house, attempt)


@pytest.mark.parametrize(
    ("card", "code"),
    [(payer.DECLINES_LATER, "generic_decline"), (payer.AUTHENTICATE_ALWAYS, "authentication_required")],
)
def test_a_charge_that_is_refused_fails_with_its_code(house, card, code):
    with house.scope():
        account = GatewayAccount.objects.get()
    ready = {
        payer.DECLINES_LATER: "pm_card_chargeCustomerFail",
        payer.AUTHENTICATE_ALWAYS: "pm_card_authenticationRequired",
    }[card]
    with house.scope():
        method = methods.save(
            customer_id=house.invoice.customer_id, account_id=account.pk, method=make.method(ready),
            actor=ACTOR, at=house.at,
        )  # fmt: skip
    attempt = charge(house, house.start(saved_method_id=method.pk))
    assert (attempt.state, attempt.failure_code) == ("failed", code)
    assert house.paid() == ("unpaid", 0, 0)


@pytest.mark.parametrize("fault", ["reset_after", "error_after", "error_before"])
def test_a_charge_nobody_knows_of_is_asked_for_again_and_charged_once(house, fault):
    method = saved(house)
    attempt = house.start((house.invoice, 9_000), saved_method_id=method.pk)
    house.gateway.fault(fault, next=9, path="POST /v1/payment_intents")
    with pytest.raises(GatewayUnsure):
        charge(house, attempt)
    assert house.now(attempt).state == "unknown"
    house.gateway.calm()
    asked_at = house.now(attempt).ask_at
    janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=asked_at)
    assert (house.now(attempt).state, house.paid()) == ("succeeded", ("paid", 10_000, 0))
    assert len(house.charges()) == 2


def test_a_worker_that_died_between_asking_and_noting_charges_once(house):
    method = saved(house)
    attempt = house.start((house.invoice, 9_000), saved_method_id=method.pk)
    with house.scope():
        collect.charging.prepare_charge(attempt_id=attempt.pk, at=house.at)
    janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=house.at + rules.LEASE)
    assert (house.now(attempt).state, len(house.charges())) == ("succeeded", 2)


def test_after_a_day_a_charge_is_not_repeated_and_a_person_is_told(house):
    method = saved(house)
    attempt = house.start((house.invoice, 9_000), saved_method_id=method.pk)
    house.gateway.fault("error_after", next=9, path="POST /v1/payment_intents")
    with pytest.raises(GatewayUnsure):
        charge(house, attempt)
    house.gateway.calm()
    for later in (timedelta(days=1), timedelta(days=4), timedelta(days=5)):
        house.ask(attempt, at=house.at + later)
    assert house.now(attempt).state == "unknown"
    assert house.events(attempt.payment_id).count("payment.unresolved") == 1
    with house.scope():
        assert [each.count for each in waiting.waiting(at=house.at).unresolved] == [1]
    with pytest.raises(collect.NotToBeCharged):
        charge(house, attempt, at=house.at + timedelta(days=2))


def test_that_a_second_call_was_not_sent_does_not_say_the_first_did_nothing(house, settings):
    method = saved(house)
    attempt = house.start((house.invoice, 9_000), saved_method_id=method.pk)
    house.gateway.fault("error_after", next=9, path="POST /v1/payment_intents")
    with pytest.raises(GatewayUnsure):
        charge(house, attempt)
    house.gateway.calm()
    there = settings.GATEWAY_ADDRESS
    settings.GATEWAY_ADDRESS = "http://127.0.0.1:9"
    settings.OUTBOUND_PRIVATE_ORIGINS = [settings.GATEWAY_ADDRESS]
    asked_at = house.now(attempt).ask_at
    assert house.ask(attempt, at=asked_at).state == "unknown"
    settings.GATEWAY_ADDRESS = there
    settings.OUTBOUND_PRIVATE_ORIGINS = [there]
    assert house.ask(attempt, at=asked_at + timedelta(hours=1)).state == "succeeded"
    assert len(house.charges()) == 2


def test_a_removed_method_is_charged_no_more_and_forgotten(house):
    method = saved(house)
    with house.scope():
        methods.remove(method_id=method.pk, actor=ACTOR, at=house.at)
        methods.remove(method_id=method.pk, actor=ACTOR, at=house.at)
    assert janitor.forget_methods(tenant_id=house.tenant, at=house.at) == 1
    assert house.events(method.pk) == ["payment_method.saved", "payment_method.removed"]
    with pytest.raises(Exception, match="nothing here"):
        house.start((house.invoice, 9_000), saved_method_id=method.pk)
    with house.scope(), pytest.raises(methods.MethodRemoved):
        from tenancy import context

        with context.attempt():
            methods.make_default(method_id=method.pk, actor=ACTOR, at=house.at)
