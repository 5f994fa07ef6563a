"""Asking for an export, making its file, handing it out, and ending it.

Promise kept: rows are counted before anything is read; who asks for more than their role may needs a second person;
the file lies encrypted, is handed to whoever asked and to nobody else, and is destroyed after a day; while exports are
frozen none is made and none handed out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Limit, Permission
from accounts.services import approvals
from audit import services as audit
from billing import events
from billing.exports import kinds
from billing.exports.kinds import Kind
from billing.exports.models import Export, ExportFreeze
from core import cardnumbers, characters
from core.actor import Actor, ActorKind, Via
from core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Refusal
from outbound import files
from tenancy import jobs
from tenancy.context import use_case

KIND = "export_over_limit"
JOB = "export.make"
KEEP = timedelta(hours=24)
# Above it somebody says what it is for.
REASON_ABOVE = 1_000
_REASON_LENGTH = 500


class ExportsFrozen(Conflict):
    """Exports are frozen: none is made and none handed out until somebody who may lets them out again."""

    code = "exports_frozen"


class NothingToExport(Refusal):
    """Nothing matches: there would be no row in the file."""

    code = "nothing_to_export"


class TooMuchToExport(Refusal):
    """This is more than one file may hold. Narrow it down."""

    code = "too_much_to_export"


class ExportNotReady(Conflict):
    """The file is not there: it is being made, or its day is over."""

    code = "export_not_ready"


class AskerMayNoLonger(Conflict):
    """Whoever asked for this export may no longer see what is in it."""

    code = "asker_may_no_longer"


class GrownSince(Refusal):
    """There is far more by now than was counted. Ask for the export once more."""

    code = "grown_since"


class OnlyTheAskerFetches(Forbidden):
    """A file is handed to whoever asked for it, and to nobody else."""

    code = "only_the_asker_fetches"


class OnlyMembersExport(Forbidden):
    """Only a member, or a key that one made, can take data out."""

    code = "only_members_export"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants to take out."""

    kind: str
    format: str = "csv"
    columns: Sequence[str] = ()
    filters: Mapping[str, str] | None = None
    reason: str = ""


def is_frozen() -> bool:
    """Tell whether exports are frozen in the organization in scope."""
    newest = ExportFreeze.objects.order_by("-id").values_list("frozen", flat=True)[:1]
    return any(newest)


def refuse_frozen() -> None:
    """Let nothing leave while exports are frozen; for tables that are handed out at once, without the list of exports.

    Raises:
        ExportsFrozen
    """
    if is_frozen():
        raise ExportsFrozen


def check(wanted: Wanted, *, held: frozenset[Permission]) -> Kind:
    """Let what is wanted pass, or name every field that cannot be used.

    Raises:
        NotFound: there is no such list for whoever holds these rights.
        Invalid
    """
    kind = kinds.of(wanted.kind)
    if kind is None or kind.permission not in held:
        raise NotFound("There is no such list.", field="kind")
    errors = [
        FieldError(
            "/columns", "unknown_column", f"Columns are {', '.join(each.code for each in kind.columns)}."
        )
        for code in wanted.columns
        if kind.column(code) is None
    ][:1]
    if wanted.format not in kind.formats:
        sentence = f"A file is {' or '.join(kind.formats)}."
        errors.append(FieldError("/format", "unknown_choice", sentence))
    for name, text in (wanted.filters or {}).items():
        if not text:
            continue
        known = kind.filters.get(name)
        if known is None or (name in kinds.DAYS and not _is_day(text)) or (known and text not in known):
            errors.append(
                FieldError(f"/filters/{name}", "unknown_filter", "The list cannot be narrowed by this.")
            )
    if len(wanted.reason) > _REASON_LENGTH:
        errors.append(FieldError("/reason", "too_long", f"This may have {_REASON_LENGTH} characters."))
    if cardnumbers.contains_card_number(wanted.reason):
        sentence = "This holds what looks like a card number. Nothing was stored; remove it."
        errors.append(FieldError("/reason", "card_number", sentence))
    if not characters.are_kept(wanted.reason):
        errors.append(FieldError("/reason", characters.CODE, characters.SENTENCE))
    if errors:
        raise Invalid(errors)
    return kind


