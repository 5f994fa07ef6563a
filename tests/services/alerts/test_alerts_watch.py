"""The watch: what happens in a trail opens an alert within one look, once, in the organization it concerns."""

import pytest

from accounts.services import signin
from alerts import engine
from alerts.models import Alert, Watch
from audit import events as audit_events
from audit import services as audit
from core import clock
from core.actor import Actor
from tenancy.context import Scope, scope
from tests import databases
from tests.make import accounts

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = Actor.system("tests")


def look() -> engine.Round:
    databases.let_settle()
    return engine.look(actor=SYSTEM, now=clock.now)


def refuse(tenant, actor, times: int) -> None:
    for number in range(times):
        audit.record_apart(
            audit_events.ACCESS_REFUSED, actor=actor, facts={"status": 403, "route": f"x{number}"},
            reason="forbidden", tenant_id=tenant,
        )  # fmt: skip


def alerts_of(tenant) -> list[Alert]:
    with scope(Scope(tenant)):
        return list(Alert.objects.order_by("id"))


def test_a_burst_of_refusals_opens_one_alert_and_the_same_again_is_counted(tenant_a, tenant_b):
    look()
    with scope(Scope(tenant_a)):
        person = accounts.actor(accounts.member("billing_clerk").user)
    refuse(tenant_a, person, 14)
    assert look().alerts == 0
    refuse(tenant_a, person, 1)
    assert look().alerts == 1
    alert = alerts_of(tenant_a)[0]
    assert (alert.rule, alert.count, alert.person_id) == ("RBAC-04", 15, person.id)
    assert len(alert.evidence) == 15
    refuse(tenant_a, person, 3)
    assert look().alerts == 0
    assert [one.count for one in alerts_of(tenant_a)] == [18]
    assert look().alerts == 0
    assert alerts_of(tenant_b) == []


def test_what_happens_to_a_person_before_they_choose_is_told_where_they_work(tenant_a, tenant_b):
    look()
    with scope(Scope(tenant_a)):
        user = accounts.member("accountant").user
    for _ in range(10):
        audit.record_apart(
            signin.WrongCredentials.event,
            actor=accounts.stranger(),
            subject=("user", user.pk),
            result="failed",
        )
    assert look().alerts == 1
    assert [(one.rule, one.person_id) for one in alerts_of(tenant_a)] == [("AUTH-02", user.pk)]
    assert alerts_of(tenant_b) == []


def test_the_place_is_kept_organization_by_organization(tenant_a):
    look()
    with scope(Scope(tenant_a)):
        person = accounts.actor(accounts.member("billing_clerk").user)
    refuse(tenant_a, person, 1)
    look()
    with scope(Scope(tenant_a)):
        first = Watch.objects.get()
    refuse(tenant_a, person, 1)
    look()
    with scope(Scope(tenant_a)):
        assert int(Watch.objects.get().judged_to) > int(first.judged_to)
