"""Somebody who owns the database rewrites the trail: each way is found, the event named (PCI DSS 10.3.4)."""

from uuid import UUID

import pytest

from audit import checkpoints, keys, sealing, verification
from core import clock, primitives
from tenancy import context
from tests import databases
from tests.services.audit import trail

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "sealer"])


@pytest.fixture(autouse=True)
def no_checkpoints(settings):
    """Databases of the suite are cloned anew all the time: a shared witness would call that a rollback."""
    settings.AUDIT_CHECKPOINT_DIR = None


@pytest.fixture
def sealed():
    """Two organizations; the first has three seals of two events."""
    trail.seal()
    tenant, other = trail.organization("first"), trail.organization("second")
    made = []
    for _ in range(3):
        made += trail.record(tenant, 2)
        trail.record(other)
        trail.seal()
    report = verification.verify(tenant)
    assert (report.events, report.seals, report.unsealed, report.findings) == (6, 3, 0, [])
    return tenant, other, made


FORGED = '{"id": "00000000-0000-7000-8000-000000000001"}'
COLUMNS = {
    "event": "'audit.exported'",
    "result": "'refused'",
    "actor_kind": "'user'",
    "actor_id": "uuidv7()",
    "actor_label": "'other'",
    "on_behalf_of": "uuidv7()",
    "via": "'web'",
    "session_id": "uuidv7()",
    "key_id": "uuidv7()",
    "request_id": "uuidv7()",
    "network": "'n2'",
    "subject_kind": "'payment'",
    "subject_id": "NULL",
    "subject_ids": "subject_ids || uuidv7()",
    "fields": "ARRAY['name,email']",
    "facts": "facts || '{\"ok\": false}'",
    "reason": "'x'",
    "at": "at + interval '1 microsecond'",
    "xid": "(xid::text::bigint - 1)::text::xid8",
    "epoch": "2",
}


def test_the_columns_tried_are_all_there_are():
    rows = databases.as_owner(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'audit_event'"
    )
    assert {name for (name,) in rows} == {*COLUMNS, "id", "tenant_id"}


def test_a_change_of_any_column_is_found(sealed):
    tenant, _, made = sealed
    trail.tamper("")
    for column, value in COLUMNS.items():
        databases.as_owner(
            "CREATE TABLE IF NOT EXISTS kept AS SELECT * FROM audit_event WHERE id = %s", [made[2]]
        )
        databases.as_owner(f"UPDATE audit_event SET {column} = {value} WHERE id = %s", [made[2]])
        assert trail.kinds(tenant) == {"event_changed": str(made[2])}, column
        databases.as_owner("DELETE FROM audit_event WHERE id = %s", [made[2]])
        databases.as_owner("INSERT INTO audit_event SELECT * FROM kept")
    assert trail.kinds(tenant) == {}


def test_a_change_to_the_edges_of_time_is_found(sealed):
    tenant, _, made = sealed
    trail.tamper(f"UPDATE audit_event SET at = 'infinity' WHERE id = '{made[0]}'")
    trail.tamper(f"UPDATE audit_event SET at = '-infinity' WHERE id = '{made[1]}'")
    trail.tamper(f"UPDATE audit_event SET at = '4714-11-24 BC' WHERE id = '{made[2]}'")
    found = verification.verify(tenant).findings
    assert [(item.kind, item.first_event, item.count) for item in found] == [("event_changed", made[0], 3)]


def test_a_changed_id_is_one_less_and_one_more(sealed):
    tenant, _, made = sealed
    other = UUID("00000000-0000-7000-8000-000000000000")
    trail.tamper(f"UPDATE audit_event SET id = '{other}' WHERE id = '{made[1]}'")
    assert trail.kinds(tenant) == {"event_deleted": str(made[1]), "event_inserted": str(other)}


def test_an_event_moved_to_another_organization_is_found_in_both(sealed):
    tenant, other, made = sealed
    trail.tamper(f"UPDATE audit_event SET tenant_id = '{other}' WHERE id = '{made[3]}'")
    assert trail.kinds(tenant) == {"event_deleted": str(made[3])}
    assert trail.kinds(other) == {"event_inserted": str(made[3])}


