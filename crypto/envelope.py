"""The bytes of an encrypted value, and what they are bound to.

    version (1) | algorithm (1) | key id (16) | nonce (12) | ciphertext | tag (16)

Promise kept: a value opens only in the organization, table, column and row it was written for, and only under
the key, version and algorithm that its header names. All of them are authenticated (OWASP ASVS 5.0 11.3.3),
so that moved ciphertext is refused rather than shown as somebody else's.
"""

from enum import StrEnum
from uuid import UUID

from core import primitives

VERSION = 1
AES_256_GCM = 1
MAGIC = bytes((VERSION, AES_256_GCM))
KEY_ID_BYTES = 16
HEADER_BYTES = len(MAGIC) + KEY_ID_BYTES
MINIMUM_BYTES = HEADER_BYTES + primitives.NONCE_BYTES + primitives.TAG_BYTES


class Purpose(StrEnum):
    """What a data key is for. One key serves one purpose of one organization."""

    FIELDS = "fields"
    DOCUMENTS = "documents"
    BLIND_INDEX = "blind_index"
    FILES = "files"
    WEBHOOKS = "webhooks"


class MalformedEnvelope(primitives.InvalidCiphertext):
    """The bytes are not an encrypted value of a known version and algorithm."""


def key_id(envelope: bytes) -> bytes:
    """Return the id (16 bytes) of the data key that encrypted `envelope`.

    Raises:
        MalformedEnvelope: too short, or a version or algorithm that this program does not know.
    """
    if envelope[:2] != MAGIC or len(envelope) < MINIMUM_BYTES:
        raise MalformedEnvelope("not an envelope of a known version and algorithm")
    return envelope[2:18]


def length_prefixed(*parts: bytes) -> bytes:
    """Join parts so that no two different lists give the same bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


_ROW_PREFIX = (16).to_bytes(4, "big")


def authority(key: UUID, tenant: UUID) -> bytes:
    """Return the beginning of the associated data: version, algorithm, key id, organization."""
    return length_prefixed(bytes((VERSION,)), bytes((AES_256_GCM,)), key.bytes, tenant.bytes)


def column(table: str, name: str) -> bytes:
    """Return the middle of the associated data, up to the 16 bytes of the row's id: table and column."""
    return length_prefixed(table.encode(), name.encode()) + _ROW_PREFIX


def ending(purpose: str) -> bytes:
    """Return the end of the associated data: the purpose."""
    return length_prefixed(purpose.encode())


def stored_bytes(parts: tuple[bytes, ...], purpose: str) -> bytes:
    """Return the middle and end of the associated data of bytes that stand in no column, such as a file.

    No table's name holds a colon, so that a file never opens as a field nor a field as a file.
    """
    return length_prefixed(b"bytes:%d" % len(parts), *parts, purpose.encode())
