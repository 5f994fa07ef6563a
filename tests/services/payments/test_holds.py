"""Held payouts: nothing is asked for, agreed to or sent; what had been sent is followed; a person lets them go."""

from datetime import timedelta

import pytest

from accounts.services import approvals
from audit.models import Event
from core.actor import Actor
from core.errors import Invalid
from payments.gateways.base import GatewayAway
from payments.models import PayoutHold, Refund
from payments.services import holds, refunding, refunds
from tenancy import context
from tests.make import accounts as people
from tests.make import billing as bill
from tests.make import payments as make

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("task:alerts.look")


def ask(payment, amount=100, actor=make.ACTOR):
    return refunds.ask(payment_id=payment.pk, amount_minor=amount, reason="", actor=actor, at=make.AT)


def hold():
    return holds.hold(reason="somebody looks into it", actor=SYSTEM, at=make.AT)


def test_no_refund_is_asked_for_or_agreed_to_while_payouts_are_held(in_a):
    payment = make.bank_payment((bill.finalized(), 1_000))
    clerk = people.actor(people.member("billing_clerk", at=make.AT).user)
    approver = people.actor(people.member("approver", at=make.AT).user)
    waiting = ask(payment, actor=clerk)
    pending = ask(payment, 50)
    assert hold() is True
    assert hold() is False
    before = make.fresh(payment).refunding_minor
    for refused in (
        lambda: ask(payment),
        lambda: approvals.approve(request_id=waiting.approval_id, actor=approver, at=make.AT),
        lambda: refunds.record_payout(
            refund_id=pending.pk, paid_on=make.AT.date(), actor=approver, at=make.AT
        ),
    ):
        with pytest.raises(holds.PayoutsHeld) as said, context.attempt():
            refused()
        assert said.value.event.code == "payout.refused"
    assert make.fresh(payment).refunding_minor == before
    assert [make.fresh(one).state for one in (waiting, pending)] == ["pending_approval", "pending"]
    assert Event.objects.filter(event="payouts.held").count() == 1


def test_only_a_person_lets_them_go_and_says_why(in_a):
    hold()
    officer = people.actor(people.member("security_officer", at=make.AT).user)
    with pytest.raises(holds.OnlyPeopleRelease), context.attempt():
        holds.release(reason="done", actor=SYSTEM, at=make.AT)
    with pytest.raises(Invalid), context.attempt():
        holds.release(reason=" ", actor=officer, at=make.AT)
    assert holds.are_held()
    assert holds.release(reason="it was our own test", actor=officer, at=make.AT) is True
    standing = holds.standing()
    assert standing is not None and (standing.held, standing.reason) == (False, "it was our own test")
    assert PayoutHold.objects.count() == 2
    assert Event.objects.filter(event="payouts.released", actor_id=officer.id).count() == 1
    payment = make.bank_payment((bill.finalized(), 1_000))
    assert ask(payment).state == "pending"


def test_what_waits_is_not_sent_and_what_was_sent_is_not_sent_again(in_a):
    payment = make.card_payment((bill.finalized(), 1_000))
    refund = ask(payment)
    hold()
    assert refunding.prepare(refund_id=refund.pk, actor=SYSTEM, at=make.AT) is None
    waits = make.fresh(refund)
    assert (waits.state, waits.asked) == (Refund.State.PENDING, 0)
    assert waits.ask_at > make.AT
    Refund.objects.filter(pk=refund.pk).update(asked=1)
    noted = refunding.prepare(refund_id=refund.pk, actor=SYSTEM, at=make.AT + timedelta(hours=1))
    assert noted is not None

    class Provider:
        """A provider that knows of no such refund and must not be asked for one."""

        def find_refund(self, **_):
            return None

        def refund(self, _):
            raise AssertionError("it was sent while payouts are held")

    with pytest.raises(GatewayAway):
        refunding._ask(Provider(), noted[1], "ref", again=noted[3], held=noted[4])
