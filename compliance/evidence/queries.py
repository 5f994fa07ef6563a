"""Reading what people brought."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from compliance.controls import registry
from compliance.evidence.models import Evidence

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """A file that somebody brought, and whether it still shows anything: current, expired or withdrawn."""

    id: UUID
    code: str
    control: str
    title: str
    note: str
    state: str
    name: str
    size_bytes: int
    digest: str
    added_by: UUID | None
    added_at: datetime
    valid_until: date


def page(
    *, at: datetime, code: str = "", limit: int = PAGE, after: UUID | None = None
) -> tuple[list[EvidenceRow], UUID | None]:
    """List evidence, newest first, of one control or of all, and the cursor of the next page."""
    rows = Evidence.objects.select_related("file").order_by("-id")
    if code:
        rows = rows.filter(code=code)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    shown = [_row(each, at) for each in found[:limit]]
    return shown, (shown[-1].id if len(found) > limit else None)


def _row(each: Evidence, at: datetime) -> EvidenceRow:
    control = registry.of(each.code)
    state = "withdrawn" if each.withdrawn_at else "expired" if each.valid_until < at.date() else "current"
    return EvidenceRow(
        id=each.pk,
        code=each.code,
        control=control.title if control else each.code,
        title=each.title,
        note=each.note or "",
        state=state,
        name=each.file.name or "",
        size_bytes=each.file.size_bytes,
        digest=bytes(each.digest).hex(),
        added_by=each.added_by,
        added_at=each.added_at,
        valid_until=each.valid_until,
    )
