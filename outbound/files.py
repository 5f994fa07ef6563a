"""The encrypted file store: a row in the transaction, bytes on disk that nobody can read without it.

Promise kept: no plaintext is ever on disk, not for a moment; a file is complete or absent; its name on disk
is made here, so that no name from outside reaches the file system (ASVS 5.3.2). A row that was rolled back
leaves bytes without a key behind, which the sweep removes.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings

from audit import services as audit
from core import cardnumbers, ids, primitives
from core.actor import Actor
from core.errors import NotFound, Refusal
from outbound import archive, events
from outbound.models import StoredFile
from tenancy import context
from tenancy.context import use_case

MOST_BYTES = 512 * 1024 * 1024
_ORPHAN_AFTER = timedelta(days=1)
_TEXTS = frozenset({"application/json", "application/xml", "application/x-ndjson"})
# A card number may stand across the end of a piece.
_OVERLAP = 80


class FileTooLarge(Refusal):
    """This file is too large."""

    code = "file_too_large"
    status = 413


class FileDamaged(Refusal):
    """The stored file is damaged and cannot be read. It has been recorded."""

    code = "file_damaged"
    status = 500


@use_case
def store(
    *,
    kind: str,
    name: str,
    media_type: str,
    chunks: Iterable[bytes],
    actor: Actor,
    at: datetime,
    keep: timedelta | None = None,
    most_bytes: int = MOST_BYTES,
) -> StoredFile:
    """Encrypt a file onto the disk and return its row; `keep` says how long, None for ever.

    Raises:
        FileTooLarge: more than `most_bytes` came.
        CardNumberRefused: it is a text, and a card number stands in it.
        Sealed: the organization is sealed.
    """
    made = prepare(
        tenant_id=context.current_tenant(), media_type=media_type, chunks=chunks, most_bytes=most_bytes
    )
    return keep_prepared(made, kind=kind, name=name, actor=actor, at=at, keep=keep)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file whose bytes lie encrypted on the disk, and whose key nobody has but whoever holds this."""

    file_id: UUID
    media_type: str
    key: bytes
    size_bytes: int
    sha256: bytes

    def __repr__(self) -> str:
        return f"<prepared file {self.file_id}>"


def prepare(
    *, tenant_id: UUID, media_type: str, chunks: Iterable[bytes], most_bytes: int = MOST_BYTES
) -> Prepared:
    """Encrypt a file onto the disk outside any transaction, for what takes longer than one may last.

    Without `keep_prepared` the bytes are without a key once this is forgotten, and the sweep removes them.

    Raises:
        FileTooLarge, CardNumberRefused: as `store`.
    """
    file_id, key = ids.uuid7(), primitives.random_key()
    counted = _Counted(_searched(chunks) if is_text(media_type) else chunks, most_bytes)
    digest = _write(_path(tenant_id, file_id), archive.encrypt(counted, key=key, file_id=file_id))
    return Prepared(file_id, media_type, key, counted.size, digest)


@use_case
def keep_prepared(
    made: Prepared, *, kind: str, name: str, actor: Actor, at: datetime, keep: timedelta | None = None
) -> StoredFile:
    """Keep a prepared file of the organization in scope: from now on its row holds its key."""
    row = StoredFile(
        id=made.file_id,
        kind=kind,
        name=name,
        media_type=made.media_type,
        content_key=made.key.hex(),
        size_bytes=made.size_bytes,
        sha256=made.sha256,
        created_at=at,
        expires_at=None if keep is None else at + keep,
    )
    row.save(force_insert=True)
    facts: dict[str, str | int | bool] = {"kind": kind, "bytes": made.size_bytes}
    audit.record(events.FILE_STORED, actor=actor, subject=("file", made.file_id), facts=facts)
    return row


def is_text(media_type: str) -> bool:
    """Tell whether a file can be read for what stands in it."""
    return media_type.startswith("text/") or media_type in _TEXTS


def find(file_id: UUID, *, at: datetime) -> StoredFile:
    """Return a file of the organization in scope that can still be read.

    Raises:
        NotFound: there is none, or it is deleted or expired.
    """
    row: StoredFile | None = StoredFile.objects.filter(pk=file_id, state=StoredFile.State.READY).first()
    if row is None or (row.expires_at is not None and row.expires_at <= at):
        raise NotFound
    return row


