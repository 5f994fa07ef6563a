"""One organization put back as it was, beside the others, which go on working.

Promise kept: no row of another organization is read or written; what may never be rolled back (the audit
trail, the destruction of a person's key, a count of encryptions) is not; either all of it is put back, with
every reference whole, or nothing. The organization is sealed meanwhile: nobody changes what is being replaced.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import copyfile
from typing import Any
from uuid import UUID

import psycopg
from django.apps import apps
from django.conf import settings
from django.db import connections
from psycopg import sql

from backups import places, restoring, server
from backups.newest import Newest
from backups.tars import JOURNAL, JOURNAL_FOLDER
from core.actor import Actor
from core.errors import Refusal
from crypto import services as crypto
from crypto.fields import SubjectKeyField

_BATCH = 2_000
_SHORT = {"lock_timeout": "60s", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}


class RestoreNeedsItsRole(Refusal):
    """This needs the restore role's password, which no process has: hand it to this command."""

    code = "restore_needs_its_role"


class TablesDiffer(Refusal):
    """The tables have changed since that backup. Restore the whole cluster beside, and export from there."""

    code = "tables_differ"


class NotInTheBackup(Refusal):
    """The organization does not stand in that backup."""

    code = "not_in_the_backup"


class ReferencesWouldBreak(Refusal):
    """Rows of this organization name something that is not there any more. Nothing was changed."""

    code = "references_would_break"


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def only_grows(self) -> bool:
        """Tell whether rows that are here are never taken back: the trail and its seals."""
        return self.name.startswith("audit_")


def put_back(
    *,
    tenant_id: UUID,
    wanted: datetime | None,
    key: bytes,
    newest: Newest | None,
    actor: Actor,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, int]:
    """Restore an organization to a moment and return how many rows of how many tables were put back.

    Raises:
        RestoreNeedsItsRole, TablesDiffer, NotInTheBackup, ReferencesWouldBreak.
    """
    if "restore" not in connections.settings:
        raise RestoreNeedsItsRole
    where, trusted = places.open_targets(), places.trusted()
    with places.scratch() as folder:
        restored = restoring.restore(
            folder, wanted=wanted, key=key, trusted=trusted, places_=where, newest=newest, say=say
        )
        with restoring.Spool(folder, where, restored, key=key, trusted=trusted, newest=newest) as spool:
            copy = server.ScratchServer(
                folder, restored.data, recovery=restoring.recovery(spool, wanted=wanted)
            )
            with server.running(copy):
                say("The copy runs; the organization is sealed while its rows are put back.")
                counts = _exchange(copy, tenant_id, actor)
        if restored.files is not None:
            counts["files"] = merge_files(restored.files, settings.FILES_DIR, only=tenant_id)
    return counts


def merge_files(source: Path, into: Path, *, only: UUID | None = None) -> int:
    """Copy encrypted files that are missing, and none over another; return how many."""
    copied = 0
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if not path.is_file() or path.is_symlink() or relative.parts[0] == JOURNAL_FOLDER:
            continue
        if only is not None and only.hex not in relative.parts and str(only) not in relative.parts:
            continue
        target = into / relative
        if target.exists():
            continue
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = target.with_name(f".restored-{target.name}")
        fresh.touch(mode=0o600)
        copyfile(path, fresh)
        fresh.replace(target)
        copied += 1
    return copied


def merge_journal(source: Path) -> None:
    """Take over the journal of erasures from a backup where ours is missing or knows less; it only grows."""
    there = source / JOURNAL_FOLDER / JOURNAL
    if settings.ERASURE_DIR is None or not there.exists():
        return
    ours = settings.ERASURE_DIR / JOURNAL
    if ours.exists() and ours.stat().st_size >= there.stat().st_size:
        return
    settings.ERASURE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = ours.with_name(f".{JOURNAL}.restored")
    fresh.touch(mode=0o600)
    copyfile(there, fresh)
    fresh.replace(ours)


