"""Writing an archive: compress, encrypt, hash, in one pass and in bounded memory."""

import contextlib
import fcntl
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Protocol

import zstandard

from backups.archive import headers
from backups.archive.headers import CHUNK, ArchiveRefused, Closing, Header, Recipient, Signer
from core import primitives

# One level, the fastest: a database's pages gain 2 % at three times the price (docs/decisions/0029).
_LEVEL = 1
_WORKERS = 1
NEXT, LAST, END = b"C", b"L", b"E"


class ProducerFailed(ArchiveRefused):
    """What was to be backed up did not end well, so there is no archive."""

    code = "backup_producer_failed"


class Sink(Protocol):
    """Whatever takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Take all of the bytes."""


@dataclass(frozen=True, slots=True)
class Written:
    """A whole archive: its id, what went in, what is stored, and the SHA-256 of the stored bytes."""

    archive: str
    bytes_in: int
    bytes_out: int
    sha256: str


class _Out:
    """The sink, counted and hashed."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self.hash, self.count = sink, hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        self._sink.write(data)
        self.hash.update(data)
        self.count += len(data)


class _Chunks:
    """Cuts compressed bytes into chunks; one is held back, for only the end tells which is the last."""

    def __init__(self, out: _Out, key: bytes) -> None:
        self._out, self._stream, self._held, self.count = out, primitives.Stream(key), bytearray(), 0

    def write(self, data: bytes) -> None:
        self._held += data
        start = 0
        while len(self._held) - start > CHUNK:
            self._put(bytes(memoryview(self._held)[start : start + CHUNK]), NEXT)
            start += CHUNK
        if start:
            del self._held[:start]

    def end(self) -> None:
        self._put(bytes(self._held), LAST)

    def _put(self, chunk: bytes, tag: bytes) -> None:
        encrypted = self._stream.encrypt(chunk, last=tag == LAST)
        self._out.write(tag + len(encrypted).to_bytes(4, "big"))
        self._out.write(encrypted)
        self.count += 1


def write(
    producer: Iterable[bytes] | IO[bytes],
    sink: Sink,
    *,
    header: Header,
    recipients: Sequence[Recipient],
    signer: Signer,
    finished: Callable[[], bool],
    facts: Callable[[], Mapping[str, str]] = dict,
) -> Written:
    """Write an archive of everything the producer yields.

    When the producer is exhausted, `finished` tells whether it ended well (a process: whether it exited with
    0). Only then the last chunk and the closing are written, with the facts that are known by then. What
    stands in the sink otherwise can never be read as an archive.

    Raises ProducerFailed; HeaderRefused before anything is written; and whatever producer or sink raise.
    """
    sealed = headers.seal(header, recipients=recipients, signer=signer)
    out = _Out(sink)
    out.write(sealed.raw)
    chunks = _Chunks(out, sealed.content_key)
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, threads=_WORKERS).compressobj()
    content = 0
    for block in _blocks(producer):
        content += len(block)
        chunks.write(compressor.compress(block))
    if not finished():
        raise ProducerFailed
    chunks.write(compressor.flush())
    chunks.end()
    closing = Closing(chunks.count, content, out.count, out.hash.hexdigest(), dict(facts()))
    out.write(END + headers.close(closing, archive=header.archive, signer=signer))
    return Written(header.archive, content, out.count, out.hash.hexdigest())


def _blocks(producer: Iterable[bytes] | IO[bytes]) -> Iterator[bytes]:
    read = getattr(producer, "read", None)
    if read is None:
        yield from producer
        return
    while block := read(CHUNK):
        yield block


def widen(pipe: IO[bytes]) -> IO[bytes]:
    """Return the pipe with a buffer of a chunk: 64 kB, the usual one, wakes both sides sixteen times as often."""
    # No pipe, or the system's limit is reached: slower, not wrong.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, CHUNK)
    return pipe
