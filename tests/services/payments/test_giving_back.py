"""Refunds, disputes and held money against the sandbox, also on its bad days: nothing leaves twice."""

from datetime import timedelta

import pytest

from payments import waiting
from payments.models import Attempt, Dispute, GatewayAccount
from payments.services import collect, disputes, janitor, refunding, refunds
from tests import databases
from tests.make import payer
from tests.make import payments as make
from tests.services.payments.house import ACTOR

pytestmark = pytest.mark.django_db


def refund(house, attempt, amount=5_000):
    with house.scope():
        return refunds.ask(
            payment_id=attempt.payment_id, amount_minor=amount, reason="", actor=ACTOR, at=house.at
        )


def send(house, row, *, at=None):
    refunding.send(tenant_id=house.tenant, refund_id=row.pk, actor=ACTOR, at=at or house.at)
    return house.now(row)


def test_half_goes_back_the_way_it_came(house):
    row = send(house, refund(house, house.pay()))
    assert (row.state, row.reference[:3], house.paid()[0]) == ("succeeded", "re_", "paid")
    assert send(house, row).state == "succeeded"
    assert len(house.gateway.truth()["refunds"]) == 1


@pytest.mark.parametrize("fault", ["reset_after", "error_after", "error_before"])
def test_a_refund_nobody_knows_of_is_looked_for_and_given_once(house, fault):
    row = refund(house, house.pay())
    house.gateway.fault(fault, next=9, path="POST /v1/refunds")
    unsure = send(house, row)
    assert unsure.state == "unknown"
    assert house.events(row.pk)[-1] == "refund.unsure"
    house.gateway.calm()
    # The provider has forgotten the key; ours is found by our id.
    janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=unsure.ask_at)
    assert house.now(row).state == "succeeded"
    assert len(house.gateway.truth()["refunds"]) == 1


def test_a_provider_that_is_away_is_asked_again_for_the_refund(house, settings):
    row = refund(house, house.pay())
    there = settings.GATEWAY_ADDRESS
    settings.GATEWAY_ADDRESS = "http://127.0.0.1:9"
    settings.OUTBOUND_PRIVATE_ORIGINS = [settings.GATEWAY_ADDRESS]
    waits = send(house, row)
    assert (waits.state, waits.ask_at > house.at) == ("pending", True)
    settings.GATEWAY_ADDRESS = there
    settings.OUTBOUND_PRIVATE_ORIGINS = [there]
    assert janitor.send_refunds(tenant_id=house.tenant, actor=ACTOR, at=waits.ask_at) == 1
    assert house.now(row).state == "succeeded"


def test_after_days_a_person_is_told_of_a_refund_nobody_can_say_the_end_of(house):
    row = refund(house, house.pay())
    house.gateway.fault("error_after", next=9, path="POST /v1/refunds")
    send(house, row)
    house.gateway.fault("error_before", next=9, path="GET /v1/refunds")
    for later in (timedelta(days=3, hours=1), timedelta(days=4)):
        assert send(house, row, at=house.at + later).state == "unknown"
    assert house.events(row.pk).count("refund.unresolved") == 1
    with house.scope():
        assert [each.count for each in waiting.waiting(at=house.at).unresolved_refunds] == [1]
    house.gateway.calm()
    assert send(house, row, at=house.at + timedelta(days=5)).state == "succeeded"


@pytest.mark.django_db(transaction=True)
def test_a_refund_that_the_provider_refuses_is_free_again(house):
    row = refund(house, attempt := house.pay())
    databases.past_triggers("UPDATE payments_payment SET reference = 'pi_gone'")
    assert send(house, row).state == "failed"
    databases.past_triggers(f"UPDATE payments_payment SET reference = '{attempt.reference}'")
    with house.scope():
        assert make.fresh(attempt.payment).refunding_minor == 0


def test_a_refund_that_comes_back_later_is_booked_back(house):
    row = send(house, refund(house, house.pay(payer.REFUND_LATER)))
    assert row.state == "sent"
    house.gateway.fail_refund(row.reference)
    assert send(house, row).state == "failed"