def test_a_deleted_event_is_found(sealed):
    tenant, _, made = sealed
    trail.tamper(f"DELETE FROM audit_event WHERE id = '{made[0]}'")
    assert trail.kinds(tenant) == {"event_deleted": str(made[0])}
    assert verification.verify(tenant).state == "gap"


def test_a_deleted_tail_is_found(sealed):
    tenant, _, made = sealed
    trail.tamper(f"DELETE FROM audit_event WHERE id IN ('{made[4]}', '{made[5]}')")
    found = verification.verify(tenant).findings
    first = min(made[4], made[5])  # of two in one millisecond either may have the lower id
    assert [(item.kind, item.first_event, item.count) for item in found] == [("event_deleted", first, 2)]


def test_an_inserted_event_is_found(sealed):
    tenant, _, made = sealed
    trail.tamper(
        f"INSERT INTO audit_event SELECT (jsonb_populate_record(e, '{FORGED}')).* "
        f"FROM audit_event e WHERE id = '{made[2]}'"
    )
    assert trail.kinds(tenant) == {"event_inserted": "00000000-0000-7000-8000-000000000001"}
    assert verification.verify(tenant).state == "broken"


def test_an_event_that_was_put_in_later_is_told_by_its_time(sealed):
    """It is sealed like any other: whoever owns the database could make up what happened last week."""
    tenant, _, made = sealed
    trail.backdate(made[2])
    trail.seal()
    assert trail.kinds(tenant) == {"event_backdated": str(trail.FORGED)}


def test_a_doubled_event_is_found(sealed):
    tenant, _, made = sealed
    trail.tamper(
        'INSERT INTO audit_event SELECT (jsonb_populate_record(e, \'{"at": "2026-01-01T00:00:00Z"}\')).* '
        f"FROM audit_event e WHERE id = '{made[2]}'"
    )
    # Which of the two is the forged one cannot be known: either way this id is named.
    assert set(trail.kinds(tenant).values()) == {str(made[2])}


def test_two_events_that_exchange_their_places_are_found(sealed):
    tenant, _, made = sealed
    trail.tamper(
        f"UPDATE audit_event AS e SET xid = o.xid, at = o.at FROM audit_event AS o "
        f"WHERE (e.id, o.id) IN (('{made[0]}', '{made[4]}'), ('{made[4]}', '{made[0]}'))"
    )
    found = verification.verify(tenant).findings
    assert [(item.kind, item.first_event, item.count) for item in found] == [("event_changed", made[0], 2)]


SEAL_COLUMNS = {
    "tenant_id": None,
    "n": None,
    "epoch": "2",
    "xid_from": "(xid_from::text::bigint + 1)::text::xid8",
    "xid_to": "(xid_to::text::bigint - 1)::text::xid8",
    "count": None,
    "root": "sha256('x')",
    "leaves": "overlay(leaves placing '\\x00' from 40 for 1)",
    "prev": "sha256('x')",
    "sealed_at": "'2026-11-25 12:00:01 BC'",
    "key_id": "'\\x0000000000000000'",
    "hash": "sha256('x')",
    "signature": "overlay(signature placing '\\x0000' from 1 for 2)",
}


def test_a_change_of_any_column_of_a_seal_is_found(sealed):
    tenant, _, made = sealed
    trail.tamper("")
    rows = databases.as_owner(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'audit_seal'"
    )
    assert {name for (name,) in rows} == set(SEAL_COLUMNS)
    for column, value in SEAL_COLUMNS.items():
        if value is None:
            continue
        kept = f"SELECT {column} FROM audit_seal WHERE tenant_id = '{tenant}' AND n = 2"
        databases.as_owner(f"CREATE TABLE kept_{column} AS {kept}")
        databases.as_owner(
            f"UPDATE audit_seal SET {column} = {value} WHERE tenant_id = %s AND n = 2", [tenant]
        )
        found = trail.kinds(tenant)
        assert str(made[2]) in found.values(), column
        assert set(found) & {"seal_changed", "seal_forged", "chain_broken"}, column
        databases.as_owner(
            f"UPDATE audit_seal SET {column} = (SELECT {column} FROM kept_{column}) "
            "WHERE tenant_id = %s AND n = 2",
            [tenant],
        )
        assert trail.kinds(tenant) == {}, column


