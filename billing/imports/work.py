"""What a worker does for an import: try it, carry it out, take it back; in portions, each a transaction of its own.

Rows are read as they are decrypted and handed on, so that fifty thousand take no more memory than a few hundred.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import DatabaseError

from audit import services as audit
from billing import events
from billing.customers import services as customers
from billing.customers.models import Customer
from billing.exports.formats import neutral
from billing.imports import batches, mapping, rules, tables
from billing.imports import services as taking
from billing.imports.models import Import
from billing.issuer.models import Issuer
from billing.tallies import services as tallies
from core.actor import Actor
from core.errors import FieldError, Invalid, Refusal
from crypto.values import BlindIndex
from outbound import files
from outbound.webhooks import services as webhooks
from tenancy import jobs
from tenancy.context import Scope, attempt, scope, use_case

_PORTION = 500
_BACK = 100


@dataclass(slots=True)
class _Outcome:
    """What became of the rows so far."""

    ready: int = 0
    done: int = 0
    refused_rows: int = 0
    first: list[list[Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    # Blind indexes of earlier rows of a dry run, by column: nobody of them is stored yet.
    seen: dict[str, set[BlindIndex]] = field(default_factory=dict)


def run(*, tenant_id: UUID, import_id: UUID, kind: str, actor: Actor, now: Callable[[], datetime]) -> None:
    """Do what was asked for; call it outside any scope. A failure is noted on the import and its job."""
    try:
        if kind == batches.KIND_READ:
            _read(tenant_id, import_id, actor, now)
        elif kind == batches.KIND_UNDO:
            _take_back(tenant_id, import_id, actor, now)
        else:
            _take_in(tenant_id, import_id, actor, now, dry_run=kind == batches.KIND_CHECK)
    except Exception as fault:
        code = fault.code if isinstance(fault, Refusal) else "failed"
        with scope(Scope(tenant_id)):
            fail(import_id, code, actor=actor, at=now())
        if not isinstance(fault, Refusal):
            raise


def _read(tenant_id: UUID, import_id: UUID, actor: Actor, now: Callable[[], datetime]) -> None:
    """Read a workbook, outside of any transaction, and keep its rows in its place."""
    with scope(Scope(tenant_id)):
        row = Import.objects.select_related("file").get(pk=import_id)
        if row.state != Import.State.READING:
            return
        data, job_id = b"".join(files.read(file=row.file, actor=actor)), row.job_id

    def tell(rows: int) -> None:
        with scope(Scope(tenant_id)):
            jobs.advance(job_id=job_id, at=now(), done=rows, total=0)

    table = tables.read(data)
    counted = batches.Counted(table, tell)
    chunks = list(tables.write(counted))
    with scope(Scope(tenant_id)):
        batches.set_read(
            import_id=import_id, heads=table.heads, counted=counted, chunks=chunks, actor=actor, at=now()
        )


def _take_in(
    tenant_id: UUID, import_id: UUID, actor: Actor, now: Callable[[], datetime], *, dry_run: bool
) -> None:
    outcome = _Outcome()
    with scope(Scope(tenant_id)):
        row = Import.objects.select_related("file").get(pk=import_id)
        wanted = Import.State.CHECKING if dry_run else Import.State.RUNNING
        if row.state != wanted:
            # Delivered again after it was done.
            return
        issuer = Issuer.objects.first()
        currency = issuer.currency if issuer else "EUR"
        heads, columns, job_id, total = list(row.heads), list(row.mapping), row.job_id, row.rows
        # Cards were counted when the file came; their rows are not in it.
        cards = [each for each in row.refused_first or () if each[2] == "card_number"]
        outcome.refused_rows = row.rows - _stored_rows(row, actor)
        outcome.first = [list(each) for each in cards]
        begun_behind = 0 if dry_run else row.position
        stream = tables.stored(files.read(file=row.file, actor=actor))
    for portion in _portions(stream):
        with scope(Scope(tenant_id)):
            _portion(
                import_id, portion, heads, columns, currency, outcome,
                dry_run=dry_run, behind=begun_behind, actor=actor, at=now(),
            )  # fmt: skip
            jobs.advance(
                job_id=job_id, at=now(), done=min(outcome.done, total), total=total,
                counts={"ready": outcome.ready, "refused": outcome.refused_rows},
            )  # fmt: skip
    with scope(Scope(tenant_id)):
        _close(import_id, outcome, heads, dry_run=dry_run, actor=actor, at=now())


def _portions(rows: Iterator[tables.Row]) -> Iterator[list[tables.Row]]:
    while portion := list(islice(rows, _PORTION)):
        yield portion


def _stored_rows(row: Import, actor: Actor) -> int:
    return sum(1 for _ in tables.stored(files.read(file=row.file, actor=actor)))


@use_case
def _portion(
    import_id: UUID,
    portion: Sequence[tables.Row],
    heads: Sequence[str],
    columns: Sequence[str],
    currency: str,
    outcome: _Outcome,
    *,
    dry_run: bool,
    behind: int,
    actor: Actor,
    at: datetime,
) -> None:
    """Try a portion of rows, and in earnest take in what can be."""
    ready: list[taking.Row] = []
    refused: list[rules.Refused] = []
    by_number = {row.number: row for row in portion}
    for row in portion:
        outcome.done += 1
        if row.number <= behind:
            outcome.ready += 1
            continue
        try:
            ready.append(taking.Row(row.number, _prepared(row, heads, columns, currency, at)))
        except Refusal as refusal:
            refused += rules.refusals(row.number, refusal)
    ready, doubles = taking.without_doubles(ready, seen=outcome.seen if dry_run else None)
    refused = sorted([*refused, *doubles], key=lambda each: each.row)
    if not dry_run:
        stored: Import = Import.objects.select_for_update(no_key=True).get(pk=import_id)
        if stored.position < portion[-1].number:
            made = [each.customer for each in ready]
            for customer in made:
                customer.import_id = import_id
            customers.create_many(made, actor=actor)
            stored.created, stored.position = stored.created + len(made), portion[-1].number
            stored.save(update_fields=["created", "position"])
    outcome.ready += len(ready)
    _note(outcome, refused, by_number)


def _prepared(
    row: tables.Row, heads: Sequence[str], columns: Sequence[str], currency: str, at: datetime
) -> Customer:
    if any(row.cells[len(heads) :]):
        raise Invalid([FieldError("/", "too_many_cells", "The row has more cells than the first line.")])
    values = mapping.values(heads, columns, row.cells)
    return customers.prepare({**values, "currency": str(values.get("currency") or currency).upper()}, at=at)


def _note(outcome: _Outcome, refused: Sequence[rules.Refused], rows: dict[int, tables.Row]) -> None:
    by_row: dict[int, list[rules.Refused]] = {}
    for each in refused:
        by_row.setdefault(each.row, []).append(each)
        if len(outcome.first) < batches.FIRST:
            outcome.first.append([each.row, each.field, each.code, each.reason])
    outcome.refused_rows += len(by_row)
    for number, faults in by_row.items():
        why = "; ".join(f"{each.field}: {each.reason}" if each.field else each.reason for each in faults)
        outcome.lines.append(_line([str(number), why, *(neutral(cell) for cell in rows[number].cells)]))


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerow(cells)
    return buffer.getvalue()


@use_case
def _close(
    import_id: UUID, outcome: _Outcome, heads: Sequence[str], *, dry_run: bool, actor: Actor, at: datetime
) -> None:
    """Note what became of an import, and keep its refused rows as a file for a day."""
    row: Import = Import.objects.select_for_update(no_key=True).get(pk=import_id)
    former = row.refused_file
    row.refused_file = None
    if outcome.lines:
        head = _line(["Row", "Why it was left out", *(neutral(text) for text in heads)])
        row.refused_file = files.store(
            kind="import_refused",
            name="refused-rows.csv",
            media_type="text/csv",
            chunks=(text.encode() for text in ("\ufeff", head, *outcome.lines)),
            actor=actor,
            at=at,
            keep=batches.KEEP,
        )
    row.state = Import.State.CHECKED if dry_run else Import.State.DONE
    row.ready, row.refused, row.updated_at = outcome.ready, outcome.refused_rows, at
    row.refused_first = outcome.first
    if not dry_run:
        row.done_at = at
    row.save()
    if former is not None and former.content_key:
        files.delete(file=former, actor=actor)
    counts = {"created": row.created, "ready": row.ready, "refused": row.refused}
    if row.job_id is not None:
        jobs.finish(job_id=row.job_id, at=at, counts=counts)
    if not dry_run:
        audit.record(events.IMPORT_DONE, actor=actor, subject=("import", row.pk), facts={**counts})
        audit.record(events.CUSTOMERS_IMPORTED, actor=actor, facts={**counts})


def _take_back(tenant_id: UUID, import_id: UUID, actor: Actor, now: Callable[[], datetime]) -> None:
    """Remove what an import brought and nobody touched: portion by portion, from the newest to the oldest."""
    with scope(Scope(tenant_id)):
        row = Import.objects.get(pk=import_id)
        if row.state != Import.State.RUNNING:
            return
        job_id, total = row.job_id, row.created
    done = removed = 0
    before = UUID(int=2**128 - 1)
    while True:
        with scope(Scope(tenant_id)):
            rows = Customer.objects.filter(import_id=import_id, pk__lt=before).order_by("-id")
            keys = list(rows.values_list("pk", "created_at", "updated_at", "state")[:_BACK])
            untouched = [key for key, made, changed, state in keys if made == changed and state == "active"]
            gone = _remove(untouched)
            _tell_gone(gone, actor)
            done, removed = done + len(keys), removed + len(gone)
            jobs.advance(job_id=job_id, at=now(), done=min(done, total), total=total)
        if len(keys) < _BACK:
            break
        before = keys[-1][0]
    with scope(Scope(tenant_id)):
        row = Import.objects.select_for_update(no_key=True).get(pk=import_id)
        row.state, row.stayed, row.updated_at = Import.State.UNDONE, done - removed, now()
        row.save(update_fields=["state", "stayed", "updated_at"])
        jobs.finish(job_id=job_id, at=now(), counts={"removed": removed, "stayed": done - removed})


def _remove(keys: Sequence[UUID]) -> list[UUID]:
    """Remove customers; those that something points at stay. Every table that knows of them is asked: by its key."""
    if not keys:
        return []
    try:
        with attempt():
            Customer.objects.filter(pk__in=keys)._raw_delete("default")
    except DatabaseError:
        if len(keys) == 1:
            return []
        half = len(keys) // 2
        return [*_remove(keys[:half]), *_remove(keys[half:])]
    return list(keys)


@use_case
def _tell_gone(keys: Sequence[UUID], actor: Actor) -> None:
    if keys:
        tallies.add([tallies.Change(noun="customer", state="active", count=-len(keys))])
        audit.record_each(events.CUSTOMER_TAKEN_BACK, actor=actor, kind="customer", subjects=list(keys))
        webhooks.publish_each(
            type="customer.removed", kind="customer", rows=[(key, {"state": "removed"}) for key in keys]
        )


@use_case
def fail(import_id: UUID, code: str, *, actor: Actor, at: datetime) -> None:
    """Note on an import and its job that it broke off, by a code and never by a message."""
    row: Import = Import.objects.select_for_update(no_key=True).get(pk=import_id)
    if row.state == Import.State.READING and row.file.content_key:
        # It was kept as it came, and nobody can use it.
        files.delete(file=row.file, actor=actor)
    # What was taken in before it broke off can be taken back like anything else.
    begun = row.created > 0
    row.state = Import.State.DONE if begun else Import.State.FAILED
    row.code, row.updated_at = code[:64], at
    row.done_at = at if begun and row.done_at is None else row.done_at
    row.save(update_fields=["state", "code", "updated_at", "done_at"])
    if row.job_id is not None:
        jobs.fail(job_id=row.job_id, at=at, code=code[:64])
    audit.record(events.IMPORT_FAILED, actor=actor, subject=("import", row.pk), result="failed")
