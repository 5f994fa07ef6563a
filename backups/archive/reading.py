"""Reading an archive: nothing is written that was not authenticated, nothing counts before the end is signed."""

import hashlib
from collections.abc import Callable, Collection
from typing import IO, Protocol, cast

import zstandard

from backups.archive import headers
from backups.archive.headers import (
    CHUNK,
    HEADER_LIMIT,
    MAGIC,
    ArchiveDamaged,
    Header,
    NotAnArchive,
    SignatureWrong,
)
from backups.archive.writing import END, LAST, NEXT, Sink
from core import primitives

_WHOLE = CHUNK + primitives.TAG_BYTES
# Level 1 uses windows of 512 kB; an archive that demands more memory was not written by this program.
_WINDOW = 8 << 20
_OUT = 1 << 18


class Source(Protocol):
    """Whatever gives bytes: fewer than asked for when no more have come, none at the end."""

    def read(self, size: int = -1, /) -> bytes:
        """Give up to so many bytes."""


class _In:
    """The source, hashed."""

    def __init__(self, source: Source) -> None:
        self._source, self.hash, self.count = source, hashlib.sha256(), 0

    def take(self, size: int) -> bytes:
        """Return exactly so many bytes. Raises ArchiveDamaged when there are fewer."""
        data = self._source.read(size)
        # A pipe or a socket answers with what has arrived.
        while len(data) < size:
            more = self._source.read(size - len(data))
            if not more:
                raise ArchiveDamaged
            data += more
        self.hash.update(data)
        self.count += size
        return data

    def ends(self) -> bool:
        return not self._source.read(1)


def peek(source: Source, *, trusted: Collection[bytes]) -> Header:
    """Return the signed header at the start of an archive; the content is not looked at.

    Raises NotAnArchive, SignerUnknown, SignatureWrong or ArchiveDamaged.
    """
    return _header(_In(source), trusted)[0]


def verify(
    source: Source,
    *,
    trusted: Collection[bytes],
    newest_known: int | None = None,
    archive: str | None = None,
) -> Header:
    """Check every stored byte against the signatures. It needs no private key, and opens nothing.

    Raises what `read` raises, but NotForThisKey.
    """
    incoming = _In(source)
    header, _ = _header(incoming, trusted)
    headers.expect(header, newest_known=newest_known, archive=archive)
    return _content(incoming, header, lambda chunk, last: None)


def read(
    source: Source,
    sink: Sink,
    *,
    recipient_key: bytes,
    trusted: Collection[bytes],
    newest_known: int | None = None,
    archive: str | None = None,
) -> Header:
    """Write the content of an archive to the sink, and return what it says of itself.

    Each chunk is authenticated before it is written; but only when this function returns is the content
    whole, so nothing may be done with it before. `newest_known` refuses a lower generation, `archive` another
    archive than this.

    Raises NotAnArchive, SignerUnknown, SignatureWrong, ArchiveDamaged, OlderThanKnown, AnotherArchive,
    NotForThisKey.
    """
    incoming = _In(source)
    header, raw = _header(incoming, trusted)
    headers.expect(header, newest_known=newest_known, archive=archive)
    stream = primitives.Stream(headers.unwrap(raw, recipient_key))
    # Written out as it comes: a chunk of zeros is a gigabyte, which must not stand in memory at once.
    inflater = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_writer(
        cast(IO[bytes], sink), write_size=_OUT, closefd=False, write_return_read=False
    )
    written = 0

    def content(chunk: bytes, last: bool) -> None:
        nonlocal written
        try:
            plain = stream.decrypt(chunk, last=last)
        except primitives.InvalidCiphertext:
            raise ArchiveDamaged from None
        try:
            written += inflater.write(plain)
        except zstandard.ZstdError:
            raise ArchiveDamaged from None

    found = _content(incoming, header, content)
    if found.closing is None or found.closing.content_bytes != written:
        raise ArchiveDamaged
    return found


def _header(incoming: _In, trusted: Collection[bytes]) -> tuple[Header, bytes]:
    if incoming.take(len(MAGIC)) != MAGIC:
        raise NotAnArchive
    raw, signature = _signed(incoming)
    return headers.believe(raw, signature, trusted=trusted), raw


def _signed(incoming: _In) -> tuple[bytes, bytes]:
    length = int.from_bytes(incoming.take(4), "big")
    if length > HEADER_LIMIT:
        raise NotAnArchive
    return incoming.take(length), incoming.take(primitives.SIGNATURE_BYTES)


def _content(incoming: _In, header: Header, use: Callable[[bytes, bool], None]) -> Header:
    chunks = 0
    tag = NEXT
    while tag == NEXT:
        tag, length = incoming.take(1), int.from_bytes(incoming.take(4), "big")
        # A chunk that is not the last is full: one content has one way to be cut.
        if tag not in (NEXT, LAST) or length > _WHOLE or (tag == NEXT and length != _WHOLE):
            raise ArchiveDamaged
        use(incoming.take(length), tag == LAST)
        chunks += 1
    stored, digest = incoming.count, incoming.hash.hexdigest()
    if incoming.take(1) != END:
        raise ArchiveDamaged
    closed = headers.believe_closing(*_signed(incoming), header=header)
    found = closed.closing
    if found is None or (found.chunks, found.stored_bytes, found.stored_sha256) != (chunks, stored, digest):
        raise SignatureWrong
    if not incoming.ends():
        raise ArchiveDamaged
    return closed
