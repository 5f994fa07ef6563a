"""Everything that can be done to a stored archive, and each of it refused by both readers."""

import io
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from backups import archive, reader
from backups.archive import headers
from core import canonical, primitives

AT = datetime(2026, 11, 25, 2, tzinfo=UTC)
KEY, PUBLIC = primitives.x25519_generate()
DRILL_KEY, DRILL_PUBLIC = primitives.x25519_generate()
SIGNER, STRANGER = (archive.Signer(primitives.ed25519_generate()[0]) for _ in range(2))
RECIPIENTS = [archive.Recipient("recovery", PUBLIC), archive.Recipient("drill", DRILL_PUBLIC)]
LARGE = os.urandom((3 << 20) + 100)


def made(content: bytes = b"content", signer: archive.Signer = SIGNER, **header: Any) -> bytes:
    sink = io.BytesIO()
    described = archive.Header(**{"kind": archive.Kind.FULL, "generation": 5, "created_at": AT, **header})
    archive.write(
        [content], sink, header=described, recipients=RECIPIENTS, signer=signer, finished=lambda: True
    )
    return sink.getvalue()


@dataclass(frozen=True)
class Parts:
    """An archive taken apart."""

    header: bytes
    signature: bytes
    chunks: tuple[bytes, ...]
    closing: bytes
    seal: bytes

    def joined(self) -> bytes:
        framed = len(self.header).to_bytes(4, "big") + self.header + self.signature
        closed = len(self.closing).to_bytes(4, "big") + self.closing + self.seal
        return headers.MAGIC + framed + b"".join(self.chunks) + b"E" + closed

    def but(self, **changed: Any) -> bytes:
        return Parts(
            **{name: changed.get(name, getattr(self, name)) for name in Parts.__dataclass_fields__}
        ).joined()


def apart(stored: bytes) -> Parts:
    end = 12 + int.from_bytes(stored[8:12], "big")
    at, chunks = end + 64, []
    while stored[at : at + 1] in (b"C", b"L"):
        length = 5 + int.from_bytes(stored[at + 1 : at + 5], "big")
        chunks.append(stored[at : at + length])
        at += length
    parts = Parts(stored[12:end], stored[end : end + 64], tuple(chunks), stored[at + 5 : -64], stored[-64:])
    assert parts.joined() == stored
    return parts


def outcomes(stored: bytes, key: bytes = KEY, **expected: Any) -> list[str]:
    """Say what each way of reading makes of these bytes: a refusal's name, or "accepted"."""
    trusted = {SIGNER.public}
    alone = {"newest_known": None, "archive": None, **expected}
    ways: list[Callable[[], object]] = [
        lambda: archive.verify(io.BytesIO(stored), trusted=trusted, **expected),
        lambda: archive.read(
            io.BytesIO(stored), io.BytesIO(), recipient_key=key, trusted=trusted, **expected
        ),
        lambda: reader.verify(io.BytesIO(stored), {SIGNER.public.hex()}, alone),
        lambda: reader.decrypt(
            io.BytesIO(stored),
            io.BytesIO(),
            X25519PrivateKey.from_private_bytes(key),
            {SIGNER.public.hex()},
            alone,
        ),
    ]
    found = []
    for way in ways:
        try:
            way()
            found.append("accepted")
        except (archive.ArchiveRefused, reader.Refused) as refusal:
            found.append(type(refusal).__name__)
    return found


def refused(stored: bytes, **expected: Any) -> None:
    found = outcomes(stored, **expected)
    assert "accepted" not in found, found


def test_the_untouched_one_is_accepted() -> None:
    assert outcomes(made()) == ["accepted"] * 4
    assert outcomes(made(LARGE), newest_known=5) == ["accepted"] * 4


def test_every_bit_counts(record_property: Callable[[str, object], None]) -> None:
    """Flip one bit of each byte of a small archive, and bits all over a large one."""
    small, large = made(), made(LARGE)
    flips = 0
    for at in range(len(small)):
        changed = bytearray(small)
        changed[at] ^= 1 << (at * 7 % 8)
        refused(bytes(changed))
        flips += 1
    parts = apart(large)
    start = large.index(parts.chunks[0])
    edges = [start, start + 1, start + 4, start + 5]
    for chunk in parts.chunks:
        edges += [edges[-4] + len(chunk) + offset for offset in (0, 1, 4, 5)]
    edges = [at for at in edges if at < len(large)]
    for at in [*edges, *(edge - 1 for edge in edges), *random.Random(7).sample(range(start, len(large)), 12)]:
        changed = bytearray(large)
        changed[at] ^= 0x10
        refused(bytes(changed))
        flips += 1
    record_property("flips", flips)


