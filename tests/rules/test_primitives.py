"""Every vector of Project Wycheproof runs through core.primitives, and the numbers that ran are exact."""

import collections
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from core import canonical, primitives

VECTORS = Path(__file__).parents[1] / "data" / "wycheproof"


def vectors(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    suite = json.loads((VECTORS / f"{name}_test.json").read_text())
    cases = [(group, test) for group in suite["testGroups"] for test in group["tests"]]
    assert len(cases) == suite["numberOfTests"]
    return cases


def raw(case: dict[str, Any], *names: str) -> list[bytes]:
    return [bytes.fromhex(case[name]) for name in names]


def opens(key: bytes, data: bytes, aad: bytes) -> bytes | None:
    try:
        return primitives.aead_decrypt(key, data, aad)
    except primitives.InvalidCiphertext:
        return None


def test_aes_gcm_vectors() -> None:
    seen: collections.Counter[str] = collections.Counter()
    for group, case in vectors("aes_gcm"):
        key, nonce, aad, message, ciphertext, tag = raw(case, "key", "iv", "aad", "msg", "ct", "tag")
        if group["keySize"] != 256:
            with pytest.raises(primitives.WrongKeyLength):
                primitives.Aead(key)
            seen["other key length refused"] += 1
        elif group["ivSize"] != 96:
            # The nonce has a fixed place and length: one of another length is read as part of something else.
            assert opens(key, nonce + ciphertext + tag, aad) is None, case["tcId"]
            seen["other nonce length refused"] += 1
        elif case["result"] == "valid":
            assert opens(key, nonce + ciphertext + tag, aad) == message, case["tcId"]
            ours = primitives.aead_encrypt(key, message, aad)
            assert len(ours) == 12 + len(message) + 16
            assert opens(key, ours, aad) == message, case["tcId"]
            seen["valid"] += 1
        else:
            assert opens(key, nonce + ciphertext + tag, aad) is None, case["tcId"]
            seen["invalid refused"] += 1
    assert seen == {
        "valid": 39,
        "invalid refused": 27,
        "other nonce length refused": 39,
        "other key length refused": 211,
    }


def test_hmac_sha256_vectors() -> None:
    seen: collections.Counter[str] = collections.Counter()
    for group, case in vectors("hmac_sha256"):
        key, message, tag = raw(case, "key", "msg", "tag")
        ours = primitives.hmac_sha256(key, message)[: group["tagSize"] // 8]
        assert primitives.constant_time_equal(ours, tag) is (case["result"] == "valid"), case["tcId"]
        seen[case["result"]] += 1
    assert seen == {"valid": 66, "invalid": 108}


def test_hkdf_sha256_vectors() -> None:
    seen: collections.Counter[str] = collections.Counter()
    for _, case in vectors("hkdf_sha256"):
        material, salt, info, expected = raw(case, "ikm", "salt", "info", "okm")
        # RFC 5869 2.2: Extract is HMAC keyed by the salt, 32 zero bytes when there is none.
        key = primitives.hmac_sha256(salt or bytes(32), material)
        if case["result"] == "valid":
            assert primitives.hkdf_expand(key, info, case["size"]) == expected, case["tcId"]
            if case["size"] <= primitives.KEY_BYTES:
                short = primitives.Expander(key).expand(info)
                assert short[: case["size"]] == expected, case["tcId"]
        else:
            with pytest.raises(ValueError):
                primitives.hkdf_expand(key, info, case["size"])
        seen[case["result"]] += 1
    assert seen == {"valid": 83, "invalid": 3}


def test_an_expander_derives_what_hkdf_does_again_and_again() -> None:
    expander = primitives.Expander(b"k" * 32)
    for info in (b"", b"subject" + b"s" * 32, b"x" * 200, b""):
        derived = primitives.hkdf_expand(b"k" * 32, info)
        assert expander.expand(info) == derived
        sealed = primitives.aead_encrypt(derived, b"text", b"place")
        assert expander.cipher(info).decrypt(sealed, b"place") == b"text"
    assert repr(expander) == "<Expander>"
    with pytest.raises(TypeError):
        pickle.dumps(expander)


def test_ed25519_vectors() -> None:
    seen: collections.Counter[str] = collections.Counter()
    for group, case in vectors("ed25519"):
        public = bytes.fromhex(group["publicKey"]["pk"])
        message, signature = raw(case, "msg", "sig")
        if case["result"] == "valid":
            primitives.ed25519_verify(public, signature, message)
        else:
            with pytest.raises(primitives.InvalidSignature):
                primitives.ed25519_verify(public, signature, message)
        seen[case["result"]] += 1
    assert seen == {"valid": 88, "invalid": 63}


def test_ed25519_signs_what_it_verifies() -> None:
    private, public = primitives.ed25519_generate()
    assert primitives.ed25519_public(private) == public
    signature = primitives.ed25519_sign(private, b"message")
    assert len(signature) == primitives.SIGNATURE_BYTES
    primitives.ed25519_verify(public, signature, b"message")
    with pytest.raises(primitives.InvalidSignature):
        primitives.ed25519_verify(public, signature, b"massage")
    with pytest.raises(primitives.InvalidSignature):
        primitives.ed25519_verify(public[:31], signature, b"message")


def test_equal_plaintexts_have_different_ciphertexts() -> None:
    aead = primitives.Aead(primitives.random_key())
    assert len({aead.encrypt(b"same", b"place") for _ in range(1000)}) == 1000


def test_every_truncation_is_refused() -> None:
    aead = primitives.Aead(primitives.random_key())
    data = aead.encrypt(b"value", b"place")
    for length in range(len(data)):
        with pytest.raises(primitives.InvalidCiphertext):
            aead.decrypt(data[:length], b"place")


def test_a_key_is_neither_shown_nor_pickled() -> None:
    aead = primitives.Aead(bytes(32))
    assert repr(aead) == "<Aead>"
    with pytest.raises(TypeError):
        pickle.dumps(aead)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b"null"),
        ({"b": [1, True], "a": None}, b'{"a":null,"b":[1,true]}'),
        ({"é": "ü/<"}, '{"é":"ü/<"}'.encode()),
        ("\n\x00\u2028", '"\\n\\u0000\u2028"'.encode()),
        (10**30, b"1" + b"0" * 30),
        ({}, b"{}"),
    ],
)
def test_canonical_json(value: canonical.Value, expected: bytes) -> None:
    assert canonical.dumps(value) == expected
    assert json.loads(canonical.dumps(value)) == value


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), b"x", (1,), {1: 2}, {"a": {"b": 0.5}}, [object()], "\ud800", {"\udfff": 1}]
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.dumps(value)
