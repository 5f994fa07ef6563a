"""Reads: the views a person has of a list, the columns they chose, a selection of theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import ListColumns, Membership, SavedView, Selection
from core.errors import NotFound
from tenancy.context import Scope, scope
from tenancy.models import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One saved view, as whoever looks at the list may use it."""

    id: UUID
    name: str
    query: str
    is_shared: bool
    is_mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A selection: which rows, for what, and what came of it."""

    id: UUID
    listing: str
    action: str
    ids: tuple[UUID, ...]
    filter: Mapping[str, str] | None
    count: int
    user_id: UUID
    at: datetime
    job_id: UUID | None
    reached: UUID | None
    # Id, code and sentence of each row that was not done.
    report: Sequence[tuple[str, str, str]]


def views(*, listing: str, user_id: UUID) -> list[View]:
    """Return a person's views of a list: their own and the shared ones, in the order they were saved."""
    rows = SavedView.objects.filter(listing=listing).filter(_may_see(user_id)).order_by("id")
    return [
        View(
            id=row.pk,
            name=row.name,
            query=row.query,
            is_shared=row.is_shared,
            is_mine=row.user_id == user_id,
        )
        for row in rows
    ]


def columns(*, listing: str, user_id: UUID) -> list[str] | None:
    """Return the columns a person chose for a list, None when they never did."""
    found: list[str] | None = (
        ListColumns.objects.filter(listing=listing, user_id=user_id).values_list("columns", flat=True).first()
    )
    return found


def selection(selection_id: UUID, *, user_id: UUID | None = None) -> Chosen:
    """Return a selection; with `user_id` only if it is theirs.

    Raises:
        NotFound
    """
    rows = Selection.objects.filter(pk=selection_id)
    return _chosen(rows if user_id is None else rows.filter(user_id=user_id))


def of_job(job_id: UUID) -> Chosen | None:
    """Return the selection a job works on, None when it is no such job."""
    try:
        return _chosen(Selection.objects.filter(job_id=job_id))
    except NotFound:
        return None


def elsewhere(view_id: UUID, *, user_id: UUID, but: UUID, at: datetime) -> str:
    """Return the slug of the organization that a view belongs to, if the person may use it there; "" if not.

    Call it outside any scope: each organization the person is a member of is asked in a scope of its own.
    """
    with scope(Scope(user=user_id)):
        current = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
        rows = Membership.objects.filter(current, user_id=user_id, state=Membership.State.ACTIVE)
        tenants = list(rows.exclude(tenant_id=but).values_list("tenant_id", flat=True))
    for tenant_id in tenants:
        with scope(Scope(tenant_id, user=user_id)):
            if SavedView.objects.filter(_may_see(user_id), pk=view_id).exists():
                return str(Tenant.objects.get(pk=tenant_id).slug)
    return ""


def _may_see(user_id: UUID) -> Q:
    return Q(is_shared=True) | Q(user_id=user_id)


def _chosen(rows: "QuerySet[Selection]") -> Chosen:
    row = rows.first()
    if row is None:
        raise NotFound
    chosen: dict[str, Any] = row.chosen
    return Chosen(
        id=row.pk,
        listing=row.listing,
        action=row.action,
        ids=tuple(UUID(text) for text in chosen.get("ids", ())),
        filter=chosen.get("filter"),
        count=row.count,
        user_id=row.user_id,
        at=row.at,
        job_id=row.job_id,
        reached=row.reached,
        report=[(key, code, sentence) for key, code, sentence in row.report or ()],
    )
