"""PostgreSQL's own list of what it copied, taken out of the tar that passes by."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

_BLOCK = 512
_READ = 1 << 20
_MANIFEST = b"backup_manifest"
_MANIFEST_LIMIT = 512 * 1024 * 1024
_SECONDS_BETWEEN_NOTES = 1.0

Progress = Callable[[int], None]


@dataclass
class TarWatch:
    """Passes a tar through, and keeps the manifest that stands in it."""

    source: IO[bytes]
    progress: Progress = lambda done: None
    manifest: bytearray = field(default_factory=bytearray)
    count: int = 0
    _pending: bytearray = field(default_factory=bytearray)
    _skip: int = 0
    _taking: int = 0

    def __iter__(self) -> Iterator[bytes]:
        noted = time.monotonic()
        while block := self.source.read(_READ):
            self.count += len(block)
            self._look(block)
            if time.monotonic() - noted > _SECONDS_BETWEEN_NOTES:
                noted = time.monotonic()
                self.progress(self.count)
            yield block

    def _look(self, block: bytes) -> None:
        at = 0
        while at < len(block):
            if self._taking:
                piece = block[at : at + self._taking]
                self.manifest += piece
                self._taking -= len(piece)
                at += len(piece)
            elif self._skip:
                step = min(self._skip, len(block) - at)
                self._skip -= step
                at += step
            else:
                piece = block[at : at + _BLOCK - len(self._pending)]
                self._pending += piece
                at += len(piece)
                if len(self._pending) == _BLOCK:
                    self._head(bytes(self._pending))
                    self._pending.clear()

    def _head(self, head: bytes) -> None:
        name, size = head[:100].rstrip(b"\0"), _number(head[124:136])
        padded = (size + _BLOCK - 1) // _BLOCK * _BLOCK
        if name.removeprefix(b"./") == _MANIFEST and size <= _MANIFEST_LIMIT:
            self._taking, self._skip = size, padded - size
        else:
            self._skip = padded


def _number(field_: bytes) -> int:
    if field_[0] & 0x80:  # base 256, for what octal digits cannot hold
        return int.from_bytes(field_[1:], "big")
    return int(field_.rstrip(b"\0 ") or b"0", 8)