def _exchange(copy: server.ScratchServer, tenant_id: UUID, actor: Actor) -> dict[str, int]:
    with _live() as live, copy.connect(str(settings.DATABASES["default"]["NAME"])) as old:
        row = old.execute("SELECT t::text FROM tenancy_tenant t WHERE id = %s", [tenant_id]).fetchone()
        if row is None:
            raise NotInTheBackup
        exists = live.execute("SELECT 1 FROM tenancy_tenant WHERE id = %s", [tenant_id]).fetchone()
        live.commit()
        if exists:
            crypto.seal_organization(tenant_id=tenant_id, actor=actor)
        tables = _tables(live)
        if tables != _tables(old):
            raise TablesDiffer
        try:
            with live.transaction():
                # Triggers guard what is finalized against change; here it becomes again what it was.
                live.execute("SET LOCAL session_replication_role = replica")
                if not exists:
                    live.execute("INSERT INTO tenancy_tenant SELECT ((%s::text)::tenancy_tenant).*", [row[0]])
                rows = sum(_put(old, live, table, tenant_id) for table in tables)
                broken = _broken_references(live, tables, tenant_id)
                if broken:
                    raise ReferencesWouldBreak(constraint=broken[0])
        finally:
            # Unsealed in any case: either everything was put back, or nothing was.
            if exists or live.execute("SELECT 1 FROM tenancy_tenant WHERE id = %s", [tenant_id]).fetchone():
                live.commit()
                crypto.unseal_organization(tenant_id=tenant_id, actor=actor)
    return {"tables": len(tables), "rows": rows}


def _live() -> "psycopg.Connection[tuple[Any, ...]]":
    live = settings.DATABASES["restore"]
    tls = {name: live["OPTIONS"][name] for name in ("sslmode", "sslrootcert") if name in live["OPTIONS"]}
    connection = psycopg.connect(
        host=str(live["HOST"]),
        port=str(live["PORT"]),
        user=str(live["USER"]),
        password=str(live["PASSWORD"]),
        dbname=str(connections["default"].settings_dict["NAME"]),
        **tls,
    )
    for name, value in _SHORT.items():
        connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    connection.commit()
    return connection


def _tables(connection: "psycopg.Connection[tuple[Any, ...]]") -> list[_Table]:
    """List the tables whose rows name an organization, with the columns that can be written and their types."""
    found = connection.execute(
        "SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum), "
        "array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) "
        "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
        "AND NOT a.attisdropped AND a.attgenerated = '' "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
        "AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attname = 'tenant_id') "
        "GROUP BY c.relname ORDER BY c.relname"
    ).fetchall()
    return [_Table(name, tuple(zip(columns, kinds, strict=True))) for name, columns, kinds in found]


def _subject_columns() -> dict[str, str]:
    """Return, by table, the column that holds a person's key."""
    return {
        model._meta.db_table: str(field.column)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, SubjectKeyField)
    }


def _put(
    old: "psycopg.Connection[tuple[Any, ...]]",
    live: "psycopg.Connection[tuple[Any, ...]]",
    table: _Table,
    tenant_id: UUID,
) -> int:
    name = sql.Identifier(table.name)
    erased: list[UUID] = []
    missing: list[str] | None = None
    keep: list[tuple[Any, ...]] = []
    if table.only_grows:
        known = _ids(live, table, tenant_id)
        missing = sorted(_ids(old, table, tenant_id) - known)
        if not missing:
            return 0
    else:
        subject = _subject_columns().get(table.name)
        if subject:
            # Whose key was destroyed meanwhile stays erased: their row here stands, the backup's does not return.
            keyless = sql.SQL("SELECT id FROM {} WHERE tenant_id = %s AND {} IS NULL").format(
                name, sql.Identifier(subject)
            )
            erased = [row[0] for row in live.execute(keyless, [tenant_id])]
        keep = _encryptions(live, tenant_id) if table.name == "crypto_datakey" else []
        live.execute(
            sql.SQL("DELETE FROM {} WHERE tenant_id = %s AND NOT (id = ANY(%s))").format(name)
            if erased
            else sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(name),
            [tenant_id, erased] if erased else [tenant_id],
        )
    rows = 0
    for batch in _read(old, table, tenant_id, missing, erased):
        _write(live, table, batch)
        rows += len(batch)
    if table.name == "crypto_datakey":
        for key_id, count in keep:
            live.execute(
                "UPDATE crypto_datakey SET encryptions = greatest(encryptions, %s) WHERE tenant_id = %s AND id = %s",
                [count, tenant_id, key_id],
            )
    return rows


