"""The commands keep their promised fields and exit codes."""

import json

import pytest
from django.core.management import CommandError, call_command

from audit import queries, tasks
from audit.models import Event
from core import clock
from tenancy import context
from tests import databases
from tests.make import installation
from tests.services.audit import trail

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "sealer"])


def run(capsys, *arguments):
    code = 0
    try:
        call_command(*arguments, "--json")
    except SystemExit as stop:
        code = stop.code
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_verify_counts_what_is_sealed_and_what_is_not(capsys):
    tenant = trail.organization("counted")
    trail.record(tenant, 3)
    trail.seal()
    trail.record(tenant, 2)
    assert run(capsys, "audit_verify", "--organization", "counted") == (
        0,
        {"events": 5, "seals": 1, "unsealed": 2, "errors": []},
    )
    with context.scope(context.Scope(tenant)):
        row = Event.objects.get(event="audit.verified")
        assert (row.actor_label, row.facts) == ("command:audit_verify", {"events": 5, "seals": 1})


def test_verify_fails_and_names_the_event(capsys):
    tenant = trail.organization("counted")
    made = trail.record(tenant, 3)
    trail.seal()
    trail.tamper(f"UPDATE audit_event SET result = 'failed' WHERE id = '{made[1]}'")
    code, answer = run(capsys, "audit_verify")
    assert (code, answer["errors"]) == (
        1,
        [
            {
                "organization": "counted",
                "kind": "event_changed",
                "first_event": str(made[1]),
                "count": 1,
                "seal": None,
            }
        ],
    )
    with pytest.raises(SystemExit):
        call_command("audit_verify", "--organization", "counted")
    assert f"event_changed, 1 times, first event {made[1]}" in capsys.readouterr().out


def test_an_unknown_organization_is_named():
    with pytest.raises(CommandError, match="nobody"):
        call_command("audit_verify", "--organization", "nobody")


def test_the_periodic_check_covers_every_organization():
    trail.record(trail.organization("counted"))
    trail.seal()
    assert tasks.verify_all() == 0
    for slug in ("a", "b", "counted", "operator"):
        with context.scope(context.Scope(installation.tenant(slug))):
            assert queries.badge(at=clock.now()).state == "verified"
    assert queries_age() < 600


def queries_age():
    trail.seal(at=clock.now())
    with context.system_scope(reason="the heartbeat is everybody's"):
        return queries.seconds_since_sealing(at=clock.now())


def test_a_new_epoch_is_recorded_in_the_operators_log(capsys):
    assert run(capsys, "audit_open_epoch") == (0, {"epoch": 2})
    assert databases.as_owner("SELECT max(epoch) FROM audit_epoch") == [(2,)]
    with context.scope(context.Scope(installation.tenant("operator"))):
        row = Event.objects.get(event="audit.epoch_opened")
        assert (row.facts, row.epoch) == ({"epoch": 2}, 2)


def test_the_list_of_events_is_complete(capsys):
    from audit.events import REGISTRY

    assert run(capsys, "audit_events") == (0, {"events": sorted(REGISTRY)})
