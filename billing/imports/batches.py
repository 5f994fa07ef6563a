"""An import from the file to its undoing: brought along, mapped, tried, carried out, and taken back within a day.

Promise kept: nothing of the file is stored in clear, no value stands in a message; what is carried out is what was
checked; a run that is cut off goes on behind the last row it took in, and takes none in twice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from audit import services as audit
from billing import events
from billing.imports import mapping, rules, tables
from billing.imports.models import Import
from core.actor import Actor
from core.errors import Conflict, NotFound
from outbound import files
from outbound.models import StoredFile
from tenancy import jobs
from tenancy.context import use_case

KEEP = timedelta(days=1)
UNDO_WITHIN = timedelta(hours=24)
KIND_READ, KIND_CHECK, KIND_RUN, KIND_UNDO = "import.read", "import.check", "import.run", "import.undo"
FIRST = 200
_TOLD_EVERY = 2_000
_REMEMBERED = 5
_SAMPLE = 5
_PAGE = 50


class NotNow(Conflict):
    """This import is at another step by now. Look at it again."""

    code = "import_elsewhere"


class NoRefusedRows(Conflict):
    """There is no file of refused rows: none was refused, or its day is over."""

    code = "no_refused_rows"


class UndoIsOver(Conflict):
    """An import can be taken back within 24 hours."""

    code = "undo_is_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An import as a page shows it."""

    id: UUID
    state: str
    name: str
    heads: tuple[str, ...]
    columns: tuple[str, ...]
    rows: int
    ready: int
    refused: int
    created: int
    stayed: int
    code: str
    refused_first: tuple[rules.Refused, ...]
    has_refused_file: bool
    job_id: UUID | None
    created_by: UUID | None
    created_at: datetime
    done_at: datetime | None
    can_undo_until: datetime | None


@use_case
def upload(*, data: bytes, file_name: str, actor: Actor, at: datetime) -> Import:
    """Keep a file, encrypted and for a day, and guess what its columns hold. A cell with a card number is emptied.

    To read a workbook takes half a minute, so a worker does it after the commit; until then it is kept as it came,
    and only if no card number is in it.

    Raises:
        UnreadableTable, EmptyTable, TableTooLarge, CardNumberRefused: the file as a whole cannot be used.
    """
    row = Import(created_by=actor.id, created_at=at, updated_at=at, heads=[], mapping=[])
    if tables.is_workbook(data):
        tables.search_workbook(data)
        row.state = Import.State.READING
        row.file = _kept(file_name, [data], actor, at)
    else:
        table = tables.read(data)
        counted = Counted(table)
        row.file = _kept(file_name, tables.write(counted), actor, at)
        set_table(row, table.heads, counted)
    row.save(force_insert=True)
    audit.record(events.IMPORT_UPLOADED, actor=actor, subject=("import", row.pk), facts={"rows": row.rows})
    return _ask(row, KIND_READ, None, actor, at) if row.state == Import.State.READING else row


def _kept(file_name: str, chunks: Iterable[bytes], actor: Actor, at: datetime) -> StoredFile:
    return files.store(
        kind="import",
        name=file_name[:200] or "import",
        # Not searched once more as one text: every cell is, and numbers in cells side by side are no card's.
        media_type="application/octet-stream",
        chunks=chunks,
        actor=actor,
        at=at,
        keep=KEEP,
    )


def set_table(row: Import, heads: list[str], counted: "Counted") -> None:
    """Note on an import what its file holds, once all of it was read."""
    row.heads, row.mapping = heads, mapping.guess(heads, _remembered())
    row.rows, row.refused = counted.rows, len(counted.cards)
    row.refused_first = [[number, field, "card_number", _CARD] for number, field in counted.cards[:FIRST]]


@use_case
def set_read(
    *, import_id: UUID, heads: list[str], counted: "Counted", chunks: list[bytes], actor: Actor, at: datetime
) -> None:
    """Put the rows of a workbook into its place; what came is destroyed.

    Raises:
        NotFound, NotNow: somebody has destroyed it meanwhile.
    """
    row = _locked(import_id, Import.State.READING)
    came = row.file
    row.file = _kept(came.name or "", chunks, actor, at)
    set_table(row, heads, counted)
    row.state, row.updated_at = Import.State.UPLOADED, at
    row.save()
    files.delete(file=came, actor=actor)
    if row.job_id is not None:
        jobs.finish(job_id=row.job_id, at=at, counts={"rows": row.rows, "refused": row.refused})


@use_case
def check(*, import_id: UUID, columns: Sequence[str], actor: Actor, at: datetime) -> Import:
    """Say which field each column holds and have the file tried; a worker does it after the commit.

    Raises:
        NotFound, NotNow.
        UnknownColumn, MissingColumn: the mapping cannot be used.
    """
    row = _locked(import_id, Import.State.UPLOADED, Import.State.CHECKED, Import.State.FAILED)
    row.mapping = mapping.check(list(row.heads), columns)
    row.state, row.code = Import.State.CHECKING, ""
    return _ask(row, KIND_CHECK, events.IMPORT_CHECKED, actor, at)


@use_case
def run(*, import_id: UUID, actor: Actor, at: datetime) -> Import:
    """Have an import carried out as it was checked; a worker does it after the commit.

    Raises:
        NotFound, NotNow.
    """
    row = _locked(import_id, Import.State.CHECKED)
    if not row.ready:
        raise NotNow
    row.state = Import.State.RUNNING
    return _ask(row, KIND_RUN, None, actor, at)


