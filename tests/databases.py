"""Databases of the suite: one template migrated by the owner, one clone a worker, a fresh clone after each test
that commits. The suite itself runs as the app role; only this file speaks as the owner or the superuser.
"""

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import call_command
from django.db import connections

TEMPLATE = "strongbox_template"
_MIGRATED = "strongbox_migrated_"
ROLES = "strongbox_app, strongbox_sealer, strongbox_rekey, strongbox_backup, strongbox_restore"


def _connect(alias: str, database: str | None) -> "psycopg.Connection[tuple[Any, ...]]":
    settings = connections[alias].settings_dict
    return psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=database or connections["default"].settings_dict["NAME"],
        autocommit=True,
    )


def as_owner(sql: str, params: Any = None, database: str | None = None) -> list[tuple[Any, ...]]:
    """Run one statement as the owner of the tables (migrations' role)."""
    with _connect("owner", database) as connection:
        cursor = connection.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def connect_as(alias: str, database: str | None = None) -> "psycopg.Connection[tuple[Any, ...]]":
    """Open a connection of one's own as a role: default, owner, sealer or rekey. Used as a context manager."""
    return _connect(alias, database)


def as_superuser(sql: str, database: str | None = None) -> str:
    """Run SQL as the superuser: the administrator who turns against the audit trail."""
    from config.embedded.postgres import superuser_sql

    return superuser_sql(sql, database=database or str(connections["default"].settings_dict["NAME"]))


def past_triggers(sql: str) -> None:
    """Change what is committed as a damaged database would have it: no trigger is asked."""
    as_superuser(f"SET session_replication_role = replica; {sql}")


def dump(name: str, *options: str) -> str:
    """Return a database as pg_dump writes it, as the superuser: past every policy."""
    from config.embedded import home, processes
    from config.embedded.postgres import SUPERUSER

    place = home.prepare(Path(os.environ["STRONGBOX_STATE_DIR"]))
    way = ["-h", os.environ["STRONGBOX_DB_HOST"], "-p", os.environ["STRONGBOX_DB_PORT"], "-U", SUPERUSER]
    return processes.run(
        [place.binaries / "pg_dump", *way, "-d", name, *options],
        environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        folder=place.data,
        login=place.login,
    )


def let_settle() -> None:
    """Wait until no transaction is open that began before: the trail is read behind the oldest of the whole cluster,
    and other workers of the suite have theirs.
    """
    until = time.monotonic() + 60
    with _connect("owner", None) as connection:
        mine = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        oldest = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        while connection.execute(oldest).fetchone() <= mine:
            assert time.monotonic() < until, "a transaction stays open"
            time.sleep(0.02)


def lock_down(name: str) -> None:
    """Take back what every new database gives PUBLIC: its own grants are not copied from the template."""
    with _connect("owner", "postgres") as connection:
        _lock_down(connection, name)


def _lock_down(connection: "psycopg.Connection[tuple[Any, ...]]", name: str) -> None:
    connection.execute(
        f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC; GRANT CONNECT ON DATABASE "{name}" TO {ROLES}; '
        f'GRANT CONNECT, TEMPORARY ON DATABASE "{name}" TO strongbox_bulk'
    )


def use(name: str) -> None:
    """Point every alias at a database."""
    for connection in connections.all():
        connection.close()
        connection.settings_dict["NAME"] = name
    os.environ["STRONGBOX_DB_NAME"] = name  # for the processes that tests start


def clone(name: str) -> None:
    """Make a database anew from the template (about 0.1 s; by way of the log it took three times as long)."""
    from crypto import keyring

    use(name)
    keyring.forget_everything()  # the next database has other organizations under other keys
    with _connect("owner", "postgres") as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}" STRATEGY file_copy')
        _lock_down(connection, name)


def drop(name: str) -> None:
    """Remove a database."""
    use(name)
    as_owner(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', database="postgres")


def build_template() -> None:
    """Found an installation in the template, on tables that the owner migrated.

    Migrated tables are kept for the next run of the suite, under a name that changes with whatever makes them.
    """
    migrated = f"{_MIGRATED}{_what_makes_tables()}"
    known = "SELECT datname FROM pg_database WHERE datname LIKE %s"
    kept = {name for (name,) in as_owner(known, [f"{_MIGRATED}%"], database="postgres")}
    for name in kept - {migrated}:
        drop(name)
    if migrated not in kept:
        _create(TEMPLATE)
        call_command("migrate", database="owner", verbosity=0)
        use(migrated)
        as_owner(f'ALTER DATABASE "{TEMPLATE}" RENAME TO "{migrated}"', database="postgres")
    _create(TEMPLATE, of=migrated)
    from tests.make.installation import found_installation

    found_installation()
    use(TEMPLATE)


def _create(name: str, *, of: str = "template1") -> None:
    use(name)
    as_owner(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', database="postgres")
    as_owner(f'CREATE DATABASE "{name}" TEMPLATE "{of}"', database="postgres")
    lock_down(name)


def _what_makes_tables() -> str:
    home = Path(__file__).resolve().parents[1]
    made_by = [*home.glob("*/migrations/*.py"), *home.glob("*/*.sql"), *home.glob("tenancy/*.py")]
    made_by += [*home.glob("config/embedded/*.sql"), *home.glob("requirements/*.txt")]
    digest = hashlib.sha256(os.environ.get("STRONGBOX_CONTEXT_KEY", "").encode())
    for path in sorted(made_by):
        digest.update(f"{path.relative_to(home)} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
