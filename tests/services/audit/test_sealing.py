"""Sealing: final events only, each exactly once, chained and signed, and stopped by nothing."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from django.db import DatabaseError, connections

from audit import bundles, events, keys, queries, rules, sealing, verification
from audit.models import Event, Seal
from core import ids, primitives
from tenancy import context
from tests import databases
from tests.make import installation
from tests.services.audit import trail

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "sealer"])


def seals_of(tenant):
    return [seal for page in verification.seal_pages(tenant, last=10**9) for seal in page]


def test_a_seal_covers_what_was_recorded_and_follows_the_one_before():
    trail.seal()
    tenant = trail.organization("sealed")
    first = trail.record(tenant, 3)
    trail.seal()
    second = trail.record(tenant, 2)
    trail.seal()
    one, two = seals_of(tenant)
    assert [UUIDs(one), UUIDs(two)] == [set(first), set(second)]
    assert (one.n, one.count, one.prev) == (1, 3, bytes(32))
    assert (two.n, two.count, two.prev) == (2, 2, one.hash)
    key = keys.signing_key()
    for seal in (one, two):
        assert seal.hash == seal.computed_hash()
        assert seal.root == rules.merkle_root([content for _, content in rules.split(seal.leaves)])
        primitives.ed25519_verify(key.public, seal.signature, rules.SEAL_DOMAIN + seal.hash)
    assert one.sealed_at == "2026-11-25T12:00:00"
    with context.scope(context.Scope(tenant)):
        found = [queries.seal_of(Event.objects.get(id=event)) for event in (first[0], first[2], second[1])]
        assert [seal.n for seal in found] == [1, 1, 2]
    assert int(one.xid_to) <= int(two.xid_from)


def UUIDs(seal):  # noqa: N802
    import uuid

    return {uuid.UUID(bytes=event) for event, _ in rules.split(seal.leaves)}


def test_nothing_to_seal_makes_no_seal():
    trail.seal()
    assert sealing.seal_once(keys.signing_key(), at=trail.AT).seals == []


def test_an_open_transaction_holds_the_seal_back():
    trail.seal()
    tenant = trail.organization("sealed")
    with databases.connect_as("owner") as slow:
        slow.autocommit = False
        slow.execute("SELECT pg_current_xact_id()")
        trail.record(tenant)
        # What commits later than a seal was made can never lie before it.
        assert sealing.seal_once(keys.signing_key(), at=trail.AT).events == 0
        slow.rollback()
    trail.seal()
    assert [seal.count for seal in seals_of(tenant)] == [1]


def test_a_round_is_bounded_and_a_transaction_is_never_cut():
    trail.seal()
    tenant = trail.organization("sealed")
    with context.scope(context.Scope(tenant)):
        from audit import services

        services.record_each(
            events.AUDIT_READ, actor=trail.ACTOR, kind="invoice", subjects=[ids.uuid7() for _ in range(7)]
        )
    trail.record(tenant, 4)
    sealed = []
    while sum(sealed) < 11:
        done = sealing.seal_once(keys.signing_key(), at=trail.AT, most=3)
        sealed += [done.events] if done.events else []
    # Seven of one transaction in one seal; the four after it, each its own, as other databases' writers let them.
    assert (sealed[0], sum(sealed)) == (7, 11)
    assert max(sealed[1:]) <= 4
    assert verification.verify(tenant).findings == []


def test_the_sealer_can_do_nothing_else():
    tenant = trail.organization("sealed")
    trail.record(tenant)
    with connections["sealer"].cursor() as cursor:
        for sql in (
            "INSERT INTO audit_event (id, tenant_id) VALUES (uuidv7(), uuidv7())",
            "UPDATE audit_event SET reason = 'x'",
            "DELETE FROM audit_event",
            "UPDATE audit_seal SET n = 9",
            "DELETE FROM audit_seal",
            "SELECT * FROM crypto_datakey",
            "UPDATE audit_bundle SET head = ''",
        ):
            with pytest.raises(DatabaseError, match="permission denied"):
                cursor.execute(sql)


def test_what_somebody_wrote_past_the_software_does_not_stop_the_sealer():
    tenant = trail.organization("sealed")
    deep = "[" * 5000 + "]" * 5000
    with context.scope(context.Scope(tenant)), connections["default"].cursor() as cursor:
        for facts in ('{"a": 1.50}', f'{{"a": {deep}}}', '{"a": ' + "9" * 5000 + "}", '{"a": "\\"é"}'):
            cursor.execute(
                "INSERT INTO audit_event (id, tenant_id, event, result, actor_kind, via, request_id, facts) "
                "VALUES (uuidv7(), %s, 'a\"b', 'failed', '', 'ü', uuidv7(), %s::jsonb)",
                [tenant, facts],
            )
    trail.seal()
    report = verification.verify(tenant)
    assert (report.events, report.unsealed, report.findings) == (4, 0, [])
    trail.tamper("UPDATE audit_event SET facts = '{\"a\": 1.5}' WHERE facts = '{\"a\": 1.50}'")
    assert list(trail.kinds(tenant)) == ["event_changed"]


def test_a_database_restored_elsewhere_is_not_sealed_until_an_epoch_is_opened():
    tenant = trail.organization("sealed")
    trail.record(tenant, 2)
    trail.seal()
    databases.as_owner("UPDATE audit_epoch SET system_identifier = 'other'")
    trail.record(tenant)
    with pytest.raises(sealing.ForeignCluster):
        sealing.seal_once(keys.signing_key(), at=trail.AT)
    assert databases.as_owner("SELECT audit_open_epoch()") == [(2,)]
    made = trail.record(tenant, 2)
    # What was left of the old epoch is sealed first, then the mark moves on.
    assert sealing.seal_once(keys.signing_key(), at=trail.AT).resumed == 2
    trail.seal()
    assert [(seal.epoch, seal.count) for seal in seals_of(tenant)] == [(1, 2), (1, 1), (2, 2)]
    with context.scope(context.Scope(tenant)):
        assert set(Event.objects.filter(epoch=2).values_list("id", flat=True)) == set(made)
        assert Seal.objects.count() == 3
    report = verification.verify(tenant)
    assert (report.events, report.unsealed, report.findings) == (5, 0, [])


def test_transaction_ids_may_start_anew_in_a_new_epoch():
    tenant = trail.organization("sealed")
    trail.record(tenant, 2)
    trail.seal()
    # A logical restore into a young cluster: the old rows carry higher numbers than any to come.
    trail.tamper(
        "UPDATE audit_event SET xid = (xid::text::bigint + 1000000)::text::xid8;"
        "UPDATE audit_mark SET sealed_to = (sealed_to::text::bigint + 1000000)::text::xid8;"
        "ALTER TABLE audit_event ENABLE TRIGGER USER; DELETE FROM audit_seal"
    )
    assert databases.as_owner("SELECT audit_open_epoch()") == [(2,)]
    trail.record(tenant, 3)
    assert sealing.seal_once(keys.signing_key(), at=trail.AT).resumed == 2
    trail.seal()
    assert [(seal.epoch, seal.count) for seal in seals_of(tenant)] == [(2, 3)]
    assert [finding.kind for finding in verification.verify(tenant).findings] == ["event_inserted"]


def test_the_loop_survives_an_outage_and_says_so(settings, tmp_path):
    settings.AUDIT_CHECKPOINT_DIR = tmp_path / "checkpoints"
    operator = installation.tenant("operator")
    tenant = trail.organization("sealed")
    sealer = sealing.Sealer(interval_seconds=0.05)
    thread = threading.Thread(target=sealer.run)
    thread.start()
    try:
        trail.record(tenant)
        wait_for(lambda: seals_of(tenant))
        blocked = tmp_path / "checkpoints"
        blocked.rename(tmp_path / "away")
        blocked.write_text("a file where the folder was")
        trail.record(tenant)
        wait_for(lambda: recorded(operator, "audit.sealing_failed"))
        blocked.unlink()
        trail.record(tenant)
        wait_for(lambda: len(seals_of(tenant)) >= 3 and list(blocked.glob("*.jsonl")))
    finally:
        sealer.stopping.set()
        thread.join(60)
    assert not thread.is_alive()
    assert recorded(operator, "audit.sealing_started") == recorded(operator, "audit.sealing_stopped") == 1
    assert recorded(operator, "audit.sealing_failed") == 1
    assert verification.verify(tenant).findings == []


def recorded(tenant, code):
    with context.scope(context.Scope(tenant)):
        return Event.objects.filter(event=code).count()


def wait_for(condition, seconds=30):
    waited = threading.Event()
    for _ in range(seconds * 20):
        if condition():
            return
        waited.wait(0.05)
    raise AssertionError("it did not happen")


def test_the_process_stops_cleanly_on_sigterm(tmp_path):
    tenant = trail.organization("sealed")
    environment = {
        name: value for name, value in os.environ.items() if "_DB_" not in name or "APP" not in name
    }
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    environment["STRONGBOX_AUDIT_CHECKPOINT_DIR"] = str(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "audit_sealer", "--interval", "0.1", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        trail.record(tenant)
        wait_for(lambda: seals_of(tenant))
        process.send_signal(signal.SIGTERM)
        output, problems = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, '"seals":' in output.splitlines()[-1]) == (0, True), problems
    assert recorded(installation.tenant("operator"), "audit.sealing_stopped") == 1
    assert len(list(tmp_path.glob("*.jsonl"))) == 1


def test_only_what_agrees_with_the_seals_is_signed():
    from audit.models import Bundle

    tenant = trail.organization("sealed")
    trail.record(tenant)
    trail.seal()
    trail.record(tenant)
    trail.seal()
    head = seals_of(tenant)[-1].hash
    good = {
        name: {"bytes": 0, "sha256": "00" * 32} for name in ("events.jsonl", "seals.jsonl", "public_keys.txt")
    }
    wanted = [
        (2, head, good, "signed"),
        (1, head, good, "refused"),
        (2, bytes(32), good, "refused"),
        (3, head, good, "refused"),
        (2, head, {"events.jsonl": good["events.jsonl"]}, "refused"),
        (2, head, {**good, "more": good["events.jsonl"]}, "refused"),
        (2, head, {**good, "events.jsonl": {"bytes": 1.5, "sha256": ""}}, "refused"),
        (2, head, [], "refused"),
    ]
    with context.scope(context.Scope(tenant)):
        made = [
            Bundle.objects.create(events=2, seals=seals, head=claimed, files=files, created_at=trail.AT).pk
            for seals, claimed, files, _ in wanted
        ]
    assert bundles.sign_waiting(keys.signing_key(), using="sealer") == len(wanted)
    with context.scope(context.Scope(tenant)):
        assert [Bundle.objects.get(pk=pk).state for pk in made] == [state for *_, state in wanted]
        assert [Bundle.objects.get(pk=pk).manifest is None for pk in made] == [
            state != "signed" for *_, state in wanted
        ]


def test_a_shortened_trail_is_not_signed():
    from audit.models import Bundle

    tenant = trail.organization("sealed")
    trail.record(tenant)
    trail.seal()
    trail.record(tenant)
    trail.seal()  # long ago, says its time: an export cannot have been running since then
    first = seals_of(tenant)[0].hash
    files = {name: {"bytes": 0, "sha256": ""} for name in ("events.jsonl", "seals.jsonl", "public_keys.txt")}
    databases.as_owner("ALTER TABLE audit_seal DISABLE TRIGGER USER")
    databases.as_owner("UPDATE audit_seal SET sealed_at = now() - interval '2 hours'")
    with context.scope(context.Scope(tenant)):
        pk = Bundle.objects.create(events=1, seals=1, head=first, files=files, created_at=trail.AT).pk
    bundles.sign_waiting(keys.signing_key(), using="sealer")
    with context.scope(context.Scope(tenant)):
        assert Bundle.objects.get(pk=pk).state == "refused"