def count(wanted: Wanted, *, held: frozenset[Permission]) -> int:
    """Say how many rows there would be.

    Raises:
        NotFound, Invalid: as `check`.
    """
    return check(wanted, held=held).count(_narrowed(wanted))


@use_case
def ask(*, wanted: Wanted, actor: Actor, at: datetime) -> Export:
    """Ask for an export. Up to the actor's own limit a worker makes it; above, somebody else has to agree first.

    Raises:
        ExportsFrozen, NothingToExport, TooMuchToExport, OnlyMembersExport.
        NotFound, Invalid: as `check`; above a thousand rows also without a reason.
    """
    asker = _asker(actor, at)
    if asker is None:
        raise OnlyMembersExport
    refuse_frozen()
    kind = check(wanted, held=_held(actor, at))
    rows = kind.count(_narrowed(wanted))
    if not rows:
        raise NothingToExport
    if rows > kind.most:
        raise TooMuchToExport(f"One file holds {kind.most:,} rows at most. Narrow it down.")
    reason = wanted.reason.strip()
    if rows > REASON_ABOVE and not reason:
        sentence = f"Say what {rows:,} rows are for; above {REASON_ABOVE:,} everybody does."
        raise Invalid([FieldError("/reason", "required", sentence)])
    columns = list(dict.fromkeys(wanted.columns or kind.usual))
    row = Export(
        kind=kind.code,
        format=wanted.format,
        state=Export.State.QUEUED,
        columns=columns,
        has_personal=any((found := kind.column(code)) and found.is_personal for code in columns),
        filters=_narrowed(wanted) or None,
        reason=reason or None,
        rows_expected=rows,
        asked_by=asker,
        asked_key=actor.key_id,
        asked_at=at,
    )
    over = rows > people.limits_of_actor(actor=actor, at=at).get(Limit.EXPORT_ROWS, 0)
    if over:
        row.state = Export.State.WAITING
        waiting = approvals.request(
            kind=KIND,
            payload={"export": str(row.pk)},
            subject=("export", row.pk),
            reason=reason,
            actor=actor,
            at=at,
        )
        row.approval_id = waiting.pk
    row.save(force_insert=True)
    audit.record(
        events.EXPORT_ASKED,
        actor=actor,
        subject=("export", row.pk),
        fields=columns,
        facts={"kind": kind.code, "rows": rows, "personal": row.has_personal, "over_limit": over},
    )
    if not over:
        _queue(row, at)
    return row


