"""The attacker owns the text of a statement that runs as the app role, in organization a, and wants b (ASVS 1.2.4)."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction

from core import clock
from tenancy import context, jobs
from tenancy.context import Scope, scope
from tenancy.models import Job
from tests import databases


def run(sql: str) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def refused(sql: str, why: str) -> None:
    with pytest.raises(DatabaseError, match=why):
        run(sql)


def job(kind: str) -> Job:
    return jobs.start(kind=kind, at=clock.now())


@pytest.fixture
def two(db: None, tenant_a: UUID, tenant_b: UUID) -> tuple[UUID, UUID]:
    for tenant, kind in ((tenant_a, "secret-a"), (tenant_b, "secret-b")):
        with scope(Scope(tenant)):
            job(kind)
    return tenant_a, tenant_b


def test_no_context_raises(two: tuple[UUID, UUID]) -> None:
    refused("SELECT 1 FROM tenancy_job", "tenant context is not set")


def test_own_rows_only(two: tuple[UUID, UUID]) -> None:
    with scope(Scope(two[0])):
        assert run("SELECT kind FROM tenancy_job") == [("secret-a",)]


FORGERIES: dict[str, Callable[[str, UUID, UUID], str]] = {
    "swap the tenant, keep the signature": lambda good, a, b: good.replace(str(a), str(b)),
    "break the signature": lambda good, a, b: good[:-1] + ("0" if good[-1] != "0" else "1"),
    "a true token of another backend": lambda good, a, b: context.token(Scope(b), 1),
    "prolong": lambda good, a, b: good.replace(good.split(".")[4], "9999999999"),
    "another key": lambda good, a, b: "9" + good[1:],
    "nonsense": lambda good, a, b: "x",
    "one part more": lambda good, a, b: good + ".",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_forged_contexts(two: tuple[UUID, UUID], forge: Callable[[str, UUID, UUID], str]) -> None:
    with scope(Scope(two[0])), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.ctx')")
        good = cursor.fetchone()[0]
        with pytest.raises(DatabaseError, match="forged"), transaction.atomic():
            cursor.execute("SELECT app.enter(%s)", [forge(good, *two)])
            cursor.execute("SELECT count(*) FROM tenancy_job")


def test_expired(two: tuple[UUID, UUID], settings: Any) -> None:
    settings.CONTEXT_TTL_SECONDS = -10
    with pytest.raises(DatabaseError, match="expired"), scope(Scope(two[0])):
        run("SELECT count(*) FROM tenancy_job")


def test_one_statement_cannot_switch_the_tenant(two: tuple[UUID, UUID]) -> None:
    with scope(Scope(two[0])):
        refused(
            "SELECT set_config('app.ctx', 'x', true), (SELECT count(*) FROM tenancy_job)",
            "permission denied for function set_config",
        )
        # app.enter() remains callable: with a text of one's own it only breaks one's own query.
        refused(
            "SELECT kind FROM tenancy_job, app.enter('1.b...9.0') UNION ALL SELECT kind FROM tenancy_job",
            "forged",
        )


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "SELECT 1; COMMIT", "SELECT 1; SET app.ctx = 'x'"])
def test_one_statement_a_message(two: tuple[UUID, UUID], sql: str) -> None:
    with scope(Scope(two[0])):
        refused(sql, "cannot insert multiple commands")


STATEMENTS = [
    ("SET ROLE strongbox_owner", "permission denied"),
    ("SET ROLE strongbox_context", "permission denied"),
    ("SET SESSION AUTHORIZATION strongbox_owner", "permission denied"),
    ("ALTER TABLE tenancy_job DISABLE ROW LEVEL SECURITY", "must be owner"),
    ("DROP POLICY tenant ON tenancy_job", "must be owner"),
    ("ALTER ROLE strongbox_app SET track_activities = on", "permission denied"),
    ("SET track_activities = on", "permission denied"),
    ("SET log_statement = 'all'", "permission denied"),
    ("SET log_min_error_statement = 'error'", "permission denied"),
    ("SET log_min_messages = 'debug5'", "permission denied"),
    (
        "CREATE FUNCTION public.f(text) RETURNS bool COST 0.0001 LANGUAGE sql AS 'SELECT true'",
        "permission denied",
    ),
    ("CREATE OPERATOR public.=== (leftarg = text, rightarg = text, function = texteq)", "permission denied"),
    ("CREATE SCHEMA s", "permission denied"),
    ("CREATE TEMP TABLE tenancy_job (id int)", "permission denied to create temporary"),
    ("CREATE VIEW v AS SELECT 1", "permission denied"),
    ("CREATE TABLE app.t (a int)", "permission denied"),
    ("SELECT * FROM app_private.ctx_key", "permission denied for schema"),
    ("TRUNCATE tenancy_job", "permission denied"),
    ("COPY tenancy_job TO PROGRAM 'cat'", "permission denied"),
    ("SELECT pg_read_file('postgresql.conf')", "permission denied"),
    ("SELECT pg_ls_waldir()", "permission denied"),
    ("SELECT query_to_xml('SELECT 1', true, true, '')", "permission denied"),
    ("SELECT lo_from_bytea(0, 'x')", "permission denied"),
    ("SELECT pg_terminate_backend(1)", "permission denied"),
    ("SELECT pg_notify('c', 'x')", "permission denied"),
    ("SELECT stavalues1 FROM pg_statistic", "permission denied"),
    ("CREATE EXTENSION dblink", "permission denied"),
    ("GRANT strongbox_owner TO strongbox_app", "permission denied"),
    ("UPDATE audit_event SET event = 'x'", "permission denied"),
    ("DELETE FROM audit_event", "permission denied"),
    ("UPDATE tenancy_tenant SET slug = 'stolen'", "permission denied"),
    ("DELETE FROM tenancy_tenant", "permission denied"),
]


@pytest.mark.parametrize(("sql", "why"), STATEMENTS, ids=[sql[:60] for sql, _ in STATEMENTS])
def test_whole_statements_of_the_attackers_choice(two: tuple[UUID, UUID], sql: str, why: str) -> None:
    with scope(Scope(two[0])):
        refused(sql, why)


def test_row_security_off_is_an_error_not_a_bypass(two: tuple[UUID, UUID]) -> None:
    with scope(Scope(two[0])), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL row_security = off")
        refused("SELECT * FROM tenancy_job", "would be affected by row-level security")


def test_statistics_show_nothing(two: tuple[UUID, UUID]) -> None:
    databases.as_owner("ANALYZE tenancy_job")
    with scope(Scope(two[0])):
        assert run("SELECT count(*) FROM pg_stats WHERE tablename = 'tenancy_job'") == [(0,)]


@pytest.mark.parametrize(
    "probe", ["kind::int = 1", "1 / (length(kind) - 8) = 1", "(('{' || kind)::jsonb) IS NULL"]
)
def test_error_messages_quote_own_rows_only(two: tuple[UUID, UUID], probe: str) -> None:
    with scope(Scope(two[0])), pytest.raises(DatabaseError) as caught:
        run(f"SELECT 1 FROM tenancy_job WHERE {probe}")
    assert "secret-b" not in str(caught.value)


def test_a_definer_function_cannot_be_shadowed(two: tuple[UUID, UUID]) -> None:
    with scope(Scope(two[0])), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = app, public, pg_temp")
        cursor.execute("SELECT count(*) FROM tenancy_job")
        assert cursor.fetchone() == (1,)


@pytest.mark.django_db(transaction=True)
def test_the_token_is_nowhere_to_be_read(tenant_b: UUID) -> None:
    """A second session of the same role looks for b's token while b works."""
    with databases.connect_as("default") as spy, scope(Scope(tenant_b)):
        spy.autocommit = False
        job("canary-b")
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.ctx')")
            token = cursor.fetchone()[0]
        pid = connection.connection.info.backend_pid
        looks = {
            "activity": "SELECT query, state FROM pg_stat_activity WHERE pid = %s",
            "prepared": "SELECT statement FROM pg_prepared_statements WHERE %s > 0",
            "cursors": "SELECT statement FROM pg_cursors WHERE %s > 0",
            "own setting": "SELECT current_setting('app.ctx', true) WHERE %s > 0",
        }
        seen = {name: spy.execute(sql, [pid]).fetchall() for name, sql in looks.items()}
        assert token[-64:] not in str(seen)
        assert "canary-b" not in str(seen)
        with pytest.raises(psycopg.Error, match="forged"):
            spy.execute("SELECT app.enter(%s)", [token])
            # Asked for itself: a scan that sees no row, as on a table just emptied, need not ask the policy.
            spy.execute("SELECT app.ctx('tenant', true)")
        spy.rollback()
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0, %s", [token])
    state = Path(str(connections["default"].settings_dict["HOST"])).parent
    # Not below the data folder: other tests drop their databases there meanwhile.
    logs = [*state.glob("*.log"), *state.glob("logs/*.log")]
    assert logs
    assert all(token[-64:] not in log.read_text(errors="replace") for log in logs)


