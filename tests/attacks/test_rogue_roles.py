"""Somebody with psql and the password of one role: what PostgreSQL itself lets them do, role by role.

The roles, functions and tables are the running database's own: what is added later is looked at as well.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, connections

from backups import server
from core import clock
from tenancy import context, jobs
from tenancy.context import Scope, scope
from tests import databases
from tests.make import accounts, finance

# Whoever has the owner's rights may change the tables: migrations, and a restore that two people agreed to.
OWNERS = {"strongbox_owner", "strongbox_restore"}
ALIASES = {
    "strongbox_app": "default",
    "strongbox_bulk": "bulk",
    "strongbox_sealer": "sealer",
    "strongbox_rekey": "rekey",
}


def roles(where: str = "true") -> set[str]:
    asked = f"SELECT rolname FROM pg_roles WHERE rolname LIKE 'strongbox\\_%' AND {where}"
    return {row[0] for row in databases.as_owner(asked)}


def rogues() -> list[str]:
    """Everybody who can connect to the database and is not its owner."""
    may = "rolcanlogin AND has_database_privilege(rolname, current_database(), 'CONNECT')"
    return sorted(roles(may) - OWNERS)


@contextmanager
def session(role: str) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    opened = server.as_backup() if role == "strongbox_backup" else databases.connect_as(ALIASES[role])
    with opened as own:
        yield own


def enter(own: "psycopg.Connection[tuple[Any, ...]]", tenant: UUID) -> None:
    own.execute("SELECT app.enter(%s)", [context.token(Scope(tenant), own.info.backend_pid)])


def test_who_there_is(db: None) -> None:
    assert roles("rolcanlogin") == {*OWNERS, *ALIASES, "strongbox_backup", "strongbox_replication"}
    assert rogues() == sorted({*ALIASES, "strongbox_backup"})
    # The one that copies every byte of the cluster cannot ask a question of any database.
    password = os.environ["STRONGBOX_DB_REPLICATION_PASSWORD"]
    for database in ("postgres", "template1", str(connections["default"].settings_dict["NAME"])):
        live = connections["default"].settings_dict
        with pytest.raises(psycopg.OperationalError, match=r"permission denied for database|not permitted"):
            psycopg.connect(
                host=live["HOST"],
                port=live["PORT"],
                user="strongbox_replication",
                password=password,
                dbname=database,
            )


REFUSED = [
    ("SET ROLE strongbox_owner", "permission denied"),
    ("SET ROLE strongbox_context", "permission denied"),
    ("SET SESSION AUTHORIZATION strongbox_owner", "permission denied"),
    ("SET session_replication_role = replica", "permission denied"),
    ("SET log_statement = 'all'", "permission denied"),
    ("ALTER SYSTEM SET log_statement = 'all'", "not allowed|permission denied"),
    ("ALTER ROLE strongbox_app SET track_activities = on", "permission denied"),
    ("ALTER TABLE public.billing_invoice DISABLE ROW LEVEL SECURITY", "must be owner|permission denied"),
    ("ALTER TABLE public.billing_invoice DISABLE TRIGGER ALL", "must be owner|permission denied"),
    ("ALTER TABLE public.audit_event NO FORCE ROW LEVEL SECURITY", "must be owner|permission denied"),
    ("DROP TRIGGER frozen ON public.billing_invoice", "must be owner|permission denied"),
    ("CREATE POLICY mine ON public.billing_invoice USING (true)", "must be owner|permission denied"),
    ("CREATE TABLE public.evil (x int)", "permission denied"),
    ("CREATE TABLE app.evil (x int)", "permission denied"),
    ("CREATE SCHEMA evil", "permission denied"),
    ("CREATE EXTENSION dblink SCHEMA public", "permission denied"),
    ("CREATE PUBLICATION evil FOR ALL TABLES", "permission denied|must be superuser"),
    ("DO $$ BEGIN EXECUTE 'SET statement_timeout = 0'; END $$", "permission denied for language"),
    ("SELECT * FROM app_private.ctx_key", "permission denied"),
    ("SELECT rolpassword FROM pg_authid", "permission denied"),
    ("SELECT lo_create(0)", "permission denied"),
    ("SELECT pg_notify('x', 'y')", "permission denied"),
    ("SELECT set_config('app.ctx', 'x', false)", "permission denied"),
    ("SELECT pg_terminate_backend(pg_backend_pid())", "permission denied"),
    ("SELECT pg_sleep(0)", "permission denied"),
    ("SELECT pg_advisory_lock(1)", "permission denied"),
    ("SELECT pg_try_advisory_lock_shared(1, 2)", "permission denied"),
    ("SELECT pg_export_snapshot()", "permission denied"),
    ("SELECT pg_read_file('PG_VERSION')", "permission denied"),
    ("SELECT pg_ls_dir('.')", "permission denied"),
    ("SELECT pg_switch_wal()", "permission denied"),
    ("SELECT pg_drop_replication_slot('strongbox_receiver')", "permission denied"),
    ("SELECT pg_reload_conf()", "permission denied"),
    ("SELECT pg_stat_reset()", "permission denied"),
    ("COPY (SELECT 1) TO PROGRAM 'id'", "permission denied"),
    ("COPY (SELECT 1) TO '/tmp/x'", "permission denied"),
    ("TRUNCATE public.audit_event", "permission denied"),
    ("DELETE FROM public.audit_event", "permission denied"),
    ("UPDATE public.audit_event SET facts = '{}'", "permission denied"),
    ("UPDATE public.audit_seal SET root = ''", "permission denied"),
    ("DELETE FROM public.audit_seal", "permission denied"),
    ("DELETE FROM public.billing_ledgerentry", "permission denied"),
    ("UPDATE public.billing_ledgerentry SET amount_minor = 1", "permission denied"),
    ("LOAD 'auto_explain'", "permission denied|access to library"),
    ("CHECKPOINT", "permission denied"),
]


def test_no_role_steps_outside_its_own(db: None) -> None:
    otherwise = []
    for role in rogues():
        with session(role) as own:
            for sql, why in REFUSED:
                try:
                    own.execute(sql)
                    otherwise.append((role, sql, "done"))
                except psycopg.Error as refusal:
                    if not re.search(why, str(refusal)):
                        otherwise.append((role, sql, str(refusal)))
    assert otherwise == [], "\n".join(map(str, otherwise))


def test_only_the_sealer_seals_and_it_does_nothing_else(db: None) -> None:
    asked = (
        "SELECT r.rolname, c.relname FROM pg_class c, pg_roles r WHERE c.relkind IN ('r', 'p') "
        "AND c.relnamespace = 'public'::regnamespace AND r.rolname = ANY(%s) AND "
    )
    seals = databases.as_owner(
        asked + "c.relname = 'audit_seal' AND has_any_column_privilege(r.rolname, c.oid, 'INSERT')",
        [rogues()],
    )
    assert seals == [("strongbox_sealer", "audit_seal")]
    writes = " OR ".join(
        f"has_any_column_privilege(r.rolname, c.oid, '{right}')" for right in ("INSERT", "UPDATE")
    )
    reads = "has_any_column_privilege(r.rolname, c.oid, 'SELECT')"
    apart = [role for role in rogues() if role not in ("strongbox_app", "strongbox_bulk", "strongbox_rekey")]
    touched = databases.as_owner(f"{asked} ({writes} OR {reads})", [apart])
    assert {role for role, _ in touched} == {"strongbox_sealer"}
    assert {name.split("_")[0] for _, name in touched} <= {"audit", "tenancy"}
    # Whoever re-encrypts makes and removes no row.
    made = databases.as_owner(
        f"{asked} (has_any_column_privilege(r.rolname, c.oid, 'INSERT') "
        "OR has_table_privilege(r.rolname, c.oid, 'DELETE, TRUNCATE, TRIGGER, MAINTAIN'))",
        [["strongbox_rekey"]],
    )
    assert made == []


def test_functions_look_where_they_were_told_to(db: None) -> None:
    """Those that run with the rights of their owner, and triggers, which would take the search path of an attacker."""
    found = databases.as_owner(
        "SELECT p.oid::regprocedure::text, p.prosecdef, coalesce(p.proconfig, '{}'), pg_get_userbyid(p.proowner), "
        "EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0), "
        "p.prorettype = 'trigger'::regtype FROM pg_proc p "
        "WHERE p.pronamespace IN ('public'::regnamespace, 'app'::regnamespace)"
    )
    assert len(found) > 40
    for name, definer, settings, owner, public, trigger in found:
        (path,) = [setting for setting in settings if setting.startswith("search_path=")]
        assert path.endswith("pg_temp") and path.count("pg_temp") == 1, name
        assert owner in ("strongbox_owner", "strongbox_context"), name
        # A trigger's function cannot be called.
        assert trigger or not public, name
        assert not (definer and trigger and public), name
    # Nobody but the owner makes anything in a schema that they look at.
    creators = databases.as_owner(
        "SELECT n.nspname, r.rolname FROM pg_namespace n, pg_roles r WHERE r.rolname = ANY(%s) "
        "AND n.nspname !~ '^pg_(temp|toast)' AND has_schema_privilege(r.rolname, n.oid, 'CREATE')",
        [rogues()],
    )
    assert creators == []


# Callable by the app, run with the owner's rights; each was asked what it tells or does across organizations.
JUDGED = {
    "accounts_remove_ended": "removes only what has been over for 30 or 90 days, whoever's it is",
    "accounts_tenant_counts": "refuses whoever is not the operator",
    "alerts_grown": "ids of organizations in which something happened, for the watcher; no row of theirs",
    "audit_prepare_months": "makes the coming months' partitions, and no other",
    "audit_record_for_operator": "adds to the operator's log, changes nothing",
    "backups_evidence": "counts and times of the host's backups",
    "billing_forget_checks": "within the organization and never for a customer",
    "compliance_take_out": "one ciphertext in the organization, listed columns, for an erasure and behind its event",
    "crypto_count_encryptions": "counts up for a key whose id is known; shows and changes nothing else",
    "outbound_publish": "within the organization",
    "patching_evidence": "counts of the host's software, not for customers",
}


def test_every_function_with_more_rights_was_judged(db: None, tenant_a: UUID, tenant_b: UUID) -> None:
    asked = (
        "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace "
        "AND has_function_privilege('strongbox_app', oid, 'EXECUTE')"
    )
    assert {row[0] for row in databases.as_owner(asked)} == set(JUDGED)
    others = [role for role in rogues() if role not in ("strongbox_app", "strongbox_bulk")]
    beyond = databases.as_owner(
        "SELECT r.rolname, p.proname FROM pg_proc p, pg_roles r WHERE p.prosecdef AND r.rolname = ANY(%s) "
        "AND p.pronamespace = 'public'::regnamespace AND has_function_privilege(r.rolname, p.oid, 'EXECUTE')",
        [others],
    )
    assert set(beyond) == {
        ("strongbox_sealer", "audit_record_for_operator"),
        ("strongbox_sealer", "audit_system_identifier"),
    }
    with databases.connect_as("default") as rogue, rogue.transaction():
        enter(rogue, tenant_a)
        with pytest.raises(psycopg.Error, match="operator alone"):
            rogue.execute("SELECT accounts_tenant_counts(ARRAY[%s]::uuid[])", [tenant_b])


def test_nobody_writes_the_row_of_another_organization(db: None, tenant_a: UUID, tenant_b: UUID) -> None:
    """Sealed or suspended from a neighbour's scope, all of them would stand still at once."""
    kept = databases.as_owner(
        "SELECT id, state, key_generation, suspended_at FROM tenancy_tenant ORDER BY id"
    )
    for role in ("strongbox_app", "strongbox_bulk"):
        with session(role) as rogue:
            for sql in (
                "UPDATE tenancy_tenant SET state = 'sealed', key_generation = key_generation + 1 RETURNING id",
                "UPDATE tenancy_tenant SET suspended_at = now(), suspended_why = 'abuse' RETURNING id",
                "SELECT id FROM tenancy_tenant FOR UPDATE",
            ):
                with rogue.transaction(force_rollback=True):
                    enter(rogue, tenant_a)
                    assert rogue.execute(sql).fetchall() == [(tenant_a,)], (role, sql)
            for sql in ("UPDATE tenancy_tenant SET slug = 'b'", "DELETE FROM tenancy_tenant"):
                with pytest.raises(psycopg.Error, match="permission denied"), rogue.transaction():
                    enter(rogue, tenant_a)
                    rogue.execute(sql)
    again = databases.as_owner(
        "SELECT id, state, key_generation, suspended_at FROM tenancy_tenant ORDER BY id"
    )
    assert again == kept and tenant_b in {row[0] for row in again}