def carry_out(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    """Let an export be made that a second person agreed to; the executor of approvals.

    Raises:
        ExportsFrozen, AskerMayNoLonger, ExportNotReady.
    """
    row = locked(UUID(payload["export"]))
    if row.state != Export.State.WAITING:
        raise ExportNotReady
    refuse_frozen()
    still(row, at)
    row.state = Export.State.QUEUED
    row.save(update_fields=["state"])
    _queue(row, at)


def declined(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    """Note that nobody agreed."""
    row = locked(UUID(payload["export"]))
    if row.state == Export.State.WAITING:
        row.state = Export.State.DECLINED
        row.save(update_fields=["state"])


@use_case
def download(*, export_id: UUID, actor: Actor, at: datetime) -> tuple[Export, Iterator[bytes]]:
    """Hand a file to whoever asked for it: its row, and its bytes piece by piece.

    Raises:
        NotFound: there is no such export.
        OnlyTheAskerFetches, ExportsFrozen, ExportNotReady, AskerMayNoLonger.
    """
    asker = _asker(actor, at)
    row = locked(export_id)
    if asker is None or row.asked_by != asker:
        raise OnlyTheAskerFetches
    refuse_frozen()
    if row.state != Export.State.READY or row.file is None or row.expires_at is None or at >= row.expires_at:
        raise ExportNotReady
    kind = kinds.of(row.kind)
    if kind is None or not {kind.permission, Permission.EXPORT_RUN} <= _held(actor, at):
        raise AskerMayNoLonger
    row.downloads += 1
    row.save(update_fields=["downloads"])
    audit.record(
        events.EXPORT_DOWNLOADED,
        actor=actor,
        subject=("export", row.pk),
        fields=row.columns,
        facts={"kind": row.kind, "rows": row.rows, "personal": row.has_personal},
    )
    return row, files.read(file=row.file, actor=actor)


@use_case
def end(*, export_id: UUID, actor: Actor, at: datetime) -> Export:
    """Destroy the file of an export before its day is over.

    Raises:
        NotFound
        ExportNotReady: there is no file.
    """
    row = locked(export_id)
    if row.state != Export.State.READY:
        raise ExportNotReady
    return _shred(row, Export.State.DELETED, actor)


@use_case
def end_due(*, actor: Actor, at: datetime, most: int = 200) -> int:
    """Destroy the files whose day is over, in the organization in scope; return how many."""
    due = Export.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        state=Export.State.READY, expires_at__lte=at
    )
    rows = list(due.order_by("expires_at")[:most])
    for row in rows:
        _shred(row, Export.State.EXPIRED, actor)
    return len(rows)


@use_case
def turn(*, frozen: bool, reason: str, actor: Actor, at: datetime) -> None:
    """Freeze every export of the organization, or let them out again.

    Raises:
        Invalid: without a reason.
    """
    text = reason.strip()
    if not text or len(text) > _REASON_LENGTH:
        raise Invalid([FieldError("/reason", "required", "Say why, in up to 500 characters.")])
    cardnumbers.refuse({"reason": text})
    if is_frozen() == frozen:
        return
    ExportFreeze(frozen=frozen, reason=text, turned_by=actor.id, turned_at=at).save(force_insert=True)
    audit.record(events.EXPORTS_FROZEN if frozen else events.EXPORTS_THAWED, actor=actor)


def _shred(row: Export, state: str, actor: Actor) -> Export:
    if row.file is not None and row.file.content_key:
        files.delete(file=row.file, actor=actor)
    row.state = state
    row.save(update_fields=["state"])
    audit.record(events.EXPORT_ENDED, actor=actor, subject=("export", row.pk), facts={"why": state})
    return row


def _queue(row: Export, at: datetime) -> None:
    from billing.exports import tasks  # noqa: PLC0415  the tasks import this module

    job = jobs.start(kind=JOB, at=at, total=row.rows_expected, created_by=row.asked_by)
    row.job_id = job.pk
    row.save(update_fields=["job_id"])
    tasks.make_soon(job, row.pk)


def still(row: Export, at: datetime) -> Kind:
    """Return the list of an export, if whoever asked for it may still see it."""
    kind = kinds.of(row.kind)
    by_key = row.asked_key is not None
    asker = Actor(
        kind=ActorKind.API_KEY if by_key else ActorKind.USER,
        via=Via.TASK,
        request_id=row.pk,
        id=row.asked_by,
        key_id=row.asked_key,
    )
    if kind is None or not {kind.permission, Permission.EXPORT_RUN} <= _held(asker, at):
        raise AskerMayNoLonger
    return kind


def _asker(actor: Actor, at: datetime) -> UUID | None:
    """Return the person who asks: a member, or whoever answers for a key."""
    if actor.kind is ActorKind.API_KEY:
        key = people.usable_key(at=at, pk=actor.key_id)
        return None if key is None else key.created_by.user_id
    member = people.member_acting(actor, at=at)
    return None if member is None else member.user_id


def _held(actor: Actor, at: datetime) -> frozenset[Permission]:
    return people.permissions_of_actor(actor=actor, tenant=people.current_organization(), at=at)


def locked(export_id: UUID) -> Export:
    """Return an export, locked with its file.

    Raises:
        NotFound
    """
    rows = Export.objects.select_for_update(no_key=True, of=("self",)).select_related("file")
    row: Export | None = rows.filter(pk=export_id).first()
    if row is None:
        raise NotFound
    return row


def _narrowed(wanted: Wanted) -> dict[str, str]:
    return {name: text for name, text in (wanted.filters or {}).items() if text}


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-01-01")
