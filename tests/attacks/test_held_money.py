"""Held money that somebody wants twice, or alone: it goes one way, and over a limit not by one person."""

import pytest

from billing.ledger import queries as books
from billing.settlement import queries as settlement
from core import clock
from payments.gateways.base import GatewayUnsure
from payments.gateways.stripe import StripeGateway
from payments.models import Attempt, Payment
from payments.services import collect
from payments.services.collect import Resolution, ending
from tenancy.context import Scope, scope
from tests import databases
from tests.make import accounts as people
from tests.make import billing as bill
from tests.make import payer
from tests.make import payments as make

pytestmark = pytest.mark.django_db(transaction=True)
BACK = "http://localhost:8000/back"


class Held:
    """An organization whose provider took 100.00 for a payment that was to be over 120.00."""

    def __init__(self, tenant, gateway) -> None:
        self.tenant, self.gateway, self.at = tenant, gateway, clock.now()
        with self.scope():
            make.account(secret_key=gateway.key)
            attempt = make.started(bill.finalized(), at=self.at)
        address = {"return_url": BACK, "cancel_url": BACK}
        payer.pay(collect.open_page(tenant_id=tenant, attempt_id=attempt.pk, at=self.at, **address))
        databases.past_triggers("UPDATE payments_payment SET amount_minor = 12000")
        collect.ask(tenant_id=tenant, attempt_id=attempt.pk, at=self.at)
        with self.scope():
            self.attempt = Attempt.objects.get()
            assert self.attempt.state == "held"
            self.customer = self.attempt.customer_id

    def scope(self):
        return scope(Scope(self.tenant))

    def resolve(self, how, *, actor=make.ACTOR) -> None:
        collect.resolve_held(
            tenant_id=self.tenant, payment_id=self.attempt.payment_id, how=how, reason="So", actor=actor,
            at=self.at,
        )  # fmt: skip

    def person(self, role):
        with self.scope():
            return people.actor(people.member(role, at=self.at).user)

    def back(self) -> list[int]:
        """What the payer's bank would show as given back."""
        return [one["amount"] for one in self.gateway.truth()["refunds"]]

    def state(self) -> tuple[str, dict[str, int]]:
        with self.scope():
            return Payment.objects.get().state, settlement.credit(customer_id=self.customer)


@pytest.fixture
def held(tenant_a, gateway):
    made = Held(tenant_a, gateway)
    yield made
    with made.scope():
        assert books.check() == []


def test_nobody_gives_held_money_back_over_their_limit(held):
    clerk, manager = held.person("billing_clerk"), held.person("billing_manager")
    with pytest.raises(collect.HeldOverLimit):
        held.resolve(Resolution.REFUND, actor=clerk)
    assert (held.back(), held.state()) == ([], ("held", {}))
    # The way that is left asks a second person: as credit it is a payment like any other, and refunded as one.
    held.resolve(Resolution.REFUND, actor=manager)
    assert (held.back(), held.state()) == ([10_000], ("canceled", {}))


def test_whoever_decides_at_the_same_moment_makes_no_credit_of_what_goes_back(held, monkeypatch):
    plain = StripeGateway.refund

    def meanwhile(self, ask):
        answer = plain(self, ask)
        with pytest.raises(collect.GoesBackAlready):
            held.resolve(Resolution.CREDIT)
        with pytest.raises(collect.GoesBackAlready):
            held.resolve(Resolution.DISMISS)
        return answer

    monkeypatch.setattr(StripeGateway, "refund", meanwhile)
    held.resolve(Resolution.REFUND)
    assert (held.back(), held.state()) == ([10_000], ("canceled", {}))


def test_what_went_back_before_a_process_died_is_neither_credit_nor_sent_again(held, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(ending, "decide", _dies)
        with pytest.raises(_Died):
            held.resolve(Resolution.REFUND)
    assert held.back() == [10_000]
    with pytest.raises(collect.GoesBackAlready):
        held.resolve(Resolution.CREDIT)
    with monkeypatch.context() as patched:
        # The key may be forgotten by now: the provider is asked what it did, and not to do it again.
        patched.setattr(StripeGateway, "refund", _dies)
        held.resolve(Resolution.REFUND)
    assert (held.back(), held.state()) == ([10_000], ("canceled", {}))


def test_what_the_provider_did_not_answer_may_only_be_asked_again(held, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(StripeGateway, "refund", _silent)
        with pytest.raises(GatewayUnsure):
            held.resolve(Resolution.REFUND)
    with pytest.raises(collect.GoesBackAlready):
        held.resolve(Resolution.CREDIT)
    held.resolve(Resolution.REFUND)
    assert (held.back(), held.state()) == ([10_000], ("canceled", {}))


class _Died(RuntimeError):
    pass


def _dies(*args: object, **kwargs: object) -> None:
    raise _Died


def _silent(*args: object, **kwargs: object) -> None:
    raise GatewayUnsure("timeout")