def test_every_cut_and_every_addition() -> None:
    small = made()
    for length in range(len(small)):
        refused(small[:length])
    large = made(LARGE)
    start = large.index(apart(large).chunks[0])
    for length in (start, start + 3, start + 5, start + 5 + (1 << 20), len(large) - 1, len(large) - 200):
        refused(large[:length])
    for more in (b"\0", b"E", small, large[start:]):
        refused(small + more)


def test_chunks_in_another_order() -> None:
    parts = apart(made(LARGE))
    first, second, third, last = parts.chunks
    for chunks in (
        (second, first, third, last),
        (first, third, second, last),
        (last, first, second, third),
        (first, second, third),
        (first, second, last),
        (second, third, last),
        (last,),
        (),
        (first, first, second, third, last),
        (first, second, third, last, last),
        (first, second, third, b"L" + third[1:], last),
        (first, second, b"L" + third[1:]),
        (first, second, third, b"C" + last[1:]),
    ):
        refused(parts.but(chunks=chunks))


def test_pieces_of_other_archives() -> None:
    """Same signer, same recipients: each piece is right, together they are not."""
    one, other = apart(made(LARGE)), apart(made(LARGE, generation=6))
    for changed in (
        {"chunks": other.chunks},
        {"chunks": (*one.chunks[:2], *other.chunks[2:])},
        {"closing": other.closing, "seal": other.seal},
        {"header": other.header, "signature": other.signature},
        {"header": other.header, "signature": other.signature, "closing": other.closing, "seal": other.seal},
        {"chunks": other.chunks, "closing": other.closing, "seal": other.seal},
        {"signature": other.signature},
        {"seal": other.seal},
    ):
        refused(one.but(**changed))


def test_unsigned_foreign_and_unknown_headers() -> None:
    parts = apart(made())
    document = json.loads(parts.header)
    refused(parts.but(signature=bytes(64)))
    refused(parts.but(seal=bytes(64)))
    assert outcomes(made(signer=STRANGER))[:2] == ["SignerUnknown", "SignerUnknown"]
    refused(made(signer=STRANGER))
    # Signed by a stranger who writes the known signer's name, and the other way round.
    by_stranger = primitives.ed25519_sign(STRANGER.private, headers.HEADER_DOMAIN + parts.header)
    refused(parts.but(signature=by_stranger))
    mixed = apart(made(signer=STRANGER))
    refused(parts.but(closing=mixed.closing, seal=mixed.seal))
    # A closing's signature says nothing about a header.
    crossed = primitives.ed25519_sign(SIGNER.private, headers.CLOSING_DOMAIN + parts.header)
    refused(parts.but(signature=crossed))

    def resigned(header: bytes) -> bytes:
        return parts.but(
            header=header, signature=primitives.ed25519_sign(SIGNER.private, headers.HEADER_DOMAIN + header)
        )

    # Older and newer versions, and descriptions with a second reading, even from the right signer.
    for changed in (
        {**document, "format": "strongbox.backup.v0"},
        {**document, "format": "strongbox.backup.v2"},
        {**document, "cipher": "aes-256-cbc"},
        {**document, "compression": "none"},
        {**document, "chunk": 1 << 30},
        {**document, "more": 1},
        {name: value for name, value in document.items() if name != "generation"},
        {**document, "generation": "5"},
        {**document, "generation": True},
    ):
        refused(resigned(canonical.dumps(changed)))
    refused(resigned(json.dumps(document).encode()))
    refused(resigned(parts.header[:-1] + b',"archive":"x"}'))
    refused(resigned(b"[]"))
    refused(resigned(b"{" * 60_000))
    refused(b"SBXBAK\0\0" + made()[8:])


def test_recipients_cannot_be_added_removed_or_exchanged() -> None:
    parts = apart(made())
    document = json.loads(parts.header)
    recovery, drill = document["recipients"]
    stranger = {**recovery, "public": primitives.x25519_generate()[1].hex(), "name": "stranger"}
    for recipients in ([recovery], [drill, recovery], [recovery, drill, stranger], [stranger], []):
        refused(parts.but(header=canonical.dumps({**document, "recipients": recipients})))


def test_an_older_one_in_the_newer_ones_place() -> None:
    old, new = made(generation=4, archive="old"), made(generation=9, archive="new")
    assert outcomes(new, newest_known=9, archive="new") == ["accepted"] * 4
    assert outcomes(old, newest_known=4) == ["accepted"] * 4
    assert outcomes(old, newest_known=9) == ["OlderThanKnown", "OlderThanKnown", "Refused", "Refused"]
    assert outcomes(new, archive="old") == ["AnotherArchive", "AnotherArchive", "Refused", "Refused"]