def _encryptions(live: "psycopg.Connection[tuple[Any, ...]]", tenant_id: UUID) -> list[tuple[Any, ...]]:
    # How often a key was used is a fact that no restore undoes: it bounds how often it may be used again.
    return live.execute(
        "SELECT id, encryptions FROM crypto_datakey WHERE tenant_id = %s", [tenant_id]
    ).fetchall()


def _ids(connection: "psycopg.Connection[tuple[Any, ...]]", table: _Table, tenant_id: UUID) -> set[str]:
    key = "id" if any(column == "id" for column, _ in table.columns) else "n"
    asked = sql.SQL("SELECT {}::text FROM {} WHERE tenant_id = %s").format(
        sql.Identifier(key), sql.Identifier(table.name)
    )
    return {row[0] for row in connection.execute(asked, [tenant_id])}


def _read(
    old: "psycopg.Connection[tuple[Any, ...]]",
    table: _Table,
    tenant_id: UUID,
    only: Sequence[Any] | None,
    but: Sequence[UUID],
) -> Iterator[list[str]]:
    key = sql.Identifier("id" if any(column == "id" for column, _ in table.columns) else "n")
    where: sql.Composable = sql.SQL("tenant_id = %s")
    values: list[Any] = [tenant_id, *([list(only)] if only is not None else [])]
    if only is not None:
        where = where + sql.SQL(" AND {}::text = ANY(%s)").format(key)
    if but:
        where, values = where + sql.SQL(" AND NOT (id = ANY(%s))"), [*values, list(but)]
    asked = sql.SQL("SELECT t::text FROM {} t WHERE {}").format(sql.Identifier(table.name), where)
    with old.transaction(), old.cursor(name="restore") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(asked, values)
        while rows := cursor.fetchmany(_BATCH):
            yield [row[0] for row in rows]


def _write(live: "psycopg.Connection[tuple[Any, ...]]", table: _Table, rows: Sequence[str]) -> None:
    """Insert rows in PostgreSQL's own text form: exact for every type there is."""
    names = sql.SQL(", ").join(sql.Identifier(column) for column, _ in table.columns)
    parts = sql.SQL(", ").join(
        sql.SQL("(s.r).{}").format(sql.Identifier(column)) for column, _ in table.columns
    )
    live.execute(
        sql.SQL(
            "INSERT INTO {table} ({names}) SELECT {parts} FROM "
            "(SELECT x::{table} AS r FROM unnest(%s::text[]) x OFFSET 0) s"
        ).format(table=sql.Identifier(table.name), names=names, parts=parts),
        [list(rows)],
    )


def _broken_references(
    live: "psycopg.Connection[tuple[Any, ...]]", tables: Sequence[_Table], tenant_id: UUID
) -> list[str]:
    """Check every foreign key of the tables that were written, as PostgreSQL would have."""
    found = live.execute(
        "SELECT con.conname, con.conrelid::regclass::text, con.confrelid::regclass::text, "
        "(SELECT array_agg(attname::text ORDER BY o) FROM unnest(con.conkey) WITH ORDINALITY k(n, o) "
        " JOIN pg_attribute ON attrelid = con.conrelid AND attnum = k.n), "
        "(SELECT array_agg(attname::text ORDER BY o) FROM unnest(con.confkey) WITH ORDINALITY k(n, o) "
        " JOIN pg_attribute ON attrelid = con.confrelid AND attnum = k.n) "
        "FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid "
        "WHERE con.contype = 'f' AND c.relname = ANY(%s) AND con.conparentid = 0",
        [[table.name for table in tables]],
    ).fetchall()
    broken = []
    for constraint, child, parent, own, others in found:
        joined = sql.SQL(" AND ").join(
            sql.SQL("p.{} = c.{}").format(sql.Identifier(theirs), sql.Identifier(mine))
            for mine, theirs in zip(own, others, strict=True)
        )
        whole = sql.SQL(" AND ").join(
            sql.SQL("c.{} IS NOT NULL").format(sql.Identifier(mine)) for mine in own
        )
        asked = sql.SQL(
            "SELECT count(*) FROM {child} c WHERE c.tenant_id = %s AND {whole} "
            "AND NOT EXISTS (SELECT FROM {parent} p WHERE {joined})"
        ).format(child=sql.SQL(child), parent=sql.SQL(parent), whole=whole, joined=joined)
        row = live.execute(asked, [tenant_id]).fetchone()
        if row and row[0]:
            broken.append(str(constraint))
    return broken
