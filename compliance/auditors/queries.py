"""Reading the visits of auditors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from compliance import frameworks
from compliance.auditors.models import AuditorVisit


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRow:
    """One visit, and whether it is open or over."""

    id: UUID
    email: str
    frameworks: Sequence[str]
    invited_by: UUID
    created_at: datetime
    ends_at: datetime
    state: str


def visits(*, at: datetime, limit: int = 50) -> list[VisitRow]:
    """List visits, newest first."""
    return [
        VisitRow(
            id=each.pk,
            email=each.email,
            frameworks=[found.name if (found := frameworks.of(code)) else code for code in each.frameworks],
            invited_by=each.invited_by,
            created_at=each.created_at,
            ends_at=each.ended_at or each.ends_at,
            state="open" if each.ended_at is None and each.ends_at > at else "over",
        )
        for each in AuditorVisit.objects.order_by("-id")[:limit]
    ]
