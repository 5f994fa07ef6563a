"""The archive: documents kept as they were made, with their hash and what their check said.

Promise kept: what was handed out is what was kept; the same content of a kind is kept once; bytes lie encrypted, and
their hash too. Making a document is not done here: it takes time, and none of it inside a transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from django.db.models import QuerySet

from audit import services as audit
from billing import events
from billing.documents.einvoice.document import Problem
from billing.documents.models import DocumentFile
from core import primitives
from core.actor import Actor
from core.errors import NotFound
from crypto import blindindex
from outbound import files
from outbound.models import StoredFile
from tenancy.context import use_case
from tenancy.models import only

MEDIA_TYPES = {"pdf": "application/pdf", "facturx": "application/pdf"}
XML_MEDIA_TYPE = "application/xml"
# What a document is of: ("invoice", its id) or ("credit_note", its id).
Subject: TypeAlias = tuple[Literal["invoice", "credit_note"], UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One document of the archive."""

    id: UUID
    of: Subject
    kind: str
    sha256: str
    size_bytes: int
    valid: bool
    problems: tuple[Problem, ...]
    made_at: datetime


@use_case
def keep(
    *,
    of: Subject,
    customer_id: UUID,
    kind: str,
    content: bytes,
    problems: Sequence[Problem],
    actor: Actor,
    at: datetime,
) -> Kept:
    """Keep a document; content that is here already is not kept twice.

    Raises:
        CardNumberRefused: a card number stands in it.
        Sealed: the organization is sealed.
    """
    sha256 = primitives.sha256(content).hex()
    index = blindindex.lookup(DocumentFile, "content_index", sha256)
    row = _rows(of).filter(kind=kind, content_index=index).first()
    if row is None:
        media_type = MEDIA_TYPES.get(kind, XML_MEDIA_TYPE)
        name = f"{kind}-{sha256[:12]}.{'pdf' if kind in MEDIA_TYPES else 'xml'}"
        file = files.store(
            kind="document", name=name, media_type=media_type, chunks=[content], actor=actor, at=at
        )
        row = DocumentFile(
            **{f"{of[0]}_id": of[1]},
            customer_id=customer_id,
            kind=kind,
            file=file,
            sha256=sha256,
            valid=not any(problem.is_error for problem in problems),
            problems=[_stored(problem) for problem in problems] or None,
            made_at=at,
        )
        row.save(force_insert=True)
        facts: dict[str, str | int | bool] = {"kind": kind, "valid": row.valid}
        audit.record(events.DOCUMENT_KEPT, actor=actor, subject=of, facts=facts)
    return _kept(row, row.file)


def kept_of(of: Subject) -> list[Kept]:
    """List what was kept of an invoice or credit note, newest first."""
    return [_kept(row, row.file) for row in _rows(of)[:50]]


def same(of: Subject, kind: str, sha256: str) -> Kept | None:
    """Return the document of a kind with exactly this content, or None."""
    index = blindindex.lookup(DocumentFile, "content_index", sha256)
    row = only(_rows(of).filter(kind=kind, content_index=index)[:1])
    return None if row is None else _kept(row, row.file)


@use_case
def read(*, document_id: UUID, actor: Actor) -> tuple[Kept, bytes]:
    """Return a kept document with its bytes, and record the reading.

    Raises:
        NotFound: there is no such document.
        FileDamaged: its bytes are not what was kept.
    """
    row = only(DocumentFile.objects.select_related("file").filter(pk=document_id))
    if row is None:
        raise NotFound
    content = b"".join(files.read(file=row.file, actor=actor))
    return _kept(row, row.file), content


def _rows(of: Subject) -> "QuerySet[DocumentFile]":
    rows: QuerySet[DocumentFile] = DocumentFile.objects.filter(**{f"{of[0]}_id": of[1]})
    return rows.select_related("file").order_by("-id")


def _of(row: DocumentFile) -> Subject:
    if row.credit_note_id is not None:
        return "credit_note", row.credit_note_id
    return "invoice", UUID(str(row.invoice_id))


def _kept(row: DocumentFile, file: StoredFile) -> Kept:
    return Kept(
        id=row.pk,
        of=_of(row),
        kind=row.kind,
        sha256=row.sha256,
        size_bytes=file.size_bytes,
        valid=row.valid,
        problems=tuple(_problem(each) for each in row.problems or []),
        made_at=row.made_at,
    )


def _stored(problem: Problem) -> dict[str, Any]:
    return {
        "rule": problem.rule,
        "text": problem.text,
        "place": problem.place,
        "is_error": problem.is_error,
    }


def _problem(values: dict[str, Any]) -> Problem:
    return Problem(
        rule=str(values.get("rule", "")),
        text=str(values.get("text", "")),
        place=str(values.get("place", "")),
        is_error=bool(values.get("is_error", True)),
    )
