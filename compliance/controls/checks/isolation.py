"""Whether PostgreSQL itself keeps organizations apart: read from its own catalogue, at this moment."""

from datetime import datetime
from typing import Any

from django.db import connection

from compliance.controls import rules
from compliance.controls.rules import Control, Outcome
from core.datapolicy import ENCRYPTED_CLASSES, Owner
from crypto.fields import EncryptedField
from tenancy.checks import managed_models, policy_of
from tenancy.rls import APP_ROLE

_UNFORCED = """
    SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
      AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1"""
# A table under row-level security without any policy of the app role would show nothing: one that shows all is worse.
_OPEN_POLICIES = """
    SELECT c.relname::text || ': ' || p.polname FROM pg_policy p
    JOIN pg_class c ON c.oid = p.polrelid AND c.relnamespace = 'public'::regnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
    CROSS JOIN LATERAL coalesce(pg_get_expr(p.polqual, p.polrelid), '') AS shown
    WHERE p.polpermissive AND (SELECT oid FROM pg_roles WHERE rolname = %(app)s) = ANY (p.polroles)
      AND (shown = 'true' OR shown ILIKE '%%IS NULL OR%%') ORDER BY 1"""
_ROLE = """
    SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles WHERE rolname = %(app)s"""
_POWERS = """
    SELECT c.relname::text || ': ' || word FROM pg_class c, unnest(ARRAY['TRUNCATE', 'TRIGGER', 'REFERENCES']) AS word
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
      AND has_table_privilege(%(app)s, c.oid, word)
    UNION ALL
    SELECT 'owns ' || c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
    WHERE c.relnamespace = 'public'::regnamespace AND r.rolname = %(app)s
    UNION ALL
    SELECT 'TEMPORARY on the database' WHERE has_database_privilege(%(app)s, current_database(), 'TEMPORARY')
    UNION ALL
    SELECT 'CREATE in schema public' WHERE has_schema_privilege(%(app)s, 'public', 'CREATE') ORDER BY 1"""
# What an injected statement would reach for: it could set the context itself, or run text as SQL.
_FUNCTIONS = """
    SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
      AND (p.proname IN ('set_config', 'pg_notify', 'pg_terminate_backend', 'pg_cancel_backend', 'query_to_xml',
                         'cursor_to_xml', 'pg_logical_emit_message')
           OR p.proname ~ '^(lo_|lowrite|loread)' OR p.proname ~ '^(table|schema|database)_to_xml')
      AND has_function_privilege(%(app)s, p.oid, 'EXECUTE') ORDER BY 1"""
_LOOSE_KEYS = """
    SELECT con.conrelid::regclass::text || '.' || con.conname FROM pg_constraint con
    JOIN pg_attribute mine ON mine.attrelid = con.conrelid AND mine.attname = 'tenant_id'
    JOIN pg_attribute theirs ON theirs.attrelid = con.confrelid AND theirs.attname = 'tenant_id'
    WHERE con.contype = 'f' AND con.connamespace = 'public'::regnamespace
      AND NOT (mine.attnum = ANY (con.conkey)) ORDER BY 1"""


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"app": APP_ROLE} if "%(app)s" in sql else None)
        return list(cursor.fetchall())


def _names(sql: str) -> list[str]:
    return [str(row[0]) for row in _rows(sql)]


def row_level_security(at: datetime) -> Outcome:
    """Look for tables of organizations outside forced row-level security, and for policies that show all."""
    global_tables = {
        model._meta.db_table
        for model in managed_models()
        if (policy := policy_of(model)) is not None and policy.owner is Owner.GLOBAL
    }
    found = [f"{name}: not forced" for name in _names(_UNFORCED) if name not in global_tables]
    found += [f"{name} shows every row" for name in _names(_OPEN_POLICIES)]
    total = int(
        _rows(
            "SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
            "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
        )[0][0]
    )
    return rules.judged(
        found,
        good=f"All {total} tables with rows of organizations are under forced row-level security.",
        wrong="Tables or policies that leave the wall: {n}.",
        tables=total,
    )


def role_powers(at: datetime) -> Outcome:
    """Look at what the role of the application may do in the database beyond reading and writing rows."""
    flags = dict(
        zip(
            ("superuser", "bypasses row-level security", "creates databases", "creates roles", "replicates"),
            _rows(_ROLE)[0],
            strict=True,
        )
    )
    found = [name for name, held in flags.items() if held] + _names(_POWERS)
    return rules.judged(
        found,
        good="The role reads and writes rows and can do nothing else.",
        wrong="Powers of the application's role that it must not have: {n}.",
        role=APP_ROLE,
    )


