"""Taking in a bank statement: read, told apart from what is here, matched. Nothing is booked by it.

Promise kept: whatever is imported twice, whole or in part and in any order, brings no line a second time. A file is
known by its hash; a line by a keyed digest of what it says and of which of equal ones it is, unique in the database.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from audit import services as audit
from billing.imports import turns
from core import canonical, ids
from core.actor import Actor
from crypto import blindindex
from payments import events
from payments.models import Statement, StatementLine
from payments.statements import camt, csvfile, entries, looking, matching
from payments.statements.csvfile import Layout, Table
from payments.statements.entries import Entry, Unread
from tenancy.context import current_tenant, use_case

MAX_BYTES = 20 * 1024 * 1024
_NAME = 120
_PORTION = 1_000
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What taking in a file did, or with a dry run would do. Sums are of what is new, in minor units by currency."""

    statements: list[UUID] = field(default_factory=list)
    entries: int = 0
    new: int = 0
    known: int = 0
    certain: int = 0
    offered: int = 0
    other: int = 0
    incoming: dict[str, int] = field(default_factory=dict)
    unread: Sequence[Unread] = ()
    # The very file is here already.
    is_known: bool = False
    dry_run: bool = False
    table: Table | None = None


@use_case
def take_in(
    *,
    data: bytes,
    file_name: str,
    currency: str,
    actor: Actor,
    at: datetime,
    layout: Layout | None = None,
    dry_run: bool = False,
) -> Outcome:
    """Take in a camt.053 or CSV file; `layout` says how a CSV is read where its guess is wrong.

    Raises:
        ImportRunning, ImportersBusy: somebody is importing.
        Refusal: of the readers; the file as a whole cannot be used and nothing of it is kept.
    """
    turns.take()
    digest = hashlib.sha256(data).digest()
    here = list(Statement.objects.filter(file_digest=digest).order_by("position"))
    found, table = read(data, currency=currency, layout=layout)
    if here:
        count = sum(len(each.entries) for each in found)
        return Outcome(
            statements=[row.pk for row in here],
            entries=count,
            known=count,
            is_known=True,
            dry_run=dry_run,
            table=table,
        )
    outcome = Outcome(dry_run=dry_run, table=table, unread=found[0].unread if table else ())
    rows: list[tuple[Statement, list[StatementLine]]] = []
    for position, (statement, printed) in enumerate(_printed(found)):
        rows.append(
            _rows(
                statement, printed, position=position, digest=digest, file_name=file_name, actor=actor, at=at
            )
        )
    looking.match(line for _, lines in rows for line in lines)
    for row, lines in rows:
        outcome = _counted(outcome, row, lines)
        if lines and not dry_run:
            row.save(force_insert=True)
            StatementLine.objects.bulk_create(lines, batch_size=100)
            outcome.statements.append(row.pk)
            facts: dict[str, str | int | bool] = {
                "lines": len(lines),
                "known": row.entries_known,
                "kind": row.kind,
            }
            audit.record(events.STATEMENT_IMPORTED, actor=actor, subject=("statement", row.pk), facts=facts)
    return replace(outcome, is_known=bool(outcome.entries) and not outcome.new)


def read(
    data: bytes, *, currency: str, layout: Layout | None = None
) -> tuple[list[entries.Statement], Table | None]:
    """Read a file of either kind; a table comes with its cells, to be looked at."""
    if len(data) > MAX_BYTES:
        raise entries.TooManyEntries(field="file")
    if is_xml(data):
        return [each for each in camt.read(data) if each.entries], None
    table = csvfile.table(data, currency=currency)
    return [csvfile.read(table, layout or table.guess)], table


def is_xml(data: bytes) -> bool:
    """Tell an XML file from a table."""
    for mark in _MARKS:
        data = data.removeprefix(mark)
    return data[:100].lstrip(b" \t\r\n\x00").startswith(b"<")


