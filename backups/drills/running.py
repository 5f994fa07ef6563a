"""A restore drill from beginning to end, timed: what it takes until the product works again is the RTO."""

import json
import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from backups import newest, places, queries, restoring, server
from backups.drills import results
from backups.drills.inside import Found
from backups.models import Backup, Drill
from core.actor import Actor
from core.errors import Refusal

_log = logging.getLogger("strongbox.backups")
Progress = Callable[[int, int], None]


class _Stopped(Exception):
    """A check failed without which the next ones make no sense."""


class _Drill:
    """One run: what was found so far."""

    def __init__(self, progress: Progress) -> None:
        self.found: list[Found] = []
        self._progress = progress

    def step(self, name: str, act: Callable[[], dict[str, int]], *, vital: bool = True) -> None:
        """Run one check, note it, and stop when nothing can follow.

        Raises:
            _Stopped
        """
        began = time.monotonic()
        counts: dict[str, int] = {}
        code = ""
        try:
            counts = act()
        except Exception as error:
            code = error.code if isinstance(error, Refusal) else type(error).__name__.lower()
            _log.warning("drill: %s failed: %s", name, error if isinstance(error, Refusal) else code)
        spent = int((time.monotonic() - began) * 1000)
        self.add(Found(name=name, ok=not code, milliseconds=spent, counts=counts, code=code))
        if code and vital:
            raise _Stopped

    def add(self, found: Found) -> None:
        self.found.append(found)
        self._progress(len(self.found), len(results.EXPECTED))


class RowsAreMissing(Refusal):
    """Tables that only grow hold fewer rows than when the backup was made, or a table is not there."""

    code = "rows_are_missing"


class CopyCannotBeChecked(Refusal):
    """The process that checks the restored database did not answer."""

    code = "copy_cannot_be_checked"


def run(
    *,
    drill_id: UUID,
    wanted: datetime | None,
    actor: Actor,
    now: Callable[[], datetime],
    progress: Progress = lambda done, total: None,
) -> Drill:
    """Restore into a scratch server, check, store what was found under a signature, and remove the copy."""
    began, moment = time.monotonic(), now()
    drill = _Drill(progress)
    reached: datetime | None = None
    covered: datetime | None = None
    backup: Backup | None = None
    key, trusted, where = places.drill_key(), places.trusted(), places.open_targets()
    with queries.of_operator():
        plan = queries.plan()
        covered = plan.stream_covers_at if plan else None
    rto = 0
    with places.scratch() as folder:
        restored: restoring.Restored | None = None

        known: newest.Newest | None = None

        def fetch() -> dict[str, int]:
            nonlocal restored, known
            known = newest.known()
            restored = restoring.restore(
                folder, wanted=wanted, key=key, trusted=trusted, places_=where, newest=known
            )
            return {"archives": len(restored.chain), **restored.milliseconds}

        try:
            drill.step("archive", fetch)
            if restored is None:
                raise _Stopped
            with queries.of_operator():
                backup = Backup.objects.filter(pk=UUID(restored.chain[-1].header.archive)).first()
            # pg_verifybackup has passed over every part and over what they were combined to, or we were not here.
            drill.add(Found(name="manifest", ok=True, milliseconds=0, counts={"parts": len(restored.chain)}))
            with restoring.Spool(folder, where, restored, key=key, trusted=trusted, newest=known) as spool:
                copy = server.ScratchServer(
                    folder, restored.data, recovery=restoring.recovery(spool, wanted=wanted)
                )
                try:
                    drill.step("recovery", lambda: _start(copy, spool))
                    reached = restoring.newest_change(copy)
                    counts = backup.row_counts if backup is not None else {}
                    drill.step("amcheck", lambda: _amcheck(folder, copy), vital=False)
                    drill.step("rows", lambda: _rows(copy, counts), vital=False)
                    for found in _inside(folder, copy, restored.files):
                        drill.add(found)
                    rto = int((time.monotonic() - began) * 1000)
                finally:
                    copy.stop()
        except _Stopped:
            pass
    whole_at = backup.consistent_at if backup is not None else None
    safe = max((one for one in (covered, whole_at, reached) if one is not None), default=None)
    rpo = max(0, int((moment - safe).total_seconds() * 1000)) if safe is not None else 0
    with queries.of_operator():
        return results.keep(
            drill_id=drill_id,
            backup=backup,
            found=drill.found,
            reached_at=reached,
            rto_milliseconds=rto or int((time.monotonic() - began) * 1000),
            rpo_milliseconds=rpo,
            actor=actor,
            at=now(),
        )


