"""What a seal is: how an event is hashed, how hashes become one root, how roots become a chain.

Promise kept: equal events have equal bytes and different events have different ones, so that a change of any
column of any event changes the root, and a change of any seal changes every seal after it. Pure: no Django,
no database. audit/verifier.py says the same a second time, on its own, for those who do not trust this
software.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from operator import itemgetter
from typing import Any
from uuid import UUID

from core import canonical, primitives

FIRST_PREV = bytes(32)
LEAF_BYTES = 48
KEY_ID_BYTES = 8
SEAL_DOMAIN = b"strongbox.audit.seal.v1\0"
MANIFEST_DOMAIN = b"strongbox.audit.bundle.v1\0"
CHECKPOINT_DOMAIN = b"strongbox.audit.checkpoint.v1\0"
_LEAF, _NODE = b"\0", b"\1"  # RFC 6962 2.1: a leaf can never be taken for a node

# The columns of a leaf as SQL that has one spelling for each value, whatever the session's settings. JSON
# text keeps apart what a plain cast would not: an absent array element, a comma in a name, a date before
# Christ.
COLUMNS: Mapping[str, str] = {
    "id": "id::text",
    "tenant_id": "tenant_id::text",
    "event": "event::text",
    "result": "result::text",
    "actor_kind": "actor_kind::text",
    "actor_id": "actor_id::text",
    "actor_label": "actor_label::text",
    "on_behalf_of": "on_behalf_of::text",
    "via": "via::text",
    "session_id": "session_id::text",
    "key_id": "key_id::text",
    "request_id": "request_id::text",
    "network": "network::text",
    "subject_kind": "subject_kind::text",
    "subject_id": "subject_id::text",
    "subject_ids": "to_json(subject_ids)::text",
    "fields": "to_json(fields)::text",
    "facts": "facts::text",
    "reason": "reason::text",
    "at": "to_json(at AT TIME ZONE 'UTC') #>> '{}'",
    "xid": "xid::text",
    "epoch": "epoch",
}
SELECT = ", ".join(f"{sql} AS {name}" for name, sql in COLUMNS.items())
_POSITION = {name: place for place, name in enumerate(COLUMNS)}
ID, TENANT, EPOCH, XID, AT = (_POSITION[name] for name in ("id", "tenant_id", "epoch", "xid", "at"))
# No transaction is open that long: what a seal holds happened at most a day before the seal before it.
_LATE_AT_MOST = timedelta(days=1)
# Ten times faster than a general encoder, and equal to core.canonical.dumps, as a test proves.
_TEMPLATE = "{" + ",".join(f'"{name}":%s' for name in sorted(COLUMNS)) + "}"
_SORTED = itemgetter(*(_POSITION[name] for name in sorted(COLUMNS)))
_JSON = frozenset(_POSITION[name] for name in ("subject_ids", "fields", "facts"))


class BadSignature(Exception):
    """The signature is not by a key that is trusted here."""


def _refuse_float(text: str) -> Any:
    # 1.0, 1.00 and 1e0 are one float and three texts: none of them is ever recorded.
    raise ValueError(text)


_decode: Callable[[str], Any] = json.JSONDecoder(
    parse_float=_refuse_float, parse_constant=_refuse_float
).decode


def readable(text: str) -> Any:
    """Return the value of a JSON text without floats, or the text itself where it is none."""
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        # Somebody wrote past this software: it is sealed as the text it is, and must never stop the sealer.
        return text


@lru_cache(maxsize=8_192)
def _respelled(text: str) -> str:
    return canonical.dumps(readable(text)).decode()


def _text(value: str | None) -> str:
    return "null" if value is None else _quoted(value)


_SPELL: Sequence[Callable[[Any], str]] = [
    _respelled if place in _JSON else str if place == EPOCH else _text for place in range(len(COLUMNS))
]


def leaf(row: Sequence[Any]) -> bytes:
    """Return the canonical bytes of an event, given the values of COLUMNS in their order."""
    spelled = [spell(value) for spell, value in zip(_SPELL, row, strict=True)]
    text: str = _TEMPLATE % _SORTED(spelled)
    return text.encode()


def leaf_hash(content: bytes) -> bytes:
    """Return the hash under which an event stands in its seal."""
    return hashlib.sha256(_LEAF + content).digest()


def leaf_record(row: Sequence[Any]) -> bytes:
    """Return the 48 bytes by which a seal names an event: its id and its hash."""
    return bytes.fromhex(row[ID].replace("-", "")) + leaf_hash(leaf(row))


def earliest(before: str | None) -> str:
    """Return the first time, as sealed rows spell it, that an event of a seal can carry; nothing for the first seal.

    `before` is when the seal before it was made. What was put in later with an older time in it is sealed like any
    other event, and this tells it.
    """
    if before is None:
        return ""
    try:
        return (datetime.fromisoformat(before) - _LATE_AT_MOST).isoformat()
    except (ValueError, OverflowError):
        return ""  # a seal that was changed, which is found by its hash


def split(leaves: bytes) -> list[tuple[bytes, bytes]]:
    """Cut a seal's leaves into pairs of (id, hash)."""
    return [
        (leaves[start : start + 16], leaves[start + 16 : start + LEAF_BYTES])
        for start in range(0, len(leaves), LEAF_BYTES)
    ]