def test_who_can_open_cannot_write() -> None:
    """The holder of the drill key knows the file key, and encrypts another content under the signed header."""
    stored = made(b"the books as they are", generation=5)
    parts = apart(stored)
    key = headers.unwrap(parts.header, DRILL_KEY)
    forged = io.BytesIO()
    forger = made(b"the books as a thief wants them", generation=5)
    inner = apart(forger)
    opened = primitives.Stream(headers.unwrap(inner.header, DRILL_KEY)).decrypt(
        inner.chunks[0][5:], last=True
    )
    body = primitives.Stream(key).encrypt(opened, last=True)
    chunk = b"L" + len(body).to_bytes(4, "big") + body
    # The content opens: only the closing tells.
    assert primitives.Stream(key).decrypt(body, last=True) == opened
    whole = parts.but(chunks=(chunk,))
    with pytest.raises(archive.SignatureWrong):
        archive.read(io.BytesIO(whole), forged, recipient_key=KEY, trusted={SIGNER.public})
    refused(whole)
    refused(parts.but(chunks=(chunk,), closing=inner.closing, seal=inner.seal))


def test_only_recipients_open() -> None:
    stranger = primitives.x25519_generate()[0]
    assert outcomes(made(), key=stranger) == ["accepted", "NotForThisKey", "accepted", "Refused"]


# What does not end well, and what nobody may open.


def test_a_producer_that_failed_leaves_no_archive() -> None:
    for content in (b"", b"half of it", LARGE):
        sink = io.BytesIO()
        with pytest.raises(archive.ProducerFailed):
            archive.write(
                [content],
                sink,
                header=archive.Header(archive.Kind.FULL, 1, AT),
                recipients=RECIPIENTS,
                signer=SIGNER,
                finished=lambda: False,
            )
        refused(sink.getvalue())

    def broken() -> Any:
        yield LARGE
        raise OSError("the connection broke")

    sink = io.BytesIO()
    with pytest.raises(OSError, match="connection"):
        archive.write(
            broken(),
            sink,
            header=archive.Header(archive.Kind.FULL, 1, AT),
            recipients=RECIPIENTS,
            signer=SIGNER,
            finished=lambda: True,
        )
    refused(sink.getvalue())


@pytest.mark.parametrize(
    ("recipients", "header"),
    [
        ([], {}),
        ([RECIPIENTS[0], RECIPIENTS[0]], {}),
        (RECIPIENTS, {"generation": 0}),
        (RECIPIENTS, {"parent_sha256": "zz"}),
        (RECIPIENTS, {"manifest_sha256": "AB" * 32}),
        (RECIPIENTS, {"facts": {"Name": "x"}}),
        (RECIPIENTS, {"facts": {"name": "x" * 1001}}),
        (RECIPIENTS, {"archive": ""}),
        (RECIPIENTS * 1 + [archive.Recipient("x" * 70_000, STRANGER.public)], {}),
    ],
)
def test_what_could_not_be_read_is_not_written(recipients: Any, header: dict[str, Any]) -> None:
    sink = io.BytesIO()
    described = archive.Header(**{"kind": archive.Kind.FULL, "generation": 1, "created_at": AT, **header})
    with pytest.raises(archive.HeaderRefused):
        archive.write([], sink, header=described, recipients=recipients, signer=SIGNER, finished=lambda: True)
    assert sink.getvalue() == b""


def test_no_canary_in_the_stored_bytes() -> None:
    canary = "Canary-7c1f Frau Zeisig, IBAN DE02120300000000202051"
    content = (canary.encode() + b"\n") * 1000 + LARGE + canary.encode("utf-16-le")
    stored = made(content)
    for needle in (canary, canary[:12], "Zeisig", "DE0212030000"):
        for spelled in (needle.encode(), needle.encode("utf-16-le"), needle.encode().hex().encode()):
            assert spelled not in stored
    for window in range(0, len(LARGE), len(LARGE) // 50):
        assert LARGE[window : window + 16] not in stored


def test_the_keys_are_not_printed() -> None:
    assert repr(SIGNER) == "<Signer>"
    sealed = headers.seal(archive.Header(archive.Kind.FULL, 1, AT), recipients=RECIPIENTS, signer=SIGNER)
    assert sealed.content_key.hex() not in repr(sealed)
    assert str(sealed.content_key) not in repr(sealed)
