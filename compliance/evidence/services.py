"""Bringing evidence, withdrawing it, reading it, and noticing when it is out of date.

Promise kept: a file lies encrypted and is what its bytes say it is; out of date or withdrawn it shows nothing; nothing
that was brought disappears.
"""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID

from audit import services as audit
from billing.attachments import rules as kinds
from compliance import events
from compliance.controls import registry
from compliance.evidence.models import Evidence
from core import cardnumbers, characters, ids
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound
from outbound import files
from tenancy.context import use_case

LONGEST = timedelta(days=3 * 366)
TITLE_LENGTH, NOTE_LENGTH = 120, 1_000
_KIND = "compliance_evidence"


class EvidenceWithdrawn(Conflict):
    """This evidence was withdrawn already."""

    code = "evidence_withdrawn"


@use_case
def add(
    *,
    code: str,
    title: str,
    note: str,
    name: str,
    content: bytes,
    valid_until: date,
    actor: Actor,
    at: datetime,
) -> Evidence:
    """Bring a file that shows a control, and say until when it does.

    Raises:
        NotFound: there is no such control.
        Invalid: a text is missing or too long, or the day is not within three years.
        AttachmentRefused: the file is of no kind that is kept, or too large.
    """
    if registry.of(code) is None:
        raise NotFound
    texts = {"title": title.strip(), "note": note.strip()}
    errors = []
    if not texts["title"] or len(texts["title"]) > TITLE_LENGTH:
        errors.append(FieldError("/title", "required", f"Enter up to {TITLE_LENGTH} characters."))
    if len(texts["note"]) > NOTE_LENGTH:
        errors.append(FieldError("/note", "too_long", f"This may have {NOTE_LENGTH:,} characters."))
    if not at.date() < valid_until <= at.date() + LONGEST:
        errors.append(
            FieldError("/valid_until", "out_of_range", "It holds beyond today and three years at most.")
        )
    if errors:
        raise Invalid(errors)
    cardnumbers.refuse(texts)
    characters.refuse(texts)
    kind = kinds.media_type(content)
    file = files.store(
        kind=_KIND,
        name=kinds.file_name(name, kind),
        media_type=kind,
        chunks=[content],
        actor=actor,
        at=at,
        most_bytes=kinds.MOST_BYTES,
    )
    row = Evidence(
        id=ids.uuid7(),
        code=code,
        title=texts["title"],
        note=texts["note"] or None,
        file=file,
        digest=hashlib.sha256(content).digest(),
        added_by=actor.id,
        added_at=at,
        valid_until=valid_until,
    )
    row.save(force_insert=True)
    audit.record(
        events.EVIDENCE_ADDED,
        actor=actor,
        subject=("evidence", row.pk),
        facts={"control": code, "until": valid_until.isoformat()},
    )
    return row


@use_case
def withdraw(*, evidence_id: UUID, actor: Actor, at: datetime) -> Evidence:
    """Let evidence count no more; it stays to be seen.

    Raises:
        NotFound, EvidenceWithdrawn.
    """
    row = _found(evidence_id, lock=True)
    if row.withdrawn_at is not None:
        raise EvidenceWithdrawn
    row.withdrawn_by, row.withdrawn_at = actor.id, at
    row.save(update_fields=["withdrawn_by", "withdrawn_at"])
    audit.record(
        events.EVIDENCE_WITHDRAWN, actor=actor, subject=("evidence", row.pk), facts={"control": row.code}
    )
    return row


@use_case
def read(*, evidence_id: UUID, actor: Actor) -> tuple[Evidence, Iterator[bytes]]:
    """Hand a file out: its row, and its bytes piece by piece.

    Raises:
        NotFound
    """
    row = _found(evidence_id, lock=False)
    audit.record(events.EVIDENCE_READ, actor=actor, subject=("evidence", row.pk), facts={"control": row.code})
    return row, files.read(file=row.file, actor=actor)


@use_case
def notice_expired(*, actor: Actor, at: datetime) -> int:
    """Say of evidence of the organization in scope that it is out of date, once each; return how many."""
    rows = Evidence.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        expired_at__isnull=True, withdrawn_at__isnull=True, valid_until__lt=at.date()
    )
    found = list(rows)
    for row in found:
        row.expired_at = at
        row.save(update_fields=["expired_at"])
        audit.record(
            events.EVIDENCE_EXPIRED, actor=actor, subject=("evidence", row.pk), facts={"control": row.code}
        )
    return len(found)


def _found(evidence_id: UUID, *, lock: bool) -> Evidence:
    rows = Evidence.objects.select_related("file")
    if lock:
        rows = rows.select_for_update(of=("self",))
    row: Evidence | None = rows.filter(pk=evidence_id).first()
    if row is None:
        raise NotFound
    return row
