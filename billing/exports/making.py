"""Making the file of an export: read portion by portion, each in a scope of its own, and encrypted as it is read."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from audit import services as audit
from billing import events
from billing.exports import formats, kinds
from billing.exports.kinds import Value
from billing.exports.models import Export
from billing.exports.services import (
    KEEP,
    ExportNotReady,
    ExportsFrozen,
    GrownSince,
    is_frozen,
    locked,
    refuse_frozen,
    still,
)
from core.actor import Actor
from core.errors import Refusal
from outbound import files
from outbound.webhooks import services as webhooks
from tenancy import jobs
from tenancy.context import Scope, scope, use_case

_MOST_BYTES = 512 * 1024 * 1024


def make(*, tenant_id: UUID, export_id: UUID, actor: Actor, now: Callable[[], datetime]) -> None:
    """Make the file of an export; call it outside any scope. A failure is noted on the export and its job."""
    try:
        _make(tenant_id, export_id, actor, now)
    except Exception as fault:
        code = fault.code if isinstance(fault, Refusal) else "failed"
        with scope(Scope(tenant_id)):
            _fail(export_id, code, actor=actor, at=now())
        if not isinstance(fault, Refusal):
            raise


def _make(tenant_id: UUID, export_id: UUID, actor: Actor, now: Callable[[], datetime]) -> None:
    inside = Scope(tenant_id)
    with scope(inside):
        row = locked(export_id)
        if row.state not in (Export.State.QUEUED, Export.State.RUNNING):
            return
        refuse_frozen()
        kind = still(row, now())
        row.state = Export.State.RUNNING
        row.save(update_fields=["state"])
        columns = [found for code in row.columns if (found := kind.column(code))]
        filters, expected, job_id = dict(row.filters or {}), row.rows_expected, row.job_id
    # A list grows while it is read; one that became another is asked for anew.
    most = expected + max(100, expected // 10)
    digest, done = hashlib.sha256(), 0

    def page(fetch: Callable[[], Any]) -> Any:
        with scope(inside):
            if job_id is not None:
                jobs.advance(job_id=job_id, at=now(), done=min(done, expected), total=expected)
            return fetch()

    def rows() -> Iterator[Sequence[Value]]:
        nonlocal done
        for portion in kinds.rows(kind, filters, [each.code for each in columns], page=page):
            done += len(portion)
            if done > most:
                raise GrownSince
            yield from portion

    def pieces() -> Iterator[bytes]:
        document = kind.document
        written = (
            formats.write(row.format, columns, rows())
            if document is None
            else formats.zipped(document(tenant_id, str(each[0])) for each in rows())
        )
        for piece in written:
            digest.update(piece)
            yield piece

    made = files.prepare(
        tenant_id=tenant_id,
        # Not searched for card numbers as one text: every field was, and two numbers side by side are none.
        media_type="application/octet-stream",
        chunks=pieces(),
        most_bytes=_MOST_BYTES,
    )
    with scope(inside):
        _keep(export_id, made, rows=done, digest=digest.hexdigest(), actor=actor, at=now())


@use_case
def _keep(
    export_id: UUID, made: files.Prepared, *, rows: int, digest: str, actor: Actor, at: datetime
) -> None:
    row = locked(export_id)
    if row.state != Export.State.RUNNING or is_frozen():
        raise ExportsFrozen if is_frozen() else ExportNotReady
    name = f"{row.kind}-{at.date().isoformat()}.{row.format}"
    row.file = files.keep_prepared(made, kind="export", name=name, actor=actor, at=at, keep=KEEP)
    row.state, row.rows, row.digest = Export.State.READY, rows, digest
    row.ready_at, row.expires_at = at, at + KEEP
    row.save(update_fields=["file", "state", "rows", "digest", "ready_at", "expires_at"])
    if row.job_id is not None:
        jobs.finish(job_id=row.job_id, at=at, counts={"rows": rows, "bytes": made.size_bytes})
    audit.record(
        events.EXPORT_MADE, actor=actor, subject=("export", row.pk), facts={"kind": row.kind, "rows": rows}
    )
    webhooks.publish(type="export.ready", subject=("export", row.pk), data={"rows": rows})


@use_case
def _fail(export_id: UUID, code: str, *, actor: Actor, at: datetime) -> None:
    row = locked(export_id)
    if row.state not in (Export.State.QUEUED, Export.State.RUNNING):
        return
    row.state, row.code = Export.State.FAILED, code[:64]
    row.save(update_fields=["state", "code"])
    if row.job_id is not None:
        jobs.fail(job_id=row.job_id, at=at, code=code[:64])
    audit.record(events.EXPORT_FAILED, actor=actor, subject=("export", row.pk), result="failed")