@use_case
def undo(*, import_id: UUID, actor: Actor, at: datetime) -> Import:
    """Have what an import brought taken back, as far as nothing happened to it since; a worker does it.

    Raises:
        NotFound, NotNow, UndoIsOver.
    """
    row = _locked(import_id, Import.State.DONE)
    if row.done_at is None or at > row.done_at + UNDO_WITHIN:
        raise UndoIsOver
    row.state = Import.State.RUNNING
    return _ask(row, KIND_UNDO, events.IMPORT_UNDONE, actor, at)


@use_case
def drop(*, import_id: UUID, actor: Actor, at: datetime) -> None:
    """Forget a file that has not been taken in.

    Raises:
        NotFound, NotNow.
    """
    row = _locked(
        import_id, Import.State.READING, Import.State.UPLOADED, Import.State.CHECKED, Import.State.FAILED
    )
    for file in (row.file, row.refused_file):
        if file is not None and file.content_key:
            files.delete(file=file, actor=actor)
    row.state, row.updated_at = Import.State.DROPPED, at
    row.save(update_fields=["state", "updated_at"])
    audit.record(events.IMPORT_DROPPED, actor=actor, subject=("import", row.pk))


def get(import_id: UUID) -> Shown:
    """Return one import.

    Raises:
        NotFound
    """
    row = Import.objects.select_related("file").filter(pk=import_id).first()
    if row is None:
        raise NotFound
    return _shown(row)


def of_jobs(job_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the imports that some jobs work on, by the job."""
    return dict(Import.objects.filter(job_id__in=list(job_ids)).values_list("job_id", "pk"))


def page(*, after: UUID | None = None) -> tuple[list[Shown], UUID | None]:
    """List imports, newest first, and the cursor of the next page."""
    rows = Import.objects.select_related("file").order_by("-id")
    found = list((rows if after is None else rows.filter(pk__lt=after))[: _PAGE + 1])
    return [_shown(row) for row in found[:_PAGE]], found[_PAGE - 1].pk if len(found) > _PAGE else None


@use_case
def sample(*, import_id: UUID, actor: Actor) -> list[list[str]]:
    """Return the first rows of a file as they stand, for whoever says what its columns hold.

    Raises:
        NotFound: there is none, or its day is over.
    """
    row = Import.objects.select_related("file").filter(pk=import_id).first()
    if row is None:
        raise NotFound
    found: list[list[str]] = []
    for each in tables.stored(files.read(file=row.file, actor=actor)):
        found.append(each.cells[: len(row.heads)])
        if len(found) == _SAMPLE:
            break
    return found


@use_case
def refused_file(*, import_id: UUID, actor: Actor) -> Any:
    """Return the refused rows as a file: its name and its bytes, piece by piece.

    Raises:
        NotFound: there is no such import.
        NoRefusedRows
    """
    row = Import.objects.select_related("refused_file").filter(pk=import_id).first()
    if row is None:
        raise NotFound
    if row.refused_file is None or not row.refused_file.content_key:
        raise NoRefusedRows
    audit.record(events.IMPORT_READ, actor=actor, subject=("import", row.pk))
    return files.read(file=row.refused_file, actor=actor)


_CARD = "This holds what looks like a card number. Nothing of it was stored."


class Counted:
    """Counts rows as they are stored, and leaves those with a card number out."""

    def __init__(self, table: tables.Table, tell: Callable[[int], None] = lambda rows: None) -> None:
        """`tell` hears now and then how many rows it were so far."""
        self._table, self._tell, self.rows = table, tell, 0
        self.cards: list[tuple[int, str]] = []

    def __iter__(self) -> Any:
        heads = self._table.heads
        for row in self._table.rows:
            self.rows += 1
            if not self.rows % _TOLD_EVERY:
                self._tell(self.rows)
            if row.cards:
                at = row.cards[0]
                self.cards.append((row.number, heads[at] if at < len(heads) and len(row.cards) == 1 else ""))
                continue
            yield row


def _ask(row: Import, kind: str, event: Any, actor: Actor, at: datetime) -> Import:
    from billing.imports import tasks  # noqa: PLC0415  the tasks import this module

    job = jobs.start(kind=kind, at=at, total=row.rows, created_by=actor.id)
    row.job_id, row.updated_at = job.pk, at
    row.save(update_fields=["state", "code", "mapping", "job_id", "updated_at"])
    if event is not None:
        audit.record(event, actor=actor, subject=("import", row.pk))
    tasks.work_soon(job, row.pk)
    return row


def _locked(import_id: UUID, *states: str) -> Import:
    row: Import | None = Import.objects.select_for_update(no_key=True).filter(pk=import_id).first()
    if row is None:
        raise NotFound
    if row.state not in states:
        raise NotNow
    return row


def _remembered() -> Mapping[str, str]:
    """Return how columns were mapped in the latest imports that were carried out."""
    known: dict[str, str] = {}
    rows = Import.objects.filter(state=Import.State.DONE).order_by("-id")
    for row in rows[:_REMEMBERED]:
        for head, field in zip(row.heads, row.mapping, strict=False):
            known.setdefault(mapping.folded(head), field)
    return known


def _shown(row: Import) -> Shown:
    until = row.done_at + UNDO_WITHIN if row.state == Import.State.DONE and row.done_at else None
    return Shown(
        id=row.pk,
        state=row.state,
        name=row.file.name or "",
        heads=tuple(row.heads),
        columns=tuple(row.mapping),
        rows=row.rows,
        ready=row.ready,
        refused=row.refused,
        created=row.created,
        stayed=row.stayed,
        code=row.code,
        refused_first=tuple(
            rules.Refused(row=number, field=field, code=code, reason=reason)
            for number, field, code, reason in row.refused_first or ()
        ),
        has_refused_file=row.refused_file_id is not None,
        job_id=row.job_id,
        created_by=row.created_by,
        created_at=row.created_at,
        done_at=row.done_at,
        can_undo_until=until,
    )
