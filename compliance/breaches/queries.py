"""Lists of breaches, and one of them."""

from datetime import datetime
from uuid import UUID

from compliance.breaches.models import Breach, BreachNote
from core.errors import NotFound

PAGE = 50


def page(*, state: str = "", after: UUID | None = None) -> tuple[list[Breach], UUID | None]:
    """List breaches, newest first, and the cursor of the next page."""
    rows = Breach.objects.order_by("-id")
    if state:
        rows = rows.filter(state=state)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: PAGE + 1])
    return found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None


def get(breach_id: UUID) -> Breach:
    """Return a breach.

    Raises:
        NotFound
    """
    row: Breach | None = Breach.objects.filter(pk=breach_id).first()
    if row is None:
        raise NotFound
    return row


def notes(breach_id: UUID) -> list[BreachNote]:
    """Return what was noted of a breach, oldest first."""
    return list(BreachNote.objects.filter(breach_id=breach_id).order_by("id")[:500])


def open_and_late(at: datetime) -> tuple[int, int]:
    """Count the open ones, and those of which the authority should have been told by now."""
    rows = Breach.objects.filter(state=Breach.State.OPEN)
    late = rows.filter(authority_told_at__isnull=True, authority_due_at__lt=at).exclude(risk="unlikely")
    return rows.count(), late.count()