def context_sealed(at: datetime) -> Outcome:
    """Look whether the role of the application can reach functions that would change the signed context."""
    return rules.judged(
        _names(_FUNCTIONS),
        good="No function is left by which a statement could change its own context.",
        wrong="Functions by which a statement could leave its context: {n}.",
    )


def composite_keys(at: datetime) -> Outcome:
    """Look for references between tables of organizations that do not carry the organization."""
    return rules.judged(
        _names(_LOOSE_KEYS),
        good="Every reference between rows of organizations carries the organization.",
        wrong="References that could point into another organization: {n}.",
    )


def classified(at: datetime) -> Outcome:
    """Look whether every column of every table is decided about, and what is personal is encrypted."""
    found, columns, personal = [], 0, 0
    for model in managed_models():
        policy = policy_of(model)
        if policy is None:
            found.append(f"{model._meta.label}: no data policy")
            continue
        for field in model._meta.concrete_fields:
            columns += 1
            kind = policy.fields.get(field.name)
            if kind is None:
                found.append(f"{model._meta.label}.{field.name}: not classified")
            elif kind in ENCRYPTED_CLASSES:
                personal += 1
                if not isinstance(field, EncryptedField):
                    found.append(f"{model._meta.label}.{field.name}: {kind.value} in plain text")
    return rules.judged(
        found,
        good=f"{columns} columns are classified; all {personal} that hold personal data or content are encrypted.",
        wrong="Columns or tables nobody has decided about: {n}.",
        columns=columns,
        protected=personal,
    )


CONTROLS = (
    Control(
        code="isolation.row_level_security",
        title="The database itself keeps organizations apart",
        family="isolation",
        checks="PostgreSQL's catalogue: every table with rows of organizations, and every policy on it.",
        passes="Row-level security is on and forced for each, and no policy shows every row.",
        fails="A table stands outside the wall, or a policy opens it.",
        matters="A fault in one query must not show one organization's rows to another.",
        remedy="Stop the service, put the policy back by migration, and read the audit trail since it was gone.",
        maps=(("asvs", "8.4.1"), ("gdpr", "32(1)(b)"), ("pci-dss", "7.2.1-7.2.6"), ("hipaa", "312(a)(1)")),
        check=row_level_security,
        of_host=True,
    ),
    Control(
        code="isolation.role_powers",
        title="The application's role can read and write rows, and nothing else",
        family="isolation",
        checks="The role's attributes, its privileges on tables, schema and database, and what it owns.",
        passes="No superuser, no bypass, no TRUNCATE, no TEMPORARY, no ownership.",
        fails="Somebody gave it more.",
        matters="Whoever takes the application over has what its role has.",
        remedy="Take the privilege back and find out who gave it.",
        maps=(("asvs", "13.2.2"), ("pci-dss", "7.2.1-7.2.6"), ("pci-dss", "10.3.1-10.3.4")),
        check=role_powers,
        of_host=True,
    ),
    Control(
        code="isolation.context",
        title="No statement can change whose data it sees",
        family="isolation",
        checks="Whether built-in functions that set the session or run text as SQL are closed to the application.",
        passes="All are closed.",
        fails="One is open: an injected statement could step over the wall.",
        matters="The wall between organizations rests on a signed context that only one function can set.",
        remedy="Revoke the function in template1 and in this database; see config/embedded/template1.sql.",
        maps=(("asvs", "8.4.1"), ("asvs", "13.2.2")),
        check=context_sealed,
        of_host=True,
    ),
    Control(
        code="isolation.references",
        title="No reference can point into another organization",
        family="isolation",
        checks="Every foreign key between tables with rows of organizations.",
        passes="Each carries the organization.",
        fails="One does not.",
        matters="A forged id would link one organization's record to another's.",
        remedy="Replace the key by migration with one over (tenant_id, …).",
        maps=(("asvs", "8.4.1"),),
        check=composite_keys,
        of_host=True,
    ),
    Control(
        code="isolation.classified",
        title="Every column is classified, and personal ones are encrypted",
        family="privacy",
        checks="The data policy of every model against its columns and their field types.",
        passes="Each column has a class; whatever names a person, says what was sold or is a secret is encrypted.",
        fails="A column was added that nobody decided about, or one stands in plain text.",
        matters="Erasure, export and retention follow these classes; what is not classified is forgotten.",
        remedy="Declare the column in its DataPolicy and use an encrypted field.",
        maps=(("gdpr", "5(1)(a-f)"), ("gdpr", "25"), ("asvs", "14.1.1"), ("asvs", "14.1.2")),
        check=classified,
        of_host=True,
    ),
)
