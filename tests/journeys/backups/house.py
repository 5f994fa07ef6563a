"""A database of its own in the suite's cluster, backed up into a folder of the test's; and how rows are compared."""

import contextlib
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.apps import apps
from django.db import connections
from django.test import override_settings

from backups import clusters, newest, places, server, streaming
from config.embedded.postgres import superuser_sql
from core import clock
from tests import databases

# Backing up writes here itself, so that what was read before a backup differs from what is in it.
_OWN = "backups_%"
_TABLES = (
    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') "
    f"AND NOT c.relispartition AND c.relname NOT LIKE '{_OWN}' ORDER BY 1"
)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[str]:
    """A fresh database, and a target of its own."""
    before = str(connections["default"].settings_dict["NAME"])
    name = f"{before}_backups"
    target = folder / "target"
    # What is known of other tests' backups is not known here.
    with override_settings(BACKUP_TARGETS=f"folder=file://{target}", ERASURE_DIR=folder / "erasures"):
        databases.clone(name)
        try:
            yield name
        finally:
            with contextlib.suppress(Exception):
                superuser_sql(f"SELECT pg_drop_replication_slot('{streaming.SLOT}')", database="postgres")
            databases.drop(name)
            databases.use(before)


def live_rows(
    database: str, *, tenant: UUID | None = None, but: UUID | None = None, everything: bool = False
) -> dict[str, str]:
    """A digest of every row of every table of the live database, read by its superuser, past every policy."""
    tables = superuser_sql(_TABLES.replace(_OWN, "") if everything else _TABLES, database=database).split()
    owned = superuser_sql(_WITH_TENANT, database=database).split()
    asked = " UNION ALL ".join(_digest(table, table in owned, tenant, but) for table in tables)
    lines = superuser_sql(asked, database=database).splitlines()
    return dict(line.split("|", 1) for line in lines)


_WITH_TENANT = (
    "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
    "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
)


def _digest(table: str, owned: bool, tenant: UUID | None, but: UUID | None) -> str:
    where = "false" if (tenant or but) and not owned else "true"
    if owned and tenant:
        where = f"t.tenant_id = '{tenant}'"
    elif owned and but:
        where = f"t.tenant_id IS DISTINCT FROM '{but}'"
    return (
        f"SELECT '{table}', count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') "
        f'FROM "{table}" t WHERE {where}'
    )


def copy_rows(copy: server.ScratchServer, database: str) -> dict[str, str]:
    """The same of a restored one."""
    with copy.connect(database) as connection:
        tables = [row[0] for row in connection.execute(_TABLES)]
        asked = " UNION ALL ".join(_digest(table, False, None, None) for table in tables)
        return {str(row[0]): str(row[1]) for row in connection.execute(asked)}


def empty_tables(rows: dict[str, str]) -> list[str]:
    """Tables of models in which nothing stands."""
    ours = {model._meta.db_table for model in apps.get_models() if model._meta.managed}
    return sorted(table for table, digest in rows.items() if digest.startswith("0 ") and table in ours)


@contextlib.contextmanager
def restored(*, wanted: datetime | None = None) -> Iterator[server.ScratchServer]:
    """The cluster restored into a folder, by the recovery key alone, and running."""
    key = places.key_in(Path(os.environ["STRONGBOX_STATE_DIR"]) / "keys" / "recovery.key")
    with places.scratch() as place:
        into = place / "restored"
        result = clusters.restore_into(into, wanted=wanted, key=key, newest=newest.known())
        clusters.clean_up(result)
        copy = server.ScratchServer(place, into)
        with server.running(copy):
            yield copy


@contextlib.contextmanager
def streaming_changes() -> Iterator[streaming.Receiver]:
    """The receiver, stepped by the test."""
    receiver = streaming.Receiver(now=clock.now)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


def close_segment(receiver: streaming.Receiver) -> None:
    """Let what was written so far reach the target, as a minute would."""
    receiver.step()
    superuser_sql("SELECT pg_switch_wal()", database="postgres")
    limit = time.monotonic() + 60
    while not receiver.step():
        assert time.monotonic() < limit, "no segment arrived"
        time.sleep(0.05)


def fill_every_table(database: str) -> None:
    """Put a row into every table that has none: made up by the columns' types, past checks and references."""
    rows = live_rows(database, everything=True)
    checks: dict[str, list[str]] = {}
    asked = "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"
    for line in superuser_sql(asked, database=database).splitlines():
        table, check = line.split("|")
        checks.setdefault(table, []).append(check)
    statements = ["SET session_replication_role = replica;"]
    for table in (table for table, digest in rows.items() if digest.startswith("0 ")):
        statements += [f'ALTER TABLE "{table}" DROP CONSTRAINT "{check}";' for check in checks.get(table, [])]
        statements.append(
            f'INSERT INTO "{table}" SELECT (jsonb_populate_record(NULL::"{table}", '
            f"(SELECT jsonb_object_agg(attname, {_VALUE}) FROM pg_attribute "
            f"WHERE attrelid = '\"{table}\"'::regclass AND attnum > 0 AND NOT attisdropped))).*;"
        )
    superuser_sql("\n".join(statements), database=database)


_VALUE = (
    "CASE WHEN format_type(atttypid, NULL) = 'uuid' THEN to_jsonb(gen_random_uuid()) "
    "WHEN format_type(atttypid, NULL) IN ('smallint', 'integer', 'bigint', 'numeric') THEN '1'::jsonb "
    "WHEN format_type(atttypid, NULL) = 'boolean' THEN 'true'::jsonb "
    "WHEN format_type(atttypid, NULL) = 'bytea' THEN to_jsonb('\\x' || repeat('0a', 60)) "
    "WHEN format_type(atttypid, NULL) = 'jsonb' THEN '{\"made\": \"up\"}'::jsonb "
    "WHEN format_type(atttypid, NULL) LIKE 'timestamp%' THEN to_jsonb(now()) "
    "WHEN format_type(atttypid, NULL) = 'date' THEN to_jsonb(current_date) "
    "WHEN format_type(atttypid, NULL) LIKE '%[]' THEN '[]'::jsonb "
    "WHEN format_type(atttypid, NULL) LIKE 'time %' THEN to_jsonb('12:00:00'::text) "
    "WHEN format_type(atttypid, NULL) = 'interval' THEN to_jsonb('1 day'::text) "
    "WHEN format_type(atttypid, NULL) = 'xid8' THEN to_jsonb('1'::text) "
    "WHEN format_type(atttypid, NULL) = 'inet' THEN to_jsonb('192.0.2.1'::text) "
    "ELSE to_jsonb('x'::text) END"
)
