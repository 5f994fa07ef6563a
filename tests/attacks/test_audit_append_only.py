"""The app cannot forge, change or remove an event, nor can the owner in passing (PCI DSS 10.3.2)."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from audit import events, queries, services, tasks
from audit.models import Event
from tenancy import context
from tests import databases
from tests.services.audit import trail

MONTH = datetime.now(UTC).strftime("audit_event_%Y_%m")


def refused(sql, params=None, match="permission denied"):
    with pytest.raises(DatabaseError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)


@pytest.mark.parametrize("column", ["at", "xid", "epoch"])
def test_time_and_order_are_the_databases(in_a, column):
    refused(
        f"INSERT INTO audit_event (id, tenant_id, event, result, actor_kind, via, request_id, {column}) "
        "VALUES (uuidv7(), %s, 'x.y', 'success', 'user', 'web', uuidv7(), DEFAULT)",
        [in_a],
    )


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_event SET reason = 'x'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "DROP TABLE audit_event_default",
        f"SELECT * FROM {MONTH}",
        f"INSERT INTO {MONTH} (id) VALUES (uuidv7())",
        f"DELETE FROM {MONTH}",
        f"TRUNCATE {MONTH}",
        "SELECT * FROM audit_event_default",
        "INSERT INTO audit_seal (n) VALUES (1)",
        "UPDATE audit_seal SET n = 1",
        "DELETE FROM audit_seal",
        "UPDATE audit_mark SET sealed_to = '1'",
        "INSERT INTO audit_epoch (epoch) VALUES (9)",
        "SELECT audit_open_epoch()",
        "SELECT audit_add_partition('2030-01-01')",
        "SELECT audit_protect_partition('audit_event')",
        "UPDATE audit_bundle SET state = 'signed'",
        "ALTER TABLE audit_event DISABLE TRIGGER USER",
    ],
)
def test_the_app_role_may_only_add_and_read(in_a, sql):
    made = services.record(events.AUDIT_READ, actor=trail.ACTOR)
    refused(sql, match="permission denied|must be owner")
    assert Event.objects.filter(id=made).count() == 1


def test_the_operators_log_can_only_be_added_to(in_a):
    refused(
        "SELECT audit_record_for_operator(uuidv7(), 'x.y', 'success', 'user', NULL, '', NULL, 'web', NULL, "
        "NULL, "
        "uuidv7(), '', '', NULL, '{}', '{}', '{}', 'words with spaces')",
        match="reason_check",
    )


@pytest.mark.django_db(transaction=True)
def test_not_even_the_owner_changes_events_in_passing(tenant_a):
    trail.record(tenant_a)
    for sql in (
        "UPDATE audit_event SET reason = 'x'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        f"TRUNCATE {MONTH}",
        "TRUNCATE audit_event_default",
        "TRUNCATE audit_seal",
    ):
        with pytest.raises(psycopg.Error, match="append only"):
            databases.as_owner(sql)
    # Under a month's own name row-level security shows not even the owner a row.
    assert databases.as_owner(f"DELETE FROM {MONTH} RETURNING id") == []
    assert databases.as_owner(f"UPDATE {MONTH} SET reason = 'x' RETURNING id") == []


def test_every_partition_is_protected(db):
    rows = databases.as_owner(
        "SELECT c.relname, relrowsecurity, relforcerowsecurity, "
        "(SELECT array_agg(tgname::text ORDER BY tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid), "
        "(SELECT count(*)::int FROM pg_policy p WHERE p.polrelid = c.oid), "
        "has_table_privilege('strongbox_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') "
        "FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'audit_event'::regclass"
    )
    assert len(rows) == 5  # four months and the default
    assert {row[1:3] for row in rows} == {(True, True)}
    assert {tuple(row[3]) for row in rows} == {("append_only", "no_truncate")}
    assert {row[4:] for row in rows} == {(0, False)}


@pytest.mark.django_db(transaction=True)
def test_the_next_months_are_there_and_a_missing_one_loses_nothing(tenant_a):
    assert (tasks.prepare_months(), queries.missing_months()) == (4, [])
    databases.as_owner(f"DROP TABLE {MONTH}")
    assert queries.missing_months() == [MONTH.removeprefix("audit_event_")]
    made = trail.record(tenant_a)
    with context.scope(context.Scope(tenant_a)):
        assert Event.objects.filter(id__in=made).count() == 1
    # Rows that fell into the default partition stay there; the month after is still made.
    assert tasks.prepare_months() == 3
    assert databases.as_owner("SELECT tableoid::regclass::text FROM audit_event WHERE id = %s", made) == [
        ("audit_event_default",)
    ]


@pytest.mark.django_db(transaction=True)
def test_a_partition_is_made_for_the_month_in_utc(tenant_a):
    databases.as_owner("SET TimeZone = 'Pacific/Auckland'; SELECT audit_add_partition('2031-03-31')")
    bounds = databases.as_owner(
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'audit_event_2031_03'"
    )
    assert bounds == [("FOR VALUES FROM ('2031-03-01 00:00:00+00') TO ('2031-04-01 00:00:00+00')",)]


def test_the_time_is_the_moment_of_the_insertion(in_a):
    before = datetime.now(UTC)
    made = services.record(events.AUDIT_READ, actor=trail.ACTOR)
    assert (
        before - timedelta(seconds=1)
        < Event.objects.get(id=made).at
        < datetime.now(UTC) + timedelta(seconds=1)
    )
