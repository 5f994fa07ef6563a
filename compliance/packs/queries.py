"""Reading which packs were made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from compliance.packs.models import EvidencePack

PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRow:
    """One pack."""

    id: UUID
    framework: str
    state: str
    since: date
    until: date
    controls: int
    passing: int
    failing: int
    manual: int
    digest: str
    asked_by: UUID | None
    asked_at: datetime
    downloads: int


def page(
    *, frameworks: Sequence[str], limit: int = PAGE, after: UUID | None = None
) -> tuple[list[PackRow], UUID | None]:
    """List packs of some frameworks, newest first, and the cursor of the next page."""
    rows = EvidencePack.objects.filter(framework__in=frameworks).order_by("-id")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    shown = [
        PackRow(
            id=each.pk,
            framework=each.framework,
            state=each.state,
            since=each.since,
            until=each.until,
            controls=each.controls,
            passing=each.passing,
            failing=each.failing,
            manual=each.manual,
            digest=bytes(each.digest).hex() if each.digest else "",
            asked_by=each.asked_by,
            asked_at=each.asked_at,
            downloads=each.downloads,
        )
        for each in found[:limit]
    ]
    return shown, (shown[-1].id if len(found) > limit else None)
