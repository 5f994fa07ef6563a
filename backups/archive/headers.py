"""What stands before and after an archive's content, and who may open it.

Promise kept: nothing of an archive is believed before a known key has signed it. The header is signed before
the content, so a foreign or an older archive is refused before a byte is decrypted; the closing is signed
after it and covers every stored byte, so that even a holder of the file key (the drill) cannot write another
content under a header that was signed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from json import loads
from typing import Any

from core import canonical, ids, primitives
from core.errors import Refusal

MAGIC = b"SBXBAK\x00\x01"
FORMAT = "strongbox.backup.v1"
CHUNK = 1 << 20
HEADER_LIMIT = 1 << 16
HEADER_DOMAIN = b"strongbox.backup.header.v1\0"
CLOSING_DOMAIN = b"strongbox.backup.closing.v1\0"
WRAP_DOMAIN = b"strongbox.backup.wrap.v1\0"
CONTENT_DOMAIN = b"strongbox.backup.content.v1\0"
_SUITE = {"cipher": "aes-256-gcm-stream", "chunk": CHUNK, "compression": "zstd"}
_HEADER_FIELDS = frozenset(
    {"archive", "created_at", "facts", "format", "generation", "kind", "manifest_sha256", "parent"}
    | {"parent_sha256", "recipients", "signer", *_SUITE}
)
_CLOSING_FIELDS = frozenset({"archive", "chunks", "content_bytes", "facts", "stored_bytes", "stored_sha256"})
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_HASH = re.compile(r"(?:[0-9a-f]{64})?")
_FACT = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FACT_LIMIT = 1_000


class ArchiveRefused(Refusal):
    """This archive is not used."""

    code = "archive_refused"


class NotAnArchive(ArchiveRefused):
    """This is no archive of this program, or of a version that it does not know."""

    code = "not_an_archive"


class SignerUnknown(ArchiveRefused):
    """The archive was signed by a key that is not trusted here."""

    code = "archive_signer_unknown"


class SignatureWrong(ArchiveRefused):
    """The archive is not what was signed."""

    code = "archive_signature_wrong"


class ArchiveDamaged(ArchiveRefused):
    """The archive was changed, cut short or added to."""

    code = "archive_damaged"


class OlderThanKnown(ArchiveRefused):
    """The archive is older than the newest one known: somebody may have put it in the newer one's place."""

    code = "archive_older_than_known"


class AnotherArchive(ArchiveRefused):
    """This is another archive than the one that was asked for."""

    code = "another_archive"


class NotForThisKey(ArchiveRefused):
    """The archive cannot be opened with this key."""

    code = "archive_not_for_this_key"


class HeaderRefused(ArchiveRefused):
    """The archive cannot be described like this."""

    code = "archive_header_refused"


class Kind(StrEnum):
    """What an archive holds."""

    FULL = "full"
    INCREMENTAL = "incremental"
    WAL = "wal"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who may open an archive: a name that people know and a public key (X25519, 32 bytes)."""

    name: str
    public: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """The key (Ed25519, 32 bytes) under which this installation's archives are known."""

    private: bytes

    @property
    def public(self) -> bytes:
        """Return the public key."""
        return primitives.ed25519_public(self.private)

    def __repr__(self) -> str:
        return "<Signer>"