@use_case
def read(*, file: StoredFile, actor: Actor) -> Iterator[bytes]:
    """Record the reading and return the plaintext in pieces, which may be read after the transaction.

    Every stored byte is checked before the first piece is handed out.

    Raises:
        NotFound: the file has been deleted.
    """
    if not file.content_key:
        raise NotFound
    audit.record(events.FILE_READ, actor=actor, subject=("file", file.pk), facts={"kind": file.kind})
    return plaintext(file)


def plaintext(file: StoredFile) -> Iterator[bytes]:
    """Return the plaintext in pieces of a file that is part of something else, whose reading is what is recorded.

    Raises:
        NotFound: the file has been deleted.
    """
    if not file.content_key:
        raise NotFound
    return _plain(
        _path(context.current_tenant(), file.pk), bytes.fromhex(file.content_key), file.pk, bytes(file.sha256)
    )


@use_case
def delete(*, file: StoredFile, actor: Actor) -> None:
    """Forget a file's key and, once that is committed, remove its bytes."""
    file.state = StoredFile.State.DELETED
    file.content_key = file.name = None
    file.save(update_fields=["state", "content_key", "name"])
    audit.record(events.FILE_DELETED, actor=actor, subject=("file", file.pk), facts={"kind": file.kind})
    path = _path(context.current_tenant(), file.pk)
    context.after_commit(lambda: path.unlink(missing_ok=True))


@use_case
def delete_expired(*, actor: Actor, at: datetime, most: int = 500) -> int:
    """Delete files of the organization in scope whose time is over; return how many."""
    due = StoredFile.objects.select_for_update(skip_locked=True).filter(
        state=StoredFile.State.READY, expires_at__lte=at
    )
    found = list(due.order_by("expires_at")[:most])
    for file in found:
        delete(file=file, actor=actor)
    return len(found)


def remove_orphans(*, at: datetime) -> int:
    """Remove bytes of the organization in scope that have no readable row; return how many.

    They are what a rollback or a crash left behind. Young ones are spared: their transaction may still be
    open.
    """
    folder = _folder(context.current_tenant())
    if not folder.is_dir():
        return 0
    old = {
        path.name: path
        for path in folder.iterdir()
        if path.stat().st_mtime < (at - _ORPHAN_AFTER).timestamp()
    }
    named = {name: UUID(name) for name in old if len(name) == 32 and not name.startswith(".")}
    rows = StoredFile.objects.filter(pk__in=named.values(), state=StoredFile.State.READY)
    kept = {file_id.hex for file_id in rows.values_list("pk", flat=True)}
    for name in old.keys() - kept:
        old[name].unlink(missing_ok=True)
    return len(old.keys() - kept)


def record_damage(*, file_id: UUID, tenant_id: UUID, actor: Actor) -> None:
    """Record that a file could not be read, in a transaction of its own."""
    audit.record_apart(
        events.FILE_DAMAGED, actor=actor, subject=("file", file_id), tenant_id=tenant_id, result="failed"
    )


class _Counted:
    """Counts what flows through and stops it at a limit."""

    def __init__(self, chunks: Iterable[bytes], most: int) -> None:
        self.size = 0
        self._chunks = chunks
        self._most = most

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > self._most:
                raise FileTooLarge
            yield chunk


def _searched(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass a text on piece by piece, as long as no card number stands in it; what was written before is removed."""
    tail = ""
    for chunk in chunks:
        text = tail + chunk.decode("utf-8", "replace")
        cardnumbers.refuse({"file": text})
        tail = text[-_OVERLAP:]
        yield chunk


def _folder(tenant: UUID) -> Path:
    return Path(settings.FILES_DIR) / tenant.hex


def _path(tenant: UUID, file_id: UUID) -> Path:
    return _folder(tenant) / file_id.hex


def _write(path: Path, pieces: Iterable[bytes]) -> bytes:
    """Write a file completely or not at all, and return the hash of what was written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    half, digest = path.with_name(f".{path.name}.half"), hashlib.sha256()
    try:
        with os.fdopen(
            os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb"
        ) as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        half.rename(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return digest.digest()


def _plain(path: Path, key: bytes, file_id: UUID, sha256: bytes) -> Iterator[bytes]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileDamaged from error
    with file:
        # First the whole, then the pieces: a reader never acts on the genuine beginning of a damaged file.
        if not primitives.constant_time_equal(hashlib.file_digest(file, "sha256").digest(), sha256):
            raise FileDamaged
        file.seek(0)
        try:
            yield from archive.decrypt(file, key=key, file_id=file_id)
        except archive.DamagedFile as error:
            raise FileDamaged from error
