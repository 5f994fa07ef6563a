"""The organizations of the installation as the operator sees them: states and counts, nothing of what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from accounts import events
from audit.models import Event
from core.errors import NotFound
from tenancy.models import Tenant

PAGE = 50
_TURNS = {
    events.SEALING_ASKED.code: "sealed",
    events.UNSEALING_ASKED.code: "unsealed",
    events.SUSPENSION_ASKED.code: "suspended",
    events.RESUMPTION_ASKED.code: "resumed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationRow:
    """One organization in numbers. `last_at` is when somebody or a key was last at work there.

    `suspended_at` is since when it is suspended, which it may be beside any state.
    """

    id: UUID
    slug: str
    kind: str
    mode: str
    state: str
    created_at: datetime
    members: int
    files: int
    bytes: int
    last_at: datetime | None
    suspended_at: datetime | None
    suspended_why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """Something that was asked for: sealed, unsealed, suspended or resumed."""

    what: str
    why: str
    by: UUID | None
    at: datetime


def page(
    *, state: str = "", after: UUID | None = None, limit: int = PAGE
) -> tuple[Sequence[OrganizationRow], UUID | None]:
    """List the organizations of the installation, the newest first, and the cursor of the next page."""
    rows = Tenant.objects.order_by("-id")
    if state == "suspended":
        rows = rows.filter(suspended_at__isnull=False)
    elif state:
        rows = rows.filter(state=state)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    shown = _counted(found[:limit])
    return shown, (shown[-1].id if len(found) > limit else None)


def organization(tenant_id: UUID) -> OrganizationRow:
    """Return one organization.

    Raises:
        NotFound
    """
    found = Tenant.objects.filter(pk=tenant_id).first()
    if found is None:
        raise NotFound
    return _counted([found])[0]


def turned(tenant_id: UUID, *, limit: int = 20) -> list[Turned]:
    """List who had an organization sealed or suspended, or let it work, and why, as the operator's trail says; the
    newest first."""
    rows = Event.objects.filter(subject_id=tenant_id, event__in=list(_TURNS), result="success")
    return [
        Turned(
            what=_TURNS[each.event],
            why=str(each.facts.get("why", "")),
            by=each.actor_id,
            at=each.at,
        )
        for each in rows.order_by("-at")[:limit]
    ]


def _counted(found: Sequence[Tenant]) -> list[OrganizationRow]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_tenant_counts(%s::uuid[])", [[each.pk for each in found]])
        counts = {row[0]: row[1:] for row in cursor.fetchall()}
    made = []
    for each in found:
        members, files, size, last_at = counts[each.pk]
        made.append(
            OrganizationRow(
                id=each.pk, slug=each.slug, kind=each.kind, mode=each.mode, state=each.state,
                created_at=each.created_at, members=members, files=files, bytes=size, last_at=last_at,
                suspended_at=each.suspended_at, suspended_why=each.suspended_why,
            )
        )  # fmt: skip
    return made