def _start(copy: server.ScratchServer, spool: restoring.Spool) -> dict[str, int]:
    try:
        copy.start()
    except server.ScratchServerFailed as error:
        raise spool.fault or error from None
    if spool.fault is not None:
        raise spool.fault
    return {"segments": spool.handed}


def _amcheck(folder: Path, copy: server.ScratchServer) -> dict[str, int]:
    """Check every table's pages and every index against its table."""
    where = ["-h", str(copy.sockets), "-p", str(server.PORT), "-U", server.SUPERUSER]
    server.run(
        "pg_amcheck",
        *where,
        "--install-missing",
        "--heapallindexed",
        "--database",
        str(settings.DATABASES["default"]["NAME"]),
        folder=folder,
    )
    return {"databases": 1}


def _rows(copy: server.ScratchServer, counted: dict[str, int]) -> dict[str, int]:
    """Compare with the counts taken before the backup: a table from which nothing is deleted has lost nothing."""
    missing = rows = 0
    with copy.connect(str(settings.DATABASES["default"]["NAME"])) as connection:
        tables = connection.execute(
            "SELECT c.relname, has_table_privilege('strongbox_app', c.oid, 'DELETE') FROM pg_class c "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        ).fetchall()
        known = dict(tables)
        for table in sorted(known):
            row = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608  from the catalogue
            count = int(row[0]) if row else 0
            rows += count
            missing += not known[table] and count < counted.get(table, 0)
    missing += len(counted.keys() - known.keys())
    if missing:
        raise RowsAreMissing(tables=missing)
    return {"tables": len(known), "rows": rows}


def _inside(folder: Path, copy: server.ScratchServer, files: Path | None) -> list[Found]:
    """Let the product look at its own restored data, in a process that knows no other database."""
    nowhere = folder / "nothing"
    environment = {name: value for name, value in os.environ.items() if name != "STRONGBOX_READY_FILE"}
    for name in ("DB_OWNER", "DB_SEALER", "DB_REKEY", "DB_BACKUP", "DB_REPLICATION", "DB_RESTORE", "DB_BULK"):
        environment.pop(f"STRONGBOX_{name}_PASSWORD", None)
        environment.pop(f"STRONGBOX_{name}_PASSWORD_FILE", None)
    environment |= {
        "STRONGBOX_DB_HOST": str(copy.sockets),
        "STRONGBOX_DB_PORT": str(server.PORT),
        "STRONGBOX_DB_NAME": str(settings.DATABASES["default"]["NAME"]),
        "STRONGBOX_FILES_DIR": str(files or nowhere),
        # The live trail's own checkpoints are ahead of any copy of it.
        "STRONGBOX_AUDIT_CHECKPOINT_DIR": str(nowhere),
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings.base"),
    }
    done = server.manage(["drill_checks", "--json"], environment=environment)
    try:
        answer = json.loads(done.stdout.strip().rsplit("\n", 1)[-1])
        return [Found(**check) for check in answer["checks"]]
    except (ValueError, KeyError, TypeError):
        _log.error("the copy cannot be checked: %s", done.stderr.strip()[-2000:])
        return [Found(name="ledger", ok=False, milliseconds=0, counts={}, code=CopyCannotBeChecked.code)]
