"""Every table is decided about, and PostgreSQL itself says that the wall stands around each tenant's rows."""

import re
from typing import Any

import psycopg
import pytest
from django.core.checks import run_checks
from django.db import connection, models

from core.datapolicy import ENCRYPTED_CLASSES, FieldClass, Owner
from crypto.fields import EncryptedJSONField, EncryptedTextField
from tenancy.checks import managed_models, policy_of
from tests import databases
from tests.guarantees import world

ROLES = ("strongbox_app", "strongbox_bulk", "strongbox_sealer", "strongbox_rekey")


def label(model: type[models.Model]) -> str:
    return model._meta.label


def global_tables() -> list[str]:
    """Tables of no organization, each with its reason in its data policy; a session remembers one, and is none's."""
    found = []
    for model in managed_models():
        policy = policy_of(model)
        if policy is not None and policy.owner is Owner.GLOBAL:
            assert policy.why
            found.append(model._meta.db_table)
    return found


def test_global_tables_are_few(db: None) -> None:
    ours = [table for table in global_tables() if table.partition("_")[0] in ("tenancy", "accounts")]
    assert sorted(ours) == [
        "accounts_passkeycredential",
        "accounts_recoverycode",
        "accounts_recoverytoken",
        "accounts_session",
        "accounts_totpdevice",
        "accounts_user",
        "tenancy_tenant",
    ]


# Names of the program's own models, the same in every installation.
LIBRARY_TABLES = {"django_migrations", "django_content_type", "auth_permission"}
# How far sealing has come: two numbers that the health check asks for, which has no context.
SEALING_TABLES = {"audit_mark", "audit_epoch"}


@pytest.mark.django_db(transaction=True)
def test_without_a_context_the_app_role_reads_nothing_and_is_told_so() -> None:
    """Every table it may read at all, tables of no organization among them. An empty one has nothing to tell."""
    world.organization("a", world.STAFF)
    readable = [
        row[0]
        for row in databases.as_owner(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v') "
            "AND relnamespace = 'public'::regnamespace AND has_any_column_privilege('strongbox_app', oid, 'SELECT')"
        )
    ]
    full = {t for t in readable if databases.as_owner(f'SELECT EXISTS (SELECT FROM "{t}")')[0][0]}
    assert {"accounts_user", "accounts_session", "tenancy_tenant", "billing_invoice", "audit_event"} <= full
    answers: dict[str, Any] = {}
    with databases.connect_as("default") as stranger:
        for table in set(readable) - LIBRARY_TABLES - SEALING_TABLES:
            try:
                answers[table] = stranger.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchall()
            except psycopg.Error as error:
                answers[table] = str(error).splitlines()[0]
    assert {t: answer for t, answer in answers.items() if t in full} == dict.fromkeys(
        full - LIBRARY_TABLES - SEALING_TABLES, "tenant context is not set"
    )
    assert all(answer in ([], "tenant context is not set") for answer in answers.values())


def unprotected_tables() -> list[str]:
    """Tables with a tenant_id (partitions included) that are not under forced row-level security."""
    rows = databases.as_owner(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
        "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace "
        "AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    )
    return [row[0] for row in rows if row[0] not in global_tables()]


def test_the_system_checks_pass() -> None:
    """Among them: every model has a data policy that names every column, every route declares access."""
    assert [str(message) for message in run_checks()] == []


@pytest.mark.parametrize("model", managed_models(), ids=label)
def test_every_model_has_a_data_policy(model: type[models.Model]) -> None:
    policy = policy_of(model)
    assert policy is not None
    assert policy.purpose
    assert policy.retention
    assert set(policy.fields) == {field.name for field in model._meta.concrete_fields}


@pytest.mark.parametrize("model", managed_models(), ids=label)
def test_what_names_people_is_encrypted(model: type[models.Model]) -> None:
    policy = policy_of(model)
    assert policy is not None
    plain = [
        name
        for name, kind in policy.fields.items()
        if kind in ENCRYPTED_CLASSES
        and not isinstance(model._meta.get_field(name), EncryptedTextField | EncryptedJSONField)
    ]
    assert plain == []


@pytest.mark.parametrize("model", managed_models(), ids=label)
def test_text_that_people_type_is_not_called_technical(model: type[models.Model]) -> None:
    """A free-text column must be classed; only short codes may stand plain."""
    policy = policy_of(model)
    assert policy is not None
    free = [
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, models.TextField)
        and not isinstance(field, EncryptedTextField | EncryptedJSONField)
        and not getattr(field, "choices", None)
        and policy.fields[field.name] not in (FieldClass.STATE, FieldClass.TECHNICAL, FieldClass.IDENTIFIER)
    ]
    assert free == []


