"""States that are told as events, once a change; and stored bytes that do not open."""

from datetime import timedelta

import pytest

from alerts import engine, queries, states
from alerts.models import Alert, Watch
from audit.models import Event, Verification
from core import clock
from core.actor import Actor
from crypto.models import DataKey
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from tests import databases
from tests.databases import as_owner
from tests.make import accounts, billing
from tests.make.api import key_of

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = Actor.system("tests")


def look():
    databases.let_settle()
    return engine.look(actor=SYSTEM, now=clock.now)


def check():
    return states.check_all(actor=SYSTEM, now=clock.now)


def events_of(tenant, code: str) -> int:
    with scope(Scope(tenant)):
        return Event.objects.filter(event=code).count()


def operator():
    with scope(Scope()):
        return Tenant.objects.get(kind="operator").pk


def test_an_old_key_and_an_unchecked_trail_are_told_once_a_change(tenant_a):
    with scope(Scope(tenant_a)):
        accounts.member("owner")
        Verification(state="verified", started_at=clock.now(), finished_at=clock.now()).save()
    look()
    with scope(Scope(tenant_a)):
        billing.customer()
        accounts.member("owner")
        Watch.objects.get_or_create(defaults={"epoch": 1, "judged_to": "3", "judged_at": clock.now()})
    assert events_of(tenant_a, "keys.rotation_overdue") == 0
    check()
    as_owner(
        "UPDATE crypto_datakey SET created_at = now() - interval '100 days' WHERE purpose = 'fields' "
        f"AND tenant_id = '{tenant_a}'"
    )
    with scope(Scope(tenant_a)):
        Verification.objects.update(finished_at=clock.now() - timedelta(hours=25))
    check()
    check()
    assert events_of(tenant_a, "keys.rotation_overdue") == 1
    assert events_of(tenant_a, "audit.check_late") == 1
    look()
    with scope(Scope(tenant_a)):
        assert {one.rule for one in Alert.objects.all()} >= {"KEY-01", "INT-02"}
        assert queries.pulse(at=clock.now()).state == "awake"
        assert queries.pulse(at=clock.now() + timedelta(minutes=5)).state == "late"
        assert queries.pulse(at=clock.now() + timedelta(minutes=11)).state == "asleep"
        Verification.objects.update(finished_at=clock.now())
        assert DataKey.objects.filter(purpose="fields").exists()
    check()
    with scope(Scope(tenant_a)):
        Verification.objects.update(finished_at=clock.now() - timedelta(hours=25))
    check()
    assert events_of(tenant_a, "audit.check_late") == 2


def test_a_sealer_that_fell_behind_is_told_to_the_operator():
    look()
    as_owner("UPDATE audit_mark SET sealed_at = now() - interval '10 minutes'")
    check()
    check()
    assert events_of(operator(), "audit.sealing_late") == 1
    look()
    with scope(Scope(operator())):
        assert [one.severity for one in Alert.objects.filter(rule="INT-03")] == ["critical"]


def test_stored_bytes_that_do_not_open_leave_an_event_and_three_an_alert(tenant_a):
    look()
    speaker = key_of("a")
    with scope(Scope(tenant_a)):
        row = billing.customer("Ada")
    as_owner(
        "UPDATE billing_customer SET name = set_byte(name, octet_length(name) - 1, "
        "get_byte(name, octet_length(name) - 1) # 1) WHERE id = %s",
        [row.pk],
    )
    from core import ids

    for _ in range(3):
        assert speaker.get(f"customers/{ids.encode('customer', row.pk)}").status_code == 500
    assert events_of(tenant_a, "crypto.decrypt_failed") == 3
    look()
    with scope(Scope(tenant_a)):
        assert [one.rule for one in Alert.objects.filter(severity="critical")] == ["KEY-03"]
