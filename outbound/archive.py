"""The form of a stored file on disk: encrypted chunk by chunk under a key of its own.

Promise kept: a chunk that was changed, exchanged, moved to another file, left out or cut off is refused.
Each chunk is AES-256-GCM over at most 256 KiB, bound to the file's id, its own number and whether it is the
last.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO
from uuid import UUID

from core import primitives

MAGIC = b"SBFILE1\n"
CHUNK_BYTES = 256 * 1024
_OVERHEAD = primitives.NONCE_BYTES + primitives.TAG_BYTES


class DamagedFile(Exception):
    """The stored bytes are not what was written for this file."""


def encrypt(chunks: Iterable[bytes], *, key: bytes, file_id: UUID) -> Iterator[bytes]:
    """Yield the stored form of a file, piece by piece; the plaintext may come in pieces of any size."""
    cipher = primitives.Aead(key)
    yield MAGIC
    number, waiting = 0, bytearray()
    for chunk in chunks:
        waiting += chunk
        # One chunk stays behind: only the end of the input tells which one is the last.
        while len(waiting) > CHUNK_BYTES:
            yield cipher.encrypt(bytes(waiting[:CHUNK_BYTES]), _place(file_id, number, last=False))
            del waiting[:CHUNK_BYTES]
            number += 1
    yield cipher.encrypt(bytes(waiting), _place(file_id, number, last=True))


def decrypt(file: BinaryIO, *, key: bytes, file_id: UUID) -> Iterator[bytes]:
    """Yield the plaintext of a stored file.

    Raises:
        DamagedFile: something was touched. What was yielded before it is genuine, but incomplete.
    """
    cipher = primitives.Aead(key)
    if file.read(len(MAGIC)) != MAGIC:
        raise DamagedFile("not a stored file")
    number, chunk = 0, file.read(CHUNK_BYTES + _OVERHEAD)
    while True:
        following = file.read(CHUNK_BYTES + _OVERHEAD)
        try:
            plain = cipher.decrypt(chunk, _place(file_id, number, last=not following))
        except primitives.InvalidCiphertext:
            raise DamagedFile(f"chunk {number}") from None
        if plain:
            yield plain
        if not following:
            return
        number, chunk = number + 1, following


def _place(file_id: UUID, number: int, *, last: bool) -> bytes:
    return b"strongbox.file.v1\0" + file_id.bytes + number.to_bytes(8, "big") + bytes([last])