def test_exchanged_seals_are_found(sealed):
    tenant, _, made = sealed
    trail.tamper(
        f"UPDATE audit_seal SET n = n + 10 WHERE tenant_id = '{tenant}' AND n < 3;"
        f"UPDATE audit_seal SET n = 13 - n WHERE tenant_id = '{tenant}' AND n > 10"
    )
    found = trail.kinds(tenant)
    assert found["chain_broken"] == str(made[2])
    assert {"seal_changed", "seal_overlaps"} <= set(found)


def test_another_organizations_seal_is_found(sealed):
    tenant, other, _ = sealed
    trail.tamper(f"DELETE FROM audit_seal WHERE tenant_id = '{tenant}' AND n = 3")
    trail.tamper(f"UPDATE audit_seal SET tenant_id = '{tenant}' WHERE tenant_id = '{other}' AND n = 3")
    assert {"chain_broken", "seal_changed", "event_deleted", "event_inserted"} <= set(trail.kinds(tenant))


def test_a_missing_seal_is_found(sealed):
    tenant, _, made = sealed
    trail.tamper(f"DELETE FROM audit_seal WHERE tenant_id = '{tenant}' AND n = 2")
    assert trail.kinds(tenant) == {"seal_missing": str(made[4]), "event_inserted": str(made[2])}


def test_a_seal_cut_off_the_end_is_found_by_its_events(sealed):
    tenant, _, made = sealed
    trail.tamper(f"DELETE FROM audit_seal WHERE tenant_id = '{tenant}' AND n = 3")
    assert trail.kinds(tenant) == {"event_inserted": str(made[4])}


def test_a_mark_set_back_hides_nothing(sealed):
    tenant, _, made = sealed
    trail.tamper(
        "UPDATE audit_mark SET sealed_to = '1';"
        f"INSERT INTO audit_event SELECT (jsonb_populate_record(e, '{FORGED}')).* "
        f"FROM audit_event e WHERE id = '{made[2]}'"
    )
    assert trail.kinds(tenant) == {"event_inserted": "00000000-0000-7000-8000-000000000001"}
    # Sealed a second time, the events stand in overlapping seals: that is found as well.
    trail.seal()
    assert "seal_overlaps" in trail.kinds(tenant)


def test_a_trail_signed_anew_with_another_key_is_found(sealed, settings, tmp_path):
    tenant, _, made = sealed
    private, _ = primitives.ed25519_generate()
    settings.AUDIT_PRIVATE_KEY_FILE = tmp_path / "forged.key"
    settings.AUDIT_PRIVATE_KEY_FILE.write_text(private.hex())
    trail.tamper(
        f"DELETE FROM audit_event WHERE id = '{made[0]}'; DELETE FROM audit_seal;"
        "UPDATE audit_mark SET sealed_to = '1'"
    )
    trail.seal()
    found = verification.verify(tenant).findings
    assert [(item.kind, item.first_event) for item in found] == [("seal_forged", made[1])]


@pytest.fixture
def witnessed(settings, tmp_path):
    """The same with checkpoints kept elsewhere."""
    settings.AUDIT_CHECKPOINT_DIR = tmp_path / "elsewhere"
    trail.seal()
    writer = checkpoints.Writer(keys.signing_key(), using="sealer")
    tenant = trail.organization("first")
    made = []
    for _ in range(3):
        made += trail.record(tenant, 2)
        done = seal_and_note(writer)
        assert done == 1
    assert trail.kinds(tenant) == {}
    return tenant, made, writer


