"""Where a person can stand: a dump by the superuser, the data folder's own bytes, the files, the logs."""

import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from backups import places, server
from billing.contacts.models import Contact
from billing.customers.models import Customer
from config.embedded.postgres import superuser_sql
from tests import databases


def traces(customer: Customer, contact: Contact) -> list[bytes]:
    """What leads back to a person whose words are encrypted: the keys that open them, and what finds them again."""
    found = [customer.subject_key, contact.subject_key]
    found += [customer.name_index, customer.email_index, customer.reference_index, contact.email_index]
    assert all(found), "nothing to look for"
    return [bytes(one) for one in found if one is not None]


def dumped(database: str, host: Path | str, port: str) -> bytes:
    """Everything the database holds, read past every policy."""
    where = ["-h", str(host), "-p", port, "-U", server.SUPERUSER, "--no-password", "--data-only"]
    return subprocess.run(
        [str(places.program("pg_dump")), *where, database],
        env=server.clean(),
        cwd="/",
        check=True,
        capture_output=True,
        **places.login().as_child,
    ).stdout


def live(database: str) -> bytes:
    return dumped(database, os.environ["STRONGBOX_DB_HOST"], os.environ["STRONGBOX_DB_PORT"])


def standing(needles: Iterable[bytes], dump: bytes) -> list[bytes]:
    """Those that a dump shows, which writes bytes as hexadecimal digits."""
    return [one for one in needles if one in dump or one.hex().encode() in dump]


def sweep(database: str) -> None:
    """Write tables anew without what was deleted, as soon as nobody still sees what was there before: a rewrite keeps
    what the oldest transaction of the whole cluster may see, and what a session of this database looks at.
    """
    (mine,) = databases.as_owner("SELECT pg_current_xact_id()::text", database=database)[0]
    databases.let_settle()
    older = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        f"AND backend_xmin::text::bigint <= {int(mine)}"
    )
    until = time.monotonic() + 60
    while pids := superuser_sql(older, database=database).strip():
        assert time.monotonic() < until, f"still looks at what was: {pids}"
        time.sleep(0.05)
    superuser_sql("VACUUM FULL billing_customer, billing_contact, billing_exportfreeze", database=database)
    superuser_sql("CHECKPOINT", database=database)


def in_files(needles: Iterable[bytes], *roots: Path) -> list[tuple[str, bytes]]:
    """Those that stand in some file's own bytes."""
    wanted, found = list(needles), []
    for root in roots:
        for path in [root] if root.is_file() else root.rglob("*"):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                found += [(path.name, one) for one in wanted if one in content]
    return found


def logs() -> list[Path]:
    state = Path(os.environ["STRONGBOX_STATE_DIR"])
    return [path for path in state.rglob("*.log") if path.is_file()]


def replay(copy: server.ScratchServer, database: str, files: Path) -> "subprocess.CompletedProcess[str]":
    """The command of the runbook, on the restored copy and on nothing else."""
    environment = {
        **os.environ,
        "STRONGBOX_DB_HOST": str(copy.sockets),
        "STRONGBOX_DB_PORT": str(server.PORT),
        "STRONGBOX_DB_NAME": database,
        "STRONGBOX_FILES_DIR": str(files),
        "STRONGBOX_ERASURE_DIR": str(settings.ERASURE_DIR),
    }
    return server.manage(["erasures_replay", "--json"], environment=environment)
