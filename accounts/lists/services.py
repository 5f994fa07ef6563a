"""Writes: saving a view, arranging columns, choosing rows.

Promise kept: what belongs to one person is changed by that person alone; a shared view by whoever shared it,
or by whoever keeps the organization in order.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from accounts import events
from accounts.models import ListColumns, SavedView, Selection
from audit import services as audit
from core import cardnumbers, characters
from core.actor import Actor, ActorKind
from core.errors import FieldError, Forbidden, Invalid, NotFound, Refusal
from tenancy.context import use_case

NAME_LENGTH, QUERY_LENGTH = 60, 2_000
MOST_VIEWS, MOST_IDS = 50, 500
MOST_REPORTED = 1_000


class OnlyPeopleArrange(Forbidden):
    """Only a signed-in member arranges lists."""

    code = "only_people_arrange"


class TooManyViews(Refusal):
    """This list has fifty views of yours. Delete one that nobody needs any more."""

    code = "too_many_views"


class NothingChosen(Refusal):
    """Nothing is chosen. Tick the rows first."""

    code = "nothing_chosen"


@use_case
def save_view(
    *, listing: str, name: str, query: str, is_shared: bool, actor: Actor, at: datetime
) -> SavedView:
    """Give the address of a list a name.

    Raises:
        OnlyPeopleArrange, TooManyViews.
        Invalid: without a name, or with one that is too long.
    """
    user_id = _person(actor)
    _check(name, query)
    if SavedView.objects.filter(listing=listing, user_id=user_id).count() >= MOST_VIEWS:
        raise TooManyViews
    row = SavedView(
        listing=listing,
        name=name.strip(),
        query=query,
        is_shared=is_shared,
        user_id=user_id,
        created_at=at,
        updated_at=at,
    )
    row.save(force_insert=True)
    facts: dict[str, str | int | bool] = {"listing": listing, "shared": is_shared}
    audit.record(events.VIEW_SAVED, actor=actor, subject=("saved_view", row.pk), facts=facts)
    return row


@use_case
def change_view(
    *,
    view_id: UUID,
    name: str | None = None,
    query: str | None = None,
    is_shared: bool | None = None,
    keeps_order: bool = False,
    actor: Actor,
    at: datetime,
) -> SavedView:
    """Change a view of one's own: its name, what it holds, who sees it. Who `keeps_order` changes any shared one.

    Raises:
        NotFound: there is none, or it is somebody else's.
        Invalid: as `save_view`.
    """
    row = _own(view_id, actor, keeps_order=keeps_order)
    _check(row.name if name is None else name, row.query if query is None else query)
    row.name = row.name if name is None else name.strip()
    row.query = row.query if query is None else query
    row.is_shared = row.is_shared if is_shared is None else is_shared
    row.updated_at = at
    row.save()
    changed = {"name": name, "query": query, "is_shared": is_shared}
    fields = [field for field, value in changed.items() if value is not None]
    audit.record(events.VIEW_CHANGED, actor=actor, subject=("saved_view", row.pk), fields=fields)
    return row


@use_case
def delete_view(*, view_id: UUID, keeps_order: bool = False, actor: Actor) -> None:
    """Delete a view of one's own; who `keeps_order` any shared one, whose owner may have left.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    row = _own(view_id, actor, keeps_order=keeps_order)
    row.delete()
    audit.record(events.VIEW_DELETED, actor=actor, subject=("saved_view", view_id))


@use_case
def arrange(*, listing: str, columns: Sequence[str], actor: Actor, at: datetime) -> None:
    """Keep which columns of a list somebody wants to see."""
    user_id = _person(actor)
    kept = ListColumns.objects.filter(listing=listing, user_id=user_id)
    if not kept.update(columns=list(columns), updated_at=at):
        row = ListColumns(listing=listing, user_id=user_id, columns=list(columns), updated_at=at)
        row.save(force_insert=True)
    audit.record(events.COLUMNS_CHOSEN, actor=actor, fields=list(columns), facts={"listing": listing})


@use_case
def choose(
    *,
    listing: str,
    action: str,
    ids: Collection[UUID] = (),
    matching: Mapping[str, str] | None = None,
    count: int,
    actor: Actor,
    at: datetime,
) -> Selection:
    """Keep what somebody chose: these rows, or all that match a filter, of which there are `count` now.

    Raises:
        OnlyPeopleArrange
        NothingChosen
        CardNumberRefused: somebody searched for one.
    """
    if not count or (matching is None and not ids):
        raise NothingChosen
    cardnumbers.refuse(dict(matching or {}))
    chosen = {"ids": [str(key) for key in list(ids)[:MOST_IDS]]} if matching is None else {"filter": matching}
    row = Selection(listing=listing, action=action, chosen=chosen, count=count, user_id=_person(actor), at=at)
    row.save(force_insert=True)
    facts: dict[str, str | int | bool] = {"listing": listing, "act": action, "count": count}
    audit.record(events.ROWS_CHOSEN, actor=actor, subject=("selection", row.pk), facts=facts)
    return row


@use_case
def begin(*, selection_id: UUID, job_id: UUID, actor: Actor) -> bool:
    """Note which job works on a selection; False when one does already: a form that is sent twice acts once."""
    user_id = _person(actor)
    rows = Selection.objects.filter(pk=selection_id, user_id=user_id, job_id__isnull=True)
    return bool(rows.update(job_id=job_id))


@use_case
def hold(*, selection_id: UUID) -> UUID | None:
    """Lock a selection for whoever works on it, and return how far that has come."""
    rows = Selection.objects.select_for_update(no_key=True)
    reached: UUID | None = rows.values_list("reached", flat=True).get(pk=selection_id)
    return reached


@use_case
def reach(*, selection_id: UUID, row_id: UUID, left_out: Sequence[tuple[str, str, str]]) -> None:
    """Keep up to which row the work has come, and which rows were not done and why: id, code, sentence."""
    row = Selection.objects.get(pk=selection_id)
    row.reached = row_id
    fields = ["reached"]
    if left_out:
        row.report = [*(row.report or ()), *(list(each) for each in left_out)][:MOST_REPORTED]
        fields.append("report")
    row.save(update_fields=fields)


@use_case
def forget(*, user_id: UUID) -> None:
    """Delete what was one person's own; what they shared stays."""
    SavedView.objects.filter(user_id=user_id, is_shared=False).delete()
    ListColumns.objects.filter(user_id=user_id).delete()


def _person(actor: Actor) -> UUID:
    if actor.kind is not ActorKind.USER or actor.id is None:
        raise OnlyPeopleArrange
    return actor.id


def _own(view_id: UUID, actor: Actor, *, keeps_order: bool) -> SavedView:
    mine = Q(user_id=_person(actor))
    rows = SavedView.objects.select_for_update(no_key=True).filter(pk=view_id)
    row: SavedView | None = rows.filter(mine | Q(is_shared=True) if keeps_order else mine).first()
    if row is None:
        raise NotFound
    return row


def _check(name: str, query: str) -> None:
    if not name.strip() or len(name) > NAME_LENGTH:
        raise Invalid([FieldError("/name", "required", f"Enter a name of up to {NAME_LENGTH} characters.")])
    if len(query) > QUERY_LENGTH:
        raise Invalid([FieldError("/name", "too_long", "This view is too long to be saved.")])
    for text in (name, query):
        if not characters.are_kept(text):
            raise Invalid([FieldError("/name", characters.CODE, characters.SENTENCE)])
    cardnumbers.refuse({"name": name, "query": query})
