"""The engine under strain: an organization that cannot be judged, an open transaction, what is done by itself."""

import threading
import time

import pytest
from django.db import connections

from accounts import events as account_events
from alerts import engine, services, tuning
from alerts.models import Alert, AlertStep, Mute, Watch
from alerts.rules import BY_CODE
from audit import events as audit_events
from audit import services as audit
from audit.models import Event
from billing import events as billing_events
from core import clock
from core.actor import Actor
from payments import events as payment_events
from payments.models import Refund
from payments.services import holds, refunds
from tenancy import context
from tenancy.context import Scope, scope
from tests import databases
from tests.databases import as_owner
from tests.make import accounts, billing, payments

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = Actor.system("tests")


def look(*, settle: bool = True) -> engine.Round:
    if settle:
        databases.let_settle()
    return engine.look(actor=SYSTEM, now=clock.now)


def refuse(tenant, actor, times: int) -> None:
    for _ in range(times):
        audit.record_apart(
            audit_events.ACCESS_REFUSED, actor=actor, facts={"status": 403, "route": "x"},
            reason="forbidden", tenant_id=tenant,
        )  # fmt: skip


def rules_of(tenant) -> list[str]:
    with scope(Scope(tenant)):
        return sorted(Alert.objects.values_list("rule", flat=True))


def test_one_organization_that_cannot_be_judged_keeps_nobody_else_waiting(tenant_a, tenant_b, monkeypatch):
    look()
    people = {}
    for tenant in (tenant_a, tenant_b):
        with scope(Scope(tenant)):
            people[tenant] = accounts.actor(accounts.member("billing_clerk").user)
        refuse(tenant, people[tenant], 15)
    failed = {"event": accounts.stranger(), "user": people[tenant_a].id}
    for _ in range(10):
        audit.record_apart(
            account_events.SIGNIN_FAILED,
            actor=failed["event"],
            subject=("user", failed["user"]),
            result="failed",
        )
    own = engine._apply

    def poisoned(fresh, forwarded, **more):
        if context.current_tenant() == tenant_a:
            raise RuntimeError("cannot be judged")
        return own(fresh, forwarded, **more)

    monkeypatch.setattr(engine, "_apply", poisoned)
    assert look().failed == 1
    assert (rules_of(tenant_a), rules_of(tenant_b)) == ([], ["RBAC-04"])
    refuse(tenant_b, accounts.stranger(network="other"), 15)
    assert look().failed == 1
    assert rules_of(tenant_b) == ["RBAC-04", "RBAC-04"]
    monkeypatch.setattr(engine, "_apply", own)
    assert look().failed == 0
    # What was in its own log, and what the operator's log holds about its people.
    assert rules_of(tenant_a) == ["AUTH-02", "RBAC-04"]
    assert look().organizations == 0 or look().alerts == 0


def test_an_open_transaction_elsewhere_delays_nobody(tenant_a):
    look()
    with scope(Scope(tenant_a)):
        person = accounts.actor(accounts.member("billing_clerk").user)
    hold, done = threading.Event(), threading.Event()

    def linger() -> None:
        with scope(Scope(tenant_a)):
            audit.record(audit_events.AUDIT_READ, actor=SYSTEM)
            done.set()
            hold.wait(60)
        connections["default"].close()

    thread = threading.Thread(target=linger)
    thread.start()
    try:
        assert done.wait(60)
        refuse(tenant_a, person, 15)
        began = time.monotonic()
        assert look(settle=False).alerts == 1
        assert time.monotonic() - began < 10
        # Read once more until it is final, and found no second time.
        assert look(settle=False).alerts == 0
    finally:
        hold.set()
        thread.join()
    look()
    with scope(Scope(tenant_a)):
        assert Alert.objects.get().count == 15
        assert Watch.objects.exists()