@dataclass(frozen=True, slots=True)
class Closing:
    """What is known once the content has passed; signed like the header."""

    chunks: int
    content_bytes: int
    stored_bytes: int
    stored_sha256: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """What an archive says of itself, in clear and signed. Nothing personal may stand in it.

    `generation` grows from backup to backup, and the archives of one backup share it; `parent` names the
    archive that this one builds on or belongs to, and `parent_sha256` its stored bytes. `recipients`, `signer`
    and `closing` are filled when an archive is read.
    """

    kind: Kind
    generation: int
    created_at: datetime
    parent: str | None = None
    parent_sha256: str = ""
    manifest_sha256: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    archive: str = field(default_factory=lambda: str(ids.uuid7()))
    recipients: tuple[Recipient, ...] = ()
    signer: str = ""
    closing: Closing | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A signed header as bytes, and the key that is bound to it."""

    raw: bytes
    content_key: bytes


def seal(header: Header, *, recipients: Sequence[Recipient], signer: Signer) -> Sealed:
    """Draw a file key, wrap it to each recipient, and sign the header.

    Raises HeaderRefused when nobody could open the archive, when a recipient stands twice, or when a value
    has no place in a header.
    """
    if not recipients or len({recipient.public for recipient in recipients}) != len(recipients):
        raise HeaderRefused("an archive needs recipients, each of them once")
    file_key = primitives.random_key()
    document: dict[str, Any] = {
        **_SUITE,
        "format": FORMAT,
        "archive": header.archive,
        "kind": str(header.kind),
        "generation": header.generation,
        "created_at": header.created_at.astimezone(UTC).strftime(_TIME),
        "parent": header.parent,
        "parent_sha256": header.parent_sha256,
        "manifest_sha256": header.manifest_sha256,
        "facts": dict(header.facts),
        "signer": signer.public.hex(),
        "recipients": [_wrap(file_key, recipient, header.archive) for recipient in recipients],
    }
    raw = canonical.dumps(document)
    if len(raw) > HEADER_LIMIT:
        raise HeaderRefused("the header is too long")
    try:
        _described(raw)
    except (NotAnArchive, ArchiveDamaged) as error:
        raise HeaderRefused from error
    signed = _framed(raw) + primitives.ed25519_sign(signer.private, HEADER_DOMAIN + raw)
    return Sealed(MAGIC + signed, _content_key(file_key, raw))


def close(closing: Closing, *, archive: str, signer: Signer) -> bytes:
    """Return the signed closing of an archive."""
    raw = canonical.dumps(
        {
            "archive": archive,
            "chunks": closing.chunks,
            "content_bytes": closing.content_bytes,
            "stored_bytes": closing.stored_bytes,
            "stored_sha256": closing.stored_sha256,
            "facts": dict(closing.facts),
        }
    )
    if not _are_facts(closing.facts) or len(raw) > HEADER_LIMIT:
        raise HeaderRefused("these facts have no place in a closing")
    return _framed(raw) + primitives.ed25519_sign(signer.private, CLOSING_DOMAIN + raw)


def believe(raw: bytes, signature: bytes, *, trusted: Collection[bytes]) -> Header:
    """Return a header that one of the trusted keys signed.

    Raises NotAnArchive, SignerUnknown or SignatureWrong.
    """
    header = _described(raw)
    if bytes.fromhex(header.signer) not in trusted:
        raise SignerUnknown
    _check(header.signer, signature, HEADER_DOMAIN + raw)
    return header


def believe_closing(raw: bytes, signature: bytes, *, header: Header) -> Header:
    """Return the header with its closing, which the same key must have signed for the same archive."""
    _check(header.signer, signature, CLOSING_DOMAIN + raw)
    document = _document(raw, _CLOSING_FIELDS)
    numbers = {name: document[name] for name in ("chunks", "content_bytes", "stored_bytes")}
    fits = document["archive"] == header.archive and all(type(n) is int and n >= 0 for n in numbers.values())
    if not fits or not _is_hash(document["stored_sha256"]) or not _are_facts(document["facts"]):
        raise ArchiveDamaged
    closing = Closing(**numbers, stored_sha256=document["stored_sha256"], facts=document["facts"])
    return replace(header, closing=closing)


def expect(header: Header, *, newest_known: int | None, archive: str | None) -> None:
    """Refuse what is signed but not what was asked for: raises OlderThanKnown or AnotherArchive."""
    if newest_known is not None and header.generation < newest_known:
        raise OlderThanKnown(generation=header.generation, newest_known=newest_known)
    if archive is not None and header.archive != archive:
        raise AnotherArchive(archive=header.archive)


def unwrap(raw: bytes, recipient_key: bytes) -> bytes:
    """Return the key of the content that follows this header. Raises NotForThisKey."""
    document = loads(raw)
    public = primitives.x25519_public(recipient_key)
    for entry in document["recipients"]:
        if entry["public"] != public.hex():
            continue
        try:
            ephemeral = bytes.fromhex(entry["ephemeral"])
            key = _wrapping_key(primitives.x25519_exchange(recipient_key, ephemeral), ephemeral, public)
            place = WRAP_DOMAIN + document["archive"].encode()
            file_key = primitives.aead_decrypt(key, bytes.fromhex(entry["wrapped"]), place)
        except (primitives.InvalidCiphertext, primitives.InvalidPublicKey):
            raise NotForThisKey from None
        return _content_key(file_key, raw)
    raise NotForThisKey


def _wrap(file_key: bytes, recipient: Recipient, archive: str) -> dict[str, str]:
    secret, ephemeral = primitives.x25519_generate()
    key = _wrapping_key(primitives.x25519_exchange(secret, recipient.public), ephemeral, recipient.public)
    wrapped = primitives.aead_encrypt(key, file_key, WRAP_DOMAIN + archive.encode())
    return {
        "name": recipient.name,
        "public": recipient.public.hex(),
        "ephemeral": ephemeral.hex(),
        "wrapped": wrapped.hex(),
    }


def _wrapping_key(shared: bytes, ephemeral: bytes, public: bytes) -> bytes:
    # Both public keys take part (RFC 7748 6.1): the secret alone does not say between whom it is shared.
    return primitives.hkdf_expand(primitives.hkdf_extract(ephemeral + public, shared), WRAP_DOMAIN)


def _content_key(file_key: bytes, raw: bytes) -> bytes:
    # The header takes part, so a content cannot be moved under another header of the same file key.
    return primitives.hkdf_expand(file_key, CONTENT_DOMAIN + primitives.sha256(raw))


def _framed(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


def _check(signer: str, signature: bytes, message: bytes) -> None:
    try:
        primitives.ed25519_verify(bytes.fromhex(signer), signature, message)
    except primitives.InvalidSignature:
        raise SignatureWrong from None


def _document(raw: bytes, fields: frozenset[str]) -> dict[str, Any]:
    try:
        document = loads(raw)
        # One spelling only: what two readers could read in two ways is not read at all.
        if not isinstance(document, dict) or document.keys() != fields or canonical.dumps(document) != raw:
            raise NotAnArchive
    except (ValueError, RecursionError, canonical.NotCanonical):
        raise NotAnArchive from None
    return document


def _described(raw: bytes) -> Header:
    document = _document(raw, _HEADER_FIELDS)
    if document["format"] != FORMAT or any(document[name] != value for name, value in _SUITE.items()):
        raise NotAnArchive
    try:
        fits = (
            type(document["generation"]) is int
            and 0 < document["generation"] < 1 << 63
            and all(_is_hash(document[name]) for name in ("parent_sha256", "manifest_sha256"))
            and _are_facts(document["facts"])
            and len(bytes.fromhex(document["signer"])) == primitives.KEY_BYTES
            and (document["parent"] is None or isinstance(document["parent"], str))
            and isinstance(document["archive"], str)
            and 0 < len(document["archive"]) <= 64
        )
        if not fits:
            raise NotAnArchive
        return Header(
            kind=Kind(document["kind"]),
            generation=document["generation"],
            created_at=datetime.strptime(document["created_at"], _TIME).replace(tzinfo=UTC),
            parent=document["parent"],
            parent_sha256=document["parent_sha256"],
            manifest_sha256=document["manifest_sha256"],
            facts=document["facts"],
            archive=document["archive"],
            recipients=tuple(_recipient(entry) for entry in document["recipients"]),
            signer=document["signer"],
        )
    except (ValueError, TypeError, KeyError):
        raise NotAnArchive from None


def _recipient(entry: dict[str, str]) -> Recipient:
    lengths = {name: len(bytes.fromhex(entry[name])) for name in ("public", "ephemeral", "wrapped")}
    if entry.keys() != {"name", *lengths} or not isinstance(entry["name"], str):
        raise NotAnArchive
    if lengths != {"public": 32, "ephemeral": 32, "wrapped": 60}:
        raise NotAnArchive
    return Recipient(entry["name"], bytes.fromhex(entry["public"]))


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _are_facts(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and _FACT.fullmatch(name) and isinstance(text, str) and len(text) <= _FACT_LIMIT
        for name, text in value.items()
    )
