"""The format as documented: every value of the vectors is computed here by hand, then by both readers."""

import hashlib
import hmac
import io
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backups import archive, reader
from core import primitives

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data" / "backups" / "vectors.json").read_text()
)
TRUSTED = bytes.fromhex(VECTORS["signing_public"])
CASES = pytest.mark.parametrize("case", VECTORS["archives"], ids=lambda case: case["name"])


@CASES
@pytest.mark.parametrize("who", ["recovery", "drill"])
def test_by_hand(case: dict[str, Any], who: str) -> None:
    stored = bytes.fromhex(case["archive"])
    assert hashlib.sha256(stored).hexdigest() == case["sha256"]
    assert stored[:8] == b"SBXBAK\0\1"
    end = 12 + int.from_bytes(stored[8:12], "big")
    header, signature = stored[12:end], stored[end : end + 64]
    signing = Ed25519PublicKey.from_public_bytes(TRUSTED)
    signing.verify(signature, b"strongbox.backup.header.v1\0" + header)
    entry = next(entry for entry in json.loads(header)["recipients"] if entry["name"] == who)
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(VECTORS[f"{who}_private"]))
    public, ephemeral = private.public_key().public_bytes_raw(), bytes.fromhex(entry["ephemeral"])
    assert public.hex() == entry["public"] == VECTORS[f"{who}_public"]
    shared = private.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    assert shared.hex() == case["steps"][who]["shared"]
    info = b"strongbox.backup.wrap.v1\0"
    extracted = hmac.digest(ephemeral + public, shared, "sha256")
    wrapping = hmac.digest(extracted, info + b"\1", "sha256")
    assert wrapping.hex() == case["steps"][who]["wrapping_key"]
    wrapped = bytes.fromhex(entry["wrapped"])
    place = info + json.loads(header)["archive"].encode()
    file_key = AESGCM(wrapping).decrypt(wrapped[:12], wrapped[12:], place)
    assert file_key.hex() == case["file_key"]
    bound = b"strongbox.backup.content.v1\0" + hashlib.sha256(header).digest()
    content_key = hmac.digest(file_key, bound + b"\1", "sha256")
    assert content_key.hex() == case["content_key"]
    chunks = end + 64
    length = int.from_bytes(stored[chunks + 1 : chunks + 5], "big")
    body = stored[chunks + 5 : chunks + 5 + length]
    assert stored[chunks : chunks + 1] == b"L"
    packed = AESGCM(content_key).decrypt(bytes(11) + b"\1", body, None)
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed).hex() == case["content"]
    tail = stored[chunks + 5 + length :]
    assert tail[:1] == b"E"
    closing = tail[5:-64]
    assert int.from_bytes(tail[1:5], "big") == len(closing)
    signing.verify(tail[-64:], b"strongbox.backup.closing.v1\0" + closing)
    assert json.loads(closing) == {
        "archive": json.loads(header)["archive"],
        "chunks": 1,
        "content_bytes": len(case["content"]) // 2,
        "stored_bytes": len(stored) - len(tail),
        "stored_sha256": hashlib.sha256(stored[: -len(tail)]).hexdigest(),
        "facts": {"ended": "well"},
    }


@CASES
@pytest.mark.parametrize("who", ["recovery", "drill"])
def test_by_both_readers(case: dict[str, Any], who: str) -> None:
    stored, key = bytes.fromhex(case["archive"]), bytes.fromhex(VECTORS[f"{who}_private"])
    ours, theirs = io.BytesIO(), io.BytesIO()
    header = archive.read(io.BytesIO(stored), ours, recipient_key=key, trusted={TRUSTED})
    private = X25519PrivateKey.from_private_bytes(key)
    alone = reader.decrypt(io.BytesIO(stored), theirs, private, {TRUSTED.hex()})
    assert ours.getvalue() == theirs.getvalue() == bytes.fromhex(case["content"])
    assert alone.sha256 == case["sha256"]
    assert alone.header["archive"] == header.archive
    assert header.closing is not None
    assert alone.closing["chunks"] == header.closing.chunks


def test_the_vectors_form_a_chain() -> None:
    _, full, incremental = VECTORS["archives"]
    header = archive.verify(io.BytesIO(bytes.fromhex(incremental["archive"])), trusted={TRUSTED})
    assert header.parent_sha256 == full["sha256"]
    assert header.parent == "01a1b2c3-0000-7000-8000-000000000002"


@pytest.mark.parametrize("case", VECTORS["streams"], ids=lambda case: str(len(case["chunks"])))
def test_streams(case: dict[str, Any]) -> None:
    key = bytes.fromhex(VECTORS["stream_key"])
    there, back = primitives.Stream(key), primitives.Stream(key)
    for at, (chunk, encrypted) in enumerate(zip(case["chunks"], case["encrypted"], strict=True)):
        last = at == len(case["chunks"]) - 1
        assert there.encrypt(bytes.fromhex(chunk), last=last).hex() == encrypted
        nonce = at.to_bytes(11, "big") + bytes([last])
        assert AESGCM(key).encrypt(nonce, bytes.fromhex(chunk), None).hex() == encrypted
        assert back.decrypt(bytes.fromhex(encrypted), last=last).hex() == chunk
    for stream in (there, back):
        with pytest.raises(primitives.StreamEnded):
            stream.encrypt(b"more", last=True)
        with pytest.raises(primitives.StreamEnded):
            stream.decrypt(bytes(16), last=True)


def test_a_stream_refuses_every_other_order() -> None:
    key = primitives.random_key()
    writer = primitives.Stream(key)
    first, second, third = (writer.encrypt(text, last=text == b"3") for text in (b"1", b"2", b"3"))
    for wrong in (
        [(second, False)],
        [(third, True)],
        [(first, True)],
        [(first, False), (first, False)],
        [(first, False), (third, True)],
        [(first, False), (second, True)],
        [(first, False), (second, False), (third, False)],
        [(first[:15], False)],
    ):
        stream = primitives.Stream(key)
        *good, (chunk, last) = wrong
        for passed, flag in good:
            stream.decrypt(passed, last=flag)
        with pytest.raises(primitives.InvalidCiphertext):
            stream.decrypt(chunk, last=last)
    with pytest.raises(primitives.WrongKeyLength):
        primitives.Stream(b"short")
    assert repr(writer) == "<Stream>"
    with pytest.raises(TypeError):
        writer.__reduce__()


def test_x25519_of_rfc_7748() -> None:
    """Section 6.1, the second vector of 5.2, and the thousandth iteration of 5.2."""
    bob = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    bob_public = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    assert primitives.x25519_public(bob).hex() == bob_public
    # Alice's public key of the same section.
    alice_public = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert primitives.x25519_exchange(bob, alice_public).hex() == shared
    found = primitives.x25519_exchange(
        bytes.fromhex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
        bytes.fromhex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"),
    )
    assert found.hex() == "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"
    k = u = b"\x09" + bytes(31)
    seen = {}
    for number in range(1, 1001):
        k, u = primitives.x25519_exchange(k, u), k
        seen[number] = k.hex()
    assert seen[1] == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert seen[1000] == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def test_x25519_refuses_points_with_which_everybody_shares_a_secret() -> None:
    private, public = primitives.x25519_generate()
    prime = 2**255 - 19
    small = [0, 1, prime - 1, prime, prime + 1]
    points = [number.to_bytes(32, "little") for number in small] + [
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ]
    for point in [*points, b"", public[:31]]:
        with pytest.raises(primitives.InvalidPublicKey):
            primitives.x25519_exchange(private, point)
    assert primitives.x25519_public(private) == public