def _printed(found: Sequence[entries.Statement]) -> Iterator[tuple[entries.Statement, list[bytes]]]:
    """Yield statements with the fingerprints of their entries; equal entries of a file are told apart by number."""
    seen: Counter[str] = Counter()
    tenant_id = current_tenant()
    for statement in found:
        printed = []
        account = entries.account_number(statement.iban)
        for entry in statement.entries:
            says = canonical.dumps([account, *entries.identity(entry)]).decode()
            seen[says] += 1
            printed.append(
                blindindex.compute(
                    tenant_id=tenant_id,
                    table="payments_statementline",
                    column="fingerprint",
                    text=f"{seen[says]} {says}",
                )
            )
        yield statement, [bytes(each) for each in printed]


def _rows(
    statement: entries.Statement,
    printed: list[bytes],
    *,
    position: int,
    digest: bytes,
    file_name: str,
    actor: Actor,
    at: datetime,
) -> tuple[Statement, list[StatementLine]]:
    """Make the rows of a statement and of its lines that are not here yet."""
    here = _here(printed)
    days = [entry.booked_on for entry in statement.entries]
    name = entries.clean(file_name, _NAME)
    row = Statement(
        id=ids.uuid7(),
        tenant_id=current_tenant(),
        kind=statement.kind,
        file_digest=digest,
        position=position,
        reference=entries.cover(entries.clean(statement.reference, 80)),
        file_name=name if name and entries.is_kept(name) else "statement",
        account=entries.account_number(statement.iban) or None,
        currency=statement.currency,
        opening_minor=statement.opening_minor,
        closing_minor=statement.closing_minor,
        first_on=min(days),
        last_on=max(days),
        entries=len(statement.entries),
        entries_known=len(here),
        imported_by=actor.id,
        imported_at=at,
    )
    lines = [
        _line(row, number, entry, fingerprint)
        for number, (entry, fingerprint) in enumerate(zip(statement.entries, printed, strict=True), start=1)
        if fingerprint not in here
    ]
    return row, lines


def _line(row: Statement, number: int, entry: Entry, fingerprint: bytes) -> StatementLine:
    signs = {
        name: text
        for name, text in (
            ("reference", entry.reference), ("end_to_end", entry.end_to_end), ("bank", entry.bank_reference)
        )
        if text
    }  # fmt: skip
    comes_in = entry.amount_minor > 0 and not entry.is_reversal
    return StatementLine(
        id=ids.uuid7(),
        tenant_id=row.tenant_id,
        statement_id=row.pk,
        fingerprint=fingerprint,
        position=number,
        state=StatementLine.State.OPEN if comes_in else StatementLine.State.OTHER,
        booked_on=entry.booked_on,
        value_on=entry.value_on,
        currency=entry.currency,
        amount_minor=entry.amount_minor,
        is_reversal=entry.is_reversal,
        is_covered=entry.is_covered,
        name=entry.name or None,
        iban=entry.iban or None,
        text=entry.text or None,
        signs=signs or None,
    )


def _here(printed: list[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for start in range(0, len(printed), _PORTION):
        rows = StatementLine.objects.filter(fingerprint__in=printed[start : start + _PORTION])
        found |= {bytes(each) for each in rows.values_list("fingerprint", flat=True)}
    return found


def _counted(outcome: Outcome, row: Statement, lines: list[StatementLine]) -> Outcome:
    incoming = dict(outcome.incoming)
    waiting = [line for line in lines if line.state == StatementLine.State.OPEN]
    for line in waiting:
        incoming[line.currency] = incoming.get(line.currency, 0) + line.amount_minor
    certain = sum(line.score >= matching.CERTAIN for line in waiting)
    return replace(
        outcome,
        entries=outcome.entries + row.entries,
        new=outcome.new + len(lines),
        known=outcome.known + row.entries_known,
        certain=outcome.certain + certain,
        offered=outcome.offered + sum(line.score > 0 for line in waiting) - certain,
        other=outcome.other + len(lines) - len(waiting),
        incoming=incoming,
    )
