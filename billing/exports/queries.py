"""Reading about exports: what was taken out, by whom, and whether anything may be."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.exports import kinds
from billing.exports.models import Export, ExportFreeze
from core.errors import NotFound

MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """One export. `digest` is the file's SHA-256 as it is handed out."""

    id: UUID
    kind: str
    label: str
    format: str
    state: str
    columns: tuple[str, ...]
    has_personal: bool
    filters: dict[str, str]
    reason: str
    rows_expected: int
    rows: int
    digest: str
    approval_id: UUID | None
    job_id: UUID | None
    code: str
    asked_by: UUID | None
    asked_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    downloads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A turn of the switch."""

    frozen: bool
    reason: str
    turned_by: UUID | None
    turned_at: datetime


def page(
    *, limit: int = 50, after: UUID | None = None, state: str | None = None
) -> tuple[list[ExportRow], UUID | None]:
    """List exports, newest first, and the cursor of the next page."""
    rows = Export.objects.order_by("-id")
    if state is not None:
        rows = rows.filter(state=state)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    limit = max(1, min(limit, MOST))
    found = list(rows[: limit + 1])
    return [shown(row) for row in found[:limit]], found[limit - 1].pk if len(found) > limit else None


def get(export_id: UUID) -> ExportRow:
    """Return one export.

    Raises:
        NotFound
    """
    row = Export.objects.filter(pk=export_id).first()
    if row is None:
        raise NotFound
    return shown(row)


def of_jobs(job_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the exports that some jobs make, by the job."""
    return dict(Export.objects.filter(job_id__in=list(job_ids)).values_list("job_id", "pk"))


def freeze() -> Freeze | None:
    """Return how the switch stands, None when nobody has ever turned it."""
    row = ExportFreeze.objects.order_by("-id").first()
    return (
        Freeze(frozen=row.frozen, reason=row.reason, turned_by=row.turned_by, turned_at=row.turned_at)
        if row
        else None
    )


def shown(row: Export) -> ExportRow:
    """Show an export whose row is loaded already."""
    kind = kinds.of(row.kind)
    return ExportRow(
        id=row.pk,
        kind=row.kind,
        label=kind.label if kind else row.kind,
        format=row.format,
        state=row.state,
        columns=tuple(row.columns),
        has_personal=row.has_personal,
        filters=dict(row.filters or {}),
        reason=row.reason or "",
        rows_expected=row.rows_expected,
        rows=row.rows,
        digest=row.digest or "",
        approval_id=row.approval_id,
        job_id=row.job_id,
        code=row.code,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        ready_at=row.ready_at,
        expires_at=row.expires_at,
        downloads=row.downloads,
    )