@pytest.mark.django_db(transaction=True)
def test_a_table_of_the_attackers_shadows_none_of_ours(tenant_a: UUID) -> None:
    """The bulk role alone may make temporary tables: they deceive no trigger, policy or constraint."""
    with scope(Scope(tenant_a)):
        finance.books(tenant_a, actor=accounts.actor(accounts.member("owner").user))
    with databases.connect_as("bulk") as rogue:
        tables = [
            row[0]
            for row in databases.as_owner(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
                "AND relname ~ '^(billing_ledger|billing_invoice|tenancy_tenant)'"
            )
        ]
        with rogue.transaction():
            enter(rogue, tenant_a)
            for table in tables:
                rogue.execute(f'CREATE TEMP TABLE "{table}" (LIKE public."{table}")')
        rogue.execute("SET search_path = pg_temp, public")
        with pytest.raises(psycopg.Error) as refusal, rogue.transaction():
            enter(rogue, tenant_a)
            rogue.execute(
                "INSERT INTO public.billing_ledgerentry SELECT (jsonb_populate_record(e, "
                "jsonb_build_object('id', gen_random_uuid(), 'amount_minor', e.amount_minor + 1))).* "
                "FROM public.billing_ledgerentry e LIMIT 1"
            )
        assert "ledger" in str(refusal.value) or "balance" in str(refusal.value)
        for sql in (
            "UPDATE public.billing_invoice SET total_minor = total_minor + 1 WHERE status = 'finalized'",
            "DELETE FROM public.billing_invoice WHERE status = 'finalized'",
        ):
            with pytest.raises(psycopg.Error), rogue.transaction():
                enter(rogue, tenant_a)
                assert rogue.execute(sql).rowcount
                rogue.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db(transaction=True)
