"""One file of everything that is held about a person: JSON and CSV of each table, their documents, and why it is held.

Promise kept: it is read in portions, each in a scope of its own, and encrypted as it is written; no plaintext is on
the disk for a moment. Every table of the walk is in it, the empty ones named as empty.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.exports.formats import neutral
from compliance.personaldata import collecting, graph
from compliance.personaldata.collecting import Person, Table
from outbound import files
from outbound.models import OutboxMessage, StoredFile, WebhookEndpoint
from payments.models import GatewayCustomer
from tenancy.context import Scope, scope

MOST_BYTES = 2 * 1024 * 1024 * 1024
_RIGHTS = (
    "You may ask for correction, erasure, restriction and a copy, object to processing, and complain to a data "
    "protection authority (GDPR Articles 15 to 21 and 77)."
)


class Pipe(io.RawIOBase):
    """What a ZIP is written to: it cannot be wound back, and is emptied as it fills."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        """Say that it is written to."""
        return True

    def write(self, data: object) -> int:
        """Take a piece."""
        piece = bytes(data)  # type: ignore[call-overload]  # whatever a ZIP file writes is bytes
        self.pieces.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        """Return what came since, and forget it."""
        piece = b"".join(self.pieces)
        self.pieces.clear()
        return piece


def pieces(
    *, tenant_id: UUID, find: Callable[[], Person], at: datetime, told: Callable[[int, int], None]
) -> Iterator[bytes]:
    """Write the file piece by piece; call it outside any scope. `told(done, total)` is called as it goes on."""
    inside = Scope(tenant_id)
    with scope(inside):
        person = find()
        tables = collecting.tables(person)
        counts = {table.label: table.rows.count() for table in tables}
        about = _about(person, tables, counts, at)
        letters = [collecting.plain(row.body) for row in collecting.letters_to(person)]
        history = collecting.history(person)
    total, done = sum(counts.values()), 0
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as book:
        book.writestr("about.json", _json(about))
        book.writestr("history.json", _json(history))
        if letters:
            book.writestr(f"data/{OutboxMessage._meta.label}.json", _json(letters))
        yield pipe.taken()
        for table in tables:
            if not counts[table.label]:
                continue
            for name, write in (
                (f"data/{table.label}.json", _as_json),
                (f"tables/{table.label}.csv", _as_csv),
            ):
                with book.open(name, "w", force_zip64=True) as member:
                    for piece in write(table, _portions(inside, table)):
                        member.write(piece)
                        if ready := pipe.taken():
                            yield ready
            done += counts[table.label]
            told(min(done, total), total)
        for name, content in _documents(inside, tables):
            with book.open(name, "w", force_zip64=True) as member:
                for piece in content:
                    member.write(piece)
                    if ready := pipe.taken():
                        yield ready
    yield pipe.taken()


def _about(person: Person, tables: Sequence[Table], counts: dict[str, int], at: datetime) -> dict[str, Any]:
    recipients = []
    if (
        person.start == graph.CUSTOMER
        and GatewayCustomer.objects.filter(customer_id__in=person.keys).exists()
    ):
        recipients.append("the card payment provider: a reference, and the ways to pay saved there")
    if counts.get("billing.TaxIdCheck"):
        recipients.append("the tax authorities (VIES): the tax id")
    if WebhookEndpoint.objects.exists():
        recipients.append("systems of the organization that are told of changes: ids and states")
    return {
        "subject": {"kind": person.start, "ids": [str(key) for key in person.keys]},
        "made_at": at.isoformat(),
        "rights": _RIGHTS,
        "recipients": recipients,
        "automated_decisions": "none (Article 22)",
        "tables": [
            {
                "name": table.label,
                "rows": counts[table.label],
                "purpose": table.policy.purpose,
                "legal_basis": table.policy.legal_basis,
                "kept": table.policy.retention,
                "when_erased": table.policy.erasure.value,
                "columns": table.columns,
            }
            for table in tables
        ],
    }


def _portions(inside: Scope, table: Table) -> Iterator[list[dict[str, Any]]]:
    after: Any = None
    while True:
        with scope(inside):
            found, after = collecting.page(table, after)
        if found:
            yield found
        if after is None:
            return


def _as_json(table: Table, portions: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    before = "[\n"
    for portion in portions:
        for row in portion:
            yield f"{before}{json.dumps(row, ensure_ascii=False)}".encode()
            before = ",\n"
    yield b"\n]\n" if before != "[\n" else b"[]\n"


def _as_csv(table: Table, portions: Iterator[list[dict[str, Any]]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    # The mark tells Excel that it is UTF-8.
    buffer.write("\ufeff")
    writer.writerow(table.columns)
    for portion in portions:
        for row in portion:
            writer.writerow([_cell(row[name]) for name in table.columns])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    return neutral(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _documents(inside: Scope, tables: Sequence[Table]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The files that belong to the person's rows, whole."""
    for table in tables:
        if table.model is not StoredFile:
            continue
        with scope(inside):
            keys = list(table.rows.filter(state=StoredFile.State.READY).values_list("pk", flat=True))
        for key in keys:
            with scope(inside):
                row = StoredFile.objects.filter(pk=key, content_key__isnull=False).first()
                if row is None:
                    continue
                name = f"files/{key}-{_safe(str(row.name or ''))}"
                content = list(files.plaintext(row))
            yield name, iter(content)


def _safe(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "._-" else "_" for sign in name)[:80] or "file"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