def seal_and_note(writer):
    databases.let_settle()
    done = sealing.seal_once(keys.signing_key(), at=trail.AT)
    writer.note(done.seals, at=trail.AT, resumed=done.resumed)
    return len(done.seals)


def test_a_tail_cut_off_with_its_seals_contradicts_the_checkpoint(witnessed):
    tenant, made, _ = witnessed
    trail.tamper(
        f"DELETE FROM audit_event WHERE id IN ('{made[4]}', '{made[5]}');"
        f"DELETE FROM audit_seal WHERE tenant_id = '{tenant}' AND n = 3"
    )
    found = verification.verify(tenant).findings
    assert [(item.kind, item.seal) for item in found] == [("rolled_back", 3)]
    assert verification.verify(tenant).state == "gap"


def test_an_old_copy_of_the_database_that_goes_on_contradicts_the_checkpoint(witnessed):
    tenant, made, _ = witnessed
    trail.tamper(
        f"DELETE FROM audit_event WHERE id IN ('{made[4]}', '{made[5]}');"
        f"DELETE FROM audit_seal WHERE tenant_id = '{tenant}' AND n = 3"
    )
    new = trail.record(tenant)
    trail.seal()
    assert trail.kinds(tenant) == {"rolled_back": str(new[0])}


def test_a_restore_that_was_declared_does_not(witnessed):
    tenant, made, writer = witnessed
    trail.tamper(
        f"DELETE FROM audit_event WHERE id IN ('{made[4]}', '{made[5]}');"
        f"DELETE FROM audit_seal WHERE tenant_id = '{tenant}' AND n = 3"
    )
    databases.as_owner("SELECT audit_open_epoch()")
    seal_and_note(writer)
    assert trail.kinds(tenant) == {}
    trail.record(tenant)
    assert seal_and_note(writer) == 1
    assert trail.kinds(tenant) == {}


def test_a_forged_checkpoint_is_found(witnessed, settings):
    tenant, _, _ = witnessed
    path = next(settings.AUDIT_CHECKPOINT_DIR.iterdir())
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], lines[-1].replace('[3,"', '[2,"')]) + "\n")
    assert trail.kinds(tenant) == {"checkpoint_forged": None}


def test_a_line_cut_short_by_a_crash_is_restated_after_the_start(witnessed, settings):
    tenant, _, _ = witnessed
    path = next(settings.AUDIT_CHECKPOINT_DIR.iterdir())
    path.write_bytes(path.read_bytes()[:-30])
    writer = checkpoints.Writer(keys.signing_key(), using="sealer")
    writer.note([], at=trail.AT)
    with context.scope(context.Scope(tenant)):
        head = verification.extent(tenant)
    assert checkpoints.latest(tenant, keys.public_keys()) == (head.seals, head.head)
    assert trail.kinds(tenant) == {}


def test_the_check_is_kept_and_recorded(sealed):
    from audit import queries
    from audit.models import Event

    tenant, _, made = sealed
    with context.scope(context.Scope(tenant)):
        assert queries.badge(at=clock.now()).state == "unchecked"
    verification.check(tenant, actor=trail.ACTOR)
    with context.scope(context.Scope(tenant)):
        badge = queries.badge(at=clock.now())
        assert (badge.state, badge.events, badge.total, badge.errors) == ("verified", 6, 6, [])
        assert queries.badge(at=badge.checked_at + queries.STALE_AFTER * 1.01).state == "stale"
    trail.tamper(f"DELETE FROM audit_event WHERE id = '{made[1]}'")
    verification.check(tenant, actor=trail.ACTOR)
    with context.scope(context.Scope(tenant)):
        badge = queries.badge(at=clock.now())
        assert (badge.state, badge.errors) == (
            "gap",
            [{"kind": "event_deleted", "first_event": str(made[1]), "count": 1, "seal": None}],
        )
        row = Event.objects.get(event="audit.broken")
        assert (row.result, row.facts) == ("failed", {"events": 6, "seals": 3, "event_deleted": 1})