@pytest.mark.django_db(transaction=True)
def test_after_the_transaction_nothing_remains(tenant_b: UUID) -> None:
    with scope(Scope(tenant_b)):
        job("b1")
    assert run("SELECT current_setting('app.ctx', true)") == [("",)]
    refused("SELECT 1 FROM tenancy_job", "not set")


@pytest.mark.django_db(transaction=True)
def test_what_remains_a_token_replayed_in_its_own_session(tenant_b: UUID) -> None:
    """REMAINS (threat model): the same backend, within the token's life: b's own scope again, nothing wider."""
    with scope(Scope(tenant_b)), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.ctx')")
        token = cursor.fetchone()[0]
    began = time.time()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT app.enter(%s)", [token])
        cursor.execute("SELECT count(*) FROM tenancy_job")
        assert cursor.fetchone() == (0,)
    assert time.time() - began < 30


def test_same_id_in_two_organizations(two: tuple[UUID, UUID]) -> None:
    """An id is no secret and no lock: a neighbour may hold the same one, and neither learns of the other."""
    with scope(Scope(two[1])):
        theirs = Job.objects.get()
    with scope(Scope(two[0])):
        Job.objects.create(id=theirs.pk, kind="mine", created_at=clock.now())
        assert Job.objects.get(pk=theirs.pk).kind == "mine"
    with scope(Scope(two[1])):
        assert Job.objects.get(pk=theirs.pk).kind == "secret-b"