def test_bank_details_then_a_refund_holds_payouts_by_itself(tenant_a):
    look()
    with scope(Scope(tenant_a)):
        thief = accounts.actor(accounts.member("owner").user)
        payment = payments.bank_payment((billing.finalized(), 1_000))
        audit.record(billing_events.BANK_ACCOUNT_ANNOUNCED, actor=thief, subject=("bank_account", payment.pk))
    look()
    with scope(Scope(tenant_a)):
        refunds.ask(payment_id=payment.pk, amount_minor=100, reason="", actor=thief, at=clock.now())
    assert look().alerts >= 1
    with scope(Scope(tenant_a)):
        alert = Alert.objects.get(rule="PAY-04")
        assert (alert.severity, alert.contained, holds.are_held()) == ("critical", "hold_payouts", True)
        assert holds.standing().alert_id == alert.pk
        assert [one.kind for one in AlertStep.objects.filter(alert=alert)] == ["opened", "contained"]
        with pytest.raises(holds.PayoutsHeld):
            refunds.ask(payment_id=payment.pk, amount_minor=100, reason="", actor=thief, at=clock.now())
    with scope(Scope(tenant_a)):
        assert Refund.objects.count() == 1
        assert Event.objects.filter(event=payment_events.PAYOUTS_HELD.code).count() == 1


def test_a_muted_person_is_silent_and_counted_others_are_not(tenant_a):
    look()
    with scope(Scope(tenant_a)):
        loud, other = (accounts.actor(accounts.member("billing_clerk").user) for _ in range(2))
        officer = accounts.actor(accounts.member("security_officer").user)
    refuse(tenant_a, loud, 15)
    look()
    with scope(Scope(tenant_a)):
        alert = Alert.objects.get()
        services.close(alert_id=alert.pk, reason="benign", actor=officer, at=clock.now())
        tuning.mute(alert_id=alert.pk, days=7, reason="an extension", actor=officer, at=clock.now())
    refuse(tenant_a, loud, 15)
    refuse(tenant_a, other, 15)
    look()
    with scope(Scope(tenant_a)):
        found = list(Alert.objects.filter(rule="RBAC-04").order_by("id"))
        assert [one.person_id for one in found] == [loud.id, other.id]
        assert Mute.objects.get().silenced >= 1
        assert Alert.objects.filter(rule="INT-04", severity="medium").count() == 1


def test_a_closed_alert_opens_anew_only_for_what_comes_after(tenant_a):
    look()
    with scope(Scope(tenant_a)):
        person = accounts.actor(accounts.member("billing_clerk").user)
    refuse(tenant_a, person, 15)
    look()
    with scope(Scope(tenant_a)):
        alert = Alert.objects.get()
        services.close(alert_id=alert.pk, reason="false", actor=SYSTEM, at=clock.now())
        # The same trail read once more, as after a crash.
        Watch.objects.update(judged_to="3")
    as_owner("UPDATE alerts_watch SET host_to = '3' WHERE host_epoch IS NOT NULL")
    assert look().alerts == 0
    refuse(tenant_a, person, 1)
    assert look().alerts == 1
    assert len(rules_of(tenant_a)) == 2
    assert BY_CODE["RBAC-04"].settings.version == 0


def test_an_alert_that_goes_on_is_told_again_after_a_while_and_not_before(tenant_a):
    look()
    with scope(Scope(tenant_a)):
        person = accounts.actor(accounts.member("billing_clerk").user)
    for _ in range(2):
        refuse(tenant_a, person, 15)
        look()
    with scope(Scope(tenant_a)):
        assert not Event.objects.filter(event="alert.raised").exists()
        alert = Alert.objects.get()
        Alert.objects.update(announced_at=alert.announced_at - BY_CODE["RBAC-04"].settings.suppression)
    refuse(tenant_a, person, 15)
    look()
    with scope(Scope(tenant_a)):
        raised = Event.objects.get(event="alert.raised")
        assert raised.subject_id == alert.pk
        assert Alert.objects.get().announced_at > alert.announced_at
        assert AlertStep.objects.filter(kind=AlertStep.Kind.RAISED).count() == 1