def test_nobody_overhears_another_organization(tenant_b: UUID) -> None:
    """In what sessions do, in channels, in statistics: while b works, each role listens."""
    canary = "canary-8c21"
    for role in rogues():
        with session(role) as spy:
            spy.execute("LISTEN everything")
            with scope(Scope(tenant_b)), connection.cursor() as cursor:
                jobs.start(kind=canary, at=clock.now())
                cursor.execute("SELECT kind FROM tenancy_job WHERE kind = %s", [canary])
                looks = (
                    "SELECT query FROM pg_stat_activity",
                    "SELECT statement FROM pg_prepared_statements",
                    "SELECT most_common_vals::text FROM pg_stats WHERE schemaname = 'public'",
                    "SELECT application_name FROM pg_stat_activity",
                )
                heard = [spy.execute(look).fetchall() for look in looks]
            assert canary not in str(heard), role
            assert list(spy.notifies(timeout=0)) == [], role
    # Statistics of values are of tables that belong to nobody.
    for role in rogues():
        with session(role) as spy:
            seen = spy.execute(
                "SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = 'public'"
            ).fetchall()
            assert {row[0].split("_")[0] for row in seen} <= {"auth", "django"}, role


def test_whoever_waits_waits_for_a_while(db: None) -> None:
    """A rogue who holds locks hangs nobody for long: each role gives up, and says so."""
    kept = dict(
        databases.as_owner(
            "SELECT r.rolname, s.setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole "
            "WHERE s.setdatabase = 0"
        )
    )
    for role in rogues():
        told = dict(setting.split("=", 1) for setting in kept[role])
        limits = ["lock_timeout", "idle_in_transaction_session_timeout"]
        if role in ("strongbox_app", "strongbox_bulk"):
            limits += ["statement_timeout", "transaction_timeout"]
        assert [name for name in limits if told.get(name, "0") in ("0", "0s")] == [], role
    limits = databases.as_owner(
        "SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname = ANY(%s)", [rogues()]
    )
    most = int(databases.as_owner("SELECT current_setting('max_connections')")[0][0])
    # Whoever takes all of its own leaves the others theirs.
    assert all(limit > 0 for _, limit in limits) and max(limit for _, limit in limits) <= most - 20
