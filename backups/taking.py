"""Making a backup: the cluster through a pipe into the archive format, to every target at once, in bounded memory.

Promise kept: a backup is noted as done only when PostgreSQL said that its copy is complete, and at least one
target holds it whole. What was written before a failure can never be read as an archive.
"""

import hashlib
import json
import logging
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connections

from backups import archive, newest, places, queries, rules, server, services, storing, targets, tars
from backups.manifests import TarWatch
from backups.models import Backup, Copy
from backups.segments import lsn, segment_of
from core import ids
from core.actor import Actor
from core.errors import Refusal
from tenancy import context
from tenancy.models import Tenant, TenantModel

_log = logging.getLogger("strongbox.backups")

Progress = Callable[[int], None]


def row_counts() -> dict[str, int]:
    """Count the rows of every table of the organizations, one after the other, as any of their processes may."""
    models = [model for model in apps.get_models() if issubclass(model, TenantModel) and model._meta.managed]
    counts = dict.fromkeys(sorted(model._meta.db_table for model in models), 0)
    with context.system_scope(reason="a backup is of every organization"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
        counts["tenancy_tenant"] = len(tenants)
    for tenant in tenants:
        with context.scope(context.Scope(tenant)), connections["default"].cursor() as cursor:
            for model in models:
                table = model._meta.db_table
                cursor.execute(f'SELECT count(*) FROM "{table}" WHERE tenant_id = %s', [tenant])  # noqa: S608
                counts[table] += int(cursor.fetchone()[0])
    return counts


@dataclass(frozen=True, slots=True)
class _Parent:
    backup: Backup
    copy_sha256: str
    manifest: Path


def take(
    *,
    kind: str,
    actor: Actor,
    now: Callable[[], datetime],
    progress: Progress = lambda done: None,
    job_id: UUID | None = None,
) -> Backup:
    """Make a backup and return it. An incremental one without anything to build on becomes a full one.

    Raises:
        services.BackupRuns: one is under way.
        Refusal: it failed; the row says so with its code.
    """
    opened = places.open_targets()
    parent = _parent() if kind == rules.INCREMENTAL else None
    with queries.of_operator():
        made = services.begin(
            kind=rules.INCREMENTAL if parent else rules.FULL,
            parent=parent.backup if parent else None,
            floor=max(highest_stored(opened[0]), _noted()),
            job_id=job_id,
            actor=actor,
            at=now(),
        )
    try:
        counts = row_counts()
        missed: dict[str, str] = {}
        database, facts = _database(made, parent, opened, now, progress, missed)
        files = _files(made, opened, now, missed)
        with queries.of_operator():
            done = services.finish(
                backup_id=made.pk,
                copies=[*database, *files],
                missed=missed,
                actor=actor,
                at=now(),
                row_counts=counts,
                **facts,
            )
    except Exception as error:
        code = error.code if isinstance(error, Refusal) else "failed"
        with queries.of_operator():
            services.fail(backup_id=made.pk, code=code, actor=actor, at=now())
        raise
    newest.note_backup(
        generation=made.generation,
        archive_id=str(made.pk),
        manifest_sha256=done.manifest_sha256,
        held=[copy.target for copy in database],
        at=now(),
    )
    return done


def _noted() -> int:
    try:
        found = newest.known()
    except newest.NewestNoteBroken:
        return 0
    return found.generation if found is not None else 0


def highest_stored(target: places.Named) -> int:
    """Return the highest generation whose objects lie at a target: a restored database may know fewer.

    A name counts only with its signed header: whoever may write there could else count us out of numbers.
    """
    try:
        names = [stored.name for stored in target.place.list("backups/")]
        numbered = {
            name: int(number) for name in names if (number := name.split("/")[1].split("-")[0]).isdecimal()
        }
        for name in sorted(numbered, key=lambda name: numbered[name], reverse=True):
            try:
                with target.place.get(name) as source:
                    return archive.peek(source, trusted=places.trusted()).generation
            except archive.ArchiveRefused as error:
                _log.warning("%s at %s is not ours: %s", name, target.name, error.code)
    except targets.TargetRefused:
        return 0
    return 0


def object_name(made: Backup, part: str) -> str:
    """Return under which name a part of a backup is stored."""
    return f"backups/{made.generation:08d}-{made.kind}/{part}.sbk"


def manifest_path(made: Backup) -> Path:
    """Return where the manifest is kept that the next incremental backup starts from."""
    return places.work("manifests") / f"{made.pk}.json"


def _parent() -> _Parent | None:
    with queries.of_operator():
        newest = queries.latest_done()
        if newest is None:
            return None
        copy = Copy.objects.filter(backup=newest, part=Copy.Part.DATABASE, state=Copy.State.STORED).first()
    path = manifest_path(newest)
    if copy is None or not path.exists():
        return None
    if hashlib.sha256(path.read_bytes()).hexdigest() != newest.manifest_sha256:
        return None
    return _Parent(newest, copy.sha256, path)


def _database(
    made: Backup,
    parent: _Parent | None,
    opened: Sequence[places.Named],
    now: Callable[[], datetime],
    progress: Progress,
    missed: dict[str, str],
) -> tuple[list[services.StoredCopy], dict[str, Any]]:
    command = [str(places.program("pg_basebackup")), *server.way(), "--format=tar", "--pgdata=-"]
    # The changes made meanwhile go along: each backup can be restored from itself alone.
    command += ["--wal-method=fetch", "--checkpoint=fast", "--no-sync", "--manifest-checksums=SHA256"]
    if parent is not None:
        command.append(f"--incremental={parent.manifest}")
    with server.changes_kept(f"strongbox_backup_{made.pk.hex}"), TemporaryFile() as said:
        child = subprocess.Popen(  # noqa: S603  our own words
            command,
            stdout=subprocess.PIPE,
            stderr=said,
            stdin=subprocess.DEVNULL,
            env=server.replicating(),
            cwd="/",
            preexec_fn=server.die_with_us(),
        )
        output = archive.widen(server.pipe(child.stdout))
        watch = TarWatch(output, progress)
        facts: dict[str, Any] = {}

        def close() -> Mapping[str, str]:
            facts.update(_facts_of(bytes(watch.manifest)), consistent_at=now())
            return {
                "consistent_at": facts["consistent_at"].isoformat(),
                "first_segment": facts["first_segment"],
                "manifest_sha256": facts["manifest_sha256"],
                "system": str(system_identifier()),
            }

        try:
            outcome = storing.store(
                watch,
                name=object_name(made, "database"),
                header=archive.Header(
                    kind=archive.Kind(made.kind),
                    generation=made.generation,
                    created_at=now(),
                    parent=str(parent.backup.pk) if parent else None,
                    parent_sha256=parent.copy_sha256 if parent else "",
                    archive=str(made.pk),
                ),
                keep_until=made.keep_until,
                finished=lambda: child.wait() == 0,
                facts=close,
                open_targets=opened,
            )
        except archive.ProducerFailed:
            said.seek(0)
            raise server.ProgramFailed(
                f"pg_basebackup failed: {said.read().decode(errors='replace').strip()[-1000:]}"
            ) from None
        finally:
            output.close()
            if child.poll() is None:
                child.kill()
            child.wait()
    manifest_path(made).write_bytes(bytes(watch.manifest))
    stored = [
        services.StoredCopy(
            part=Copy.Part.DATABASE,
            target=target,
            name=object_name(made, "database"),
            bytes_stored=outcome.written.bytes_out,
            sha256=outcome.written.sha256,
        )
        for target in outcome.held
    ]
    missed.update(outcome.missed)
    return stored, {**facts, "bytes_in": outcome.written.bytes_in}


class ManifestMissing(Refusal):
    """PostgreSQL's list of what it copied did not come with the copy."""

    code = "backup_without_manifest"


def _facts_of(manifest: bytes) -> dict[str, Any]:
    try:
        ranges = json.loads(manifest)["WAL-Ranges"]
        first = ranges[0]
        timeline, place = int(first["Timeline"]), first["Start-LSN"]
    except (ValueError, KeyError, IndexError):
        raise ManifestMissing from None
    return {
        "first_segment": segment_of(timeline, lsn(place)),
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
    }


def system_identifier() -> int:
    """Return the number by which PostgreSQL knows this cluster."""
    with server.as_backup() as connection:
        return int(server.one(connection, "SELECT system_identifier FROM pg_control_system()")[0])


def _files(
    made: Backup, opened: Sequence[places.Named], now: Callable[[], datetime], missed: dict[str, str]
) -> list[services.StoredCopy]:
    """Store the encrypted files; taken after the rows, so that what a row names is there."""
    folder = settings.FILES_DIR
    if not folder.exists():
        return []
    child = subprocess.Popen(  # noqa: S603  our own words
        [*tars.of(folder), ".", *tars.journal()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=server.clean(),
        preexec_fn=server.die_with_us(),
    )
    output = archive.widen(server.pipe(child.stdout))
    try:
        outcome = storing.store(
            output,
            name=object_name(made, "files"),
            header=archive.Header(
                kind=archive.Kind.FILES,
                generation=made.generation,
                created_at=now(),
                parent=str(made.pk),
                archive=str(ids.uuid7()),
            ),
            keep_until=made.keep_until,
            # 1: a file was removed while it was read, which retention does at any time.
            finished=lambda: child.wait() in (0, 1),
            open_targets=opened,
        )
    finally:
        output.close()
        if child.poll() is None:
            child.kill()
        child.wait()
    missed.update(outcome.missed)
    return [
        services.StoredCopy(
            part=Copy.Part.FILES,
            target=target,
            name=object_name(made, "files"),
            bytes_stored=outcome.written.bytes_out,
            sha256=outcome.written.sha256,
        )
        for target in outcome.held
    ]