def test_every_tenant_table_is_under_forced_row_level_security(db: None) -> None:
    assert unprotected_tables() == []


def test_the_row_level_security_walk_bites(db: None) -> None:
    databases.as_owner("CREATE TABLE forgotten (tenant_id uuid, secret text)")
    try:
        assert unprotected_tables() == ["forgotten"]
    finally:
        databases.as_owner("DROP TABLE forgotten")


def test_every_tenant_model_is_a_tenant_table(db: None) -> None:
    """What says it belongs to an organization has the column, so the walk above sees it."""
    columns = {
        row[0]
        for row in databases.as_owner(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
            "WHERE c.relnamespace = 'public'::regnamespace"
        )
    }
    missing = []
    for model in managed_models():
        policy = policy_of(model)
        if (
            policy
            and policy.owner is not Owner.GLOBAL
            and model._meta.managed
            and model._meta.db_table not in columns
        ):
            missing.append(model._meta.label)
    assert missing == []


def policies() -> list[tuple[Any, ...]]:
    return databases.as_owner(
        "SELECT tablename, policyname, permissive, roles, coalesce(qual, ''), coalesce(with_check, '') FROM pg_policies"
    )


def test_no_policy_reckons_badly(db: None) -> None:
    """`x IS NULL OR …` is reckoned as 0.5 % of the rows, and the plans built on it are wrong."""
    assert [row[:2] for row in policies() if "IS NULL) OR" in row[4] or "IS NULL OR" in row[4]] == []


def test_no_role_is_above_the_wall(db: None) -> None:
    rows = databases.as_owner(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'strongbox_%' AND (rolsuper OR rolbypassrls)"
    )
    assert rows == []
    owned = databases.as_owner(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND "
        "pg_get_userbyid(relowner) = ANY(%s)",
        [list(ROLES)],
    )
    assert owned == []


def test_no_role_may_truncate_or_shadow(db: None) -> None:
    truncate = databases.as_owner(
        "SELECT r.rolname, c.relname FROM pg_class c, pg_roles r WHERE c.relkind IN ('r', 'p') "
        "AND c.relnamespace = 'public'::regnamespace AND r.rolname = ANY(%s) "
        "AND has_table_privilege(r.rolname, c.oid, 'TRUNCATE')",
        [list(ROLES)],
    )
    assert truncate == []
    temporary = databases.as_owner(
        "SELECT r.rolname FROM pg_database, pg_roles r WHERE datname = current_database() "
        "AND r.rolname = ANY(%s) AND has_database_privilege(r.rolname, datname, 'TEMPORARY')",
        [list(ROLES)],
    )
    # It is known to the worker alone; its search path names the temporary schema last.
    assert temporary == [("strongbox_bulk",)]


def test_every_foreign_key_between_tenant_tables_is_composite(db: None) -> None:
    rows = databases.as_owner(
        "SELECT con.conname FROM pg_constraint con "
        "JOIN pg_attribute own ON own.attrelid = con.conrelid AND own.attname = 'tenant_id' "
        "JOIN pg_attribute other ON other.attrelid = con.confrelid AND other.attname = 'tenant_id' "
        "WHERE con.contype = 'f' AND NOT (own.attnum = ANY(con.conkey))"
    )
    assert rows == []


def test_every_unique_key_of_a_tenant_table_begins_with_the_tenant(db: None) -> None:
    """A unique key across organizations answers "already exists" to a stranger."""
    rows = databases.as_owner(
        "SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid "
        "JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attname = 'tenant_id' "
        "JOIN pg_class c ON c.oid = x.indrelid AND c.relnamespace = 'public'::regnamespace "
        "WHERE x.indisunique AND NOT (a.attnum = x.indkey[0]) AND NOT c.relname = ANY(%s)",
        [global_tables()],
    )
    assert rows == []