def test_a_dispute_is_answered_after_the_commit_and_won(house):
    attempt = house.pay()
    reference = house.gateway.dispute(attempt.reference)
    with house.scope():
        account = GatewayAccount.objects.get()
        gateway = collect.asking.accounts.for_account(account)
    facts = gateway.look_up_dispute(reference)
    with house.scope():
        dispute = disputes.apply_facts(facts=facts, actor=ACTOR, at=house.at)
        assert dispute.answer_by is not None
        disputes.answer(dispute_id=dispute.pk, evidence="Signed for", actor=ACTOR, at=house.at)
    assert janitor.answer_disputes(tenant_id=house.tenant, actor=ACTOR, at=house.at) == 1
    assert house.now(dispute).state == "under_review"
    assert janitor.answer_disputes(tenant_id=house.tenant, actor=ACTOR, at=house.at) == 0
    house.gateway.close_dispute(reference, won=True)
    later = house.at + timedelta(hours=7)
    assert janitor.look_up_disputes(tenant_id=house.tenant, actor=ACTOR, at=later) == 1
    assert (house.now(dispute).state, house.now(house.invoice).disputes_open) == ("won", 0)


def test_a_dispute_that_is_given_up_is_lost(house):
    attempt = house.pay()
    reference = house.gateway.dispute(attempt.reference)
    with house.scope():
        gateway = collect.asking.accounts.for_account(GatewayAccount.objects.get())
    facts = gateway.look_up_dispute(reference)
    with house.scope():
        dispute = disputes.apply_facts(facts=facts, actor=ACTOR, at=house.at)
        disputes.accept(dispute_id=dispute.pk, actor=ACTOR, at=house.at)
    janitor.answer_disputes(tenant_id=house.tenant, actor=ACTOR, at=house.at)
    with house.scope():
        assert Dispute.objects.get().state == "lost"
    assert house.paid() == ("unpaid", 0, 0)


def held(house):
    """A payment for which the provider took another amount than we asked for."""
    attempt = house.start()
    payer.pay(house.open(attempt))
    databases.past_triggers("UPDATE payments_payment SET amount_minor = 12000")
    attempt = house.ask(attempt)
    databases.past_triggers("UPDATE payments_payment SET amount_minor = 10000")
    assert attempt.state == "held"
    return attempt


def resolve(house, attempt, how, reason="The payer typed it"):
    collect.resolve_held(
        tenant_id=house.tenant, payment_id=attempt.payment_id, how=how, reason=reason, actor=ACTOR,
        at=house.at,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_held_money_becomes_credit_when_somebody_says_so(house):
    attempt = held(house)
    resolve(house, attempt, collect.Resolution.CREDIT)
    with house.scope():
        from billing.settlement import queries

        payment = make.fresh(attempt.payment)
        assert (payment.state, payment.captured_minor) == ("succeeded", 10_000)
        assert queries.credit(customer_id=payment.customer_id) == {"EUR": 10_000}
        assert [note.text for note in payment.notes.all()] == ["The payer typed it"]
    assert house.events(payment.pk)[-1] == "payment.resolved"
    with pytest.raises(collect.PaymentMovedOn):
        resolve(house, attempt, collect.Resolution.REFUND)


@pytest.mark.django_db(transaction=True)
def test_held_money_goes_back_when_somebody_says_so(house):
    attempt = held(house)
    resolve(house, attempt, collect.Resolution.REFUND)
    assert house.now(attempt).state == "canceled"
    assert [one["amount"] for one in house.gateway.truth()["refunds"]] == [10_000]
    assert house.paid() == ("unpaid", 0, 0)


@pytest.mark.django_db(transaction=True)
def test_money_that_is_none_of_ours_is_dismissed(house):
    attempt = held(house)
    with house.scope():
        Attempt.objects.update(reference="")
    with pytest.raises(collect.NothingKnownOfIt):
        resolve(house, attempt, collect.Resolution.CREDIT)
    resolve(house, attempt, collect.Resolution.DISMISS)
    assert (house.now(attempt).state, house.paid()) == ("canceled", ("unpaid", 0, 0))