def merkle_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root of the Merkle tree of RFC 6962 2.1 over leaf hashes; there is at least one."""
    level = list(hashes)
    sha256 = hashlib.sha256
    while len(level) > 1:
        pairs = [
            sha256(_NODE + level[place] + level[place + 1]).digest() for place in range(0, len(level) - 1, 2)
        ]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def moment(at: datetime) -> str:
    """Return a UTC time as PostgreSQL's JSON writes it: ISO 8601, no trailing zeros in the fraction."""
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return text.rstrip("0").rstrip(".") if "." in text else text


def key_id(public: bytes) -> bytes:
    """Return the short name of a signing key."""
    return primitives.sha256(public)[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealRecord:
    """One seal, as stored, exported and verified. Transaction ids are text: they exceed JSON's numbers."""

    tenant_id: UUID
    n: int
    epoch: int
    xid_from: str
    xid_to: str
    count: int
    root: bytes
    leaves: bytes
    prev: bytes
    sealed_at: str
    key_id: bytes
    hash: bytes = b""
    signature: bytes = b""

    def header(self) -> dict[str, canonical.Value]:
        """Return what the hash covers: everything but the hash and its signature."""
        return {
            "count": self.count,
            "epoch": self.epoch,
            "key": self.key_id.hex(),
            "leaves": primitives.sha256(self.leaves).hex(),
            "n": self.n,
            "prev": self.prev.hex(),
            "root": self.root.hex(),
            "sealed_at": self.sealed_at,
            "tenant": str(self.tenant_id),
            "xid_from": self.xid_from,
            "xid_to": self.xid_to,
        }

    def computed_hash(self) -> bytes:
        """Return the hash this seal must have."""
        return primitives.sha256(SEAL_DOMAIN + canonical.dumps(self.header()))

    def exported(self) -> bytes:
        """Return the seal as one canonical line."""
        body = {
            **self.header(),
            "leaves": self.leaves.hex(),
            "hash": self.hash.hex(),
            "signature": self.signature.hex(),
        }
        return canonical.dumps(body)


def verify_signature(keys: Mapping[bytes, bytes], seal: SealRecord) -> None:
    """Check a seal's signature under the trusted keys (key id to public key).

    Raises:
        BadSignature: unknown key, or not signed by it.
    """
    public = keys.get(seal.key_id)
    if public is None:
        raise BadSignature("unknown key")
    try:
        primitives.ed25519_verify(public, seal.signature, SEAL_DOMAIN + seal.hash)
    except primitives.InvalidSignature:
        raise BadSignature("wrong signature") from None