def test_every_encrypted_column_refuses_what_is_no_envelope(db: None) -> None:
    checked = {
        tuple(row)
        for row in databases.as_owner(
            "SELECT c.relname, a.attname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(k.conkey) "
            "WHERE k.contype = 'c' AND k.conname LIKE '%_envelope'"
        )
    }
    missing = [
        f"{model._meta.label}.{field.name}"
        for model in managed_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedTextField | EncryptedJSONField)
        and (model._meta.db_table, field.column) not in checked
    ]
    assert missing == []


@pytest.mark.django_db
def test_the_suite_runs_as_the_app_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("strongbox_app",)


# Tables whose rows the app role writes beyond its organization and its person, each with the reason.
BEYOND = {
    (
        "tenancy_tenant",
        "INSERT",
    ): "an organization is founded from outside of it; changed is one's own row alone",
}


def writable() -> set[tuple[str, str]]:
    """Each table and how the app role may write it at all, as PostgreSQL says; partitions count as tables."""
    return {
        (table, command)
        for table, command in databases.as_owner(
            "SELECT c.relname, w.command FROM pg_class c, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) AS w (command) "
            "WHERE c.relkind IN ('r', 'p', 'v', 'f', 'm') AND c.relnamespace = 'public'::regnamespace AND CASE "
            "w.command WHEN 'DELETE' THEN has_table_privilege('strongbox_app', c.oid, 'DELETE') "
            "ELSE has_any_column_privilege('strongbox_app', c.oid, w.command) END"
        )
    }


def unwalled() -> set[tuple[str, str]]:
    """Ways to write a table that ask neither whose organization nor whose account the row is of.

    A row is written when one permissive policy and every restrictive one lets it; what it was (USING, for UPDATE and
    DELETE) and what it becomes (WITH CHECK, for INSERT and UPDATE, else USING).
    """
    forced = {
        row[0]
        for row in databases.as_owner(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
        )
    }
    found = databases.as_owner(
        "SELECT tablename, cmd, permissive = 'PERMISSIVE', qual, coalesce(with_check, qual) FROM pg_policies "
        "WHERE schemaname = 'public' AND roles && ARRAY['strongbox_app', 'public']::name[]"
    )
    open_ways = set()
    for table, command in writable():
        of_it = [row[2:] for row in found if row[0] == table and row[1] in ("ALL", command)]
        looks_at = {"INSERT": (2,), "UPDATE": (1, 2), "DELETE": (1,)}[command]

        def asks(policy: tuple[Any, ...], looks_at: tuple[int, ...] = looks_at) -> bool:
            return all(re.search(r"app\.ctx\('(tenant|user)'", policy[part] or "") for part in looks_at)

        walled = any(asks(policy) for policy in of_it if not policy[0])
        walled |= all(asks(policy) for policy in of_it if policy[0])  # without a policy nothing is written
        if table not in forced or not walled:
            open_ways.add((table, command))
    return open_ways


def test_every_row_is_written_by_its_organization_or_its_person(db: None) -> None:
    assert len(writable()) > 200
    assert unwalled() == set(BEYOND)


def test_the_walk_over_what_is_written_bites(db: None) -> None:
    databases.as_owner(
        "CREATE TABLE open_to_all (user_id uuid); GRANT INSERT, UPDATE, DELETE ON open_to_all TO strongbox_app; "
        "ALTER TABLE open_to_all ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; "
        "CREATE POLICY entered ON open_to_all TO strongbox_app USING ((SELECT app.entered())); "
        "CREATE POLICY adds ON open_to_all FOR INSERT TO strongbox_app "
        "WITH CHECK (user_id = (SELECT app.ctx('user', true)))"
    )
    try:
        commands = {command for table, command in unwalled() if table == "open_to_all"}
        assert commands == {"INSERT", "UPDATE", "DELETE"}
    finally:
        databases.as_owner("DROP TABLE open_to_all")


def test_whose_an_account_is_never_changes(db: None) -> None:
    """Neither the column that names the person nor the key of the row is among those the app role may write."""
    tables = [table for table in global_tables() if table.startswith("accounts_")]
    tables += ["accounts_membership", "accounts_portalaccess"]
    rows = databases.as_owner(
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relname = ANY(%s) AND (a.attname IN ('id', 'user_id') "
        "OR a.attname IN ('tenant_id', 'customer_id') AND c.relname <> 'accounts_session') "
        "AND has_column_privilege('strongbox_app', c.oid, a.attnum, 'UPDATE')",
        [tables],
    )
    assert len(tables) == 8 and rows == []
