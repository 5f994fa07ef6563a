"""The cryptographic primitives of the product, and nothing but them.

Promise kept: every byte that is encrypted, authenticated or signed passes through this module, so that one
page can be reviewed and one test (tests/rules/test_primitives.py, Project Wycheproof's attack vectors) covers
all of it. The two programs that must run without the product (audit/verifier.py, backups/reader.py) carry
their own copy and are the only other places that import `cryptography`.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography import exceptions
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import hmac as hmac_of_library
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
SIGNATURE_BYTES = 64


class InvalidCiphertext(Exception):
    """The bytes are not what this key encrypted for this place."""


class InvalidSignature(Exception):
    """The signature was not made by this key over this message."""


class InvalidPublicKey(Exception):
    """No secret can be shared with this key."""


class StreamEnded(Exception):
    """Nothing follows the last chunk of a message."""


class WrongKeyLength(ValueError):
    """A key must be exactly 32 bytes long."""


class Aead:
    """AES-256-GCM under one key, with the key schedule kept for reuse."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        # AESGCM itself accepts 128 and 192 bits: a truncated key must not silently weaken the cipher.
        if len(key) != KEY_BYTES:
            raise WrongKeyLength(f"expected {KEY_BYTES} bytes, got {len(key)}")
        self._cipher = AESGCM(key)

    def encrypt(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return nonce (12 bytes), ciphertext and tag (16 bytes) of `plaintext`, bound to `aad`.

        The nonce is random: NIST SP 800-38D 8.3 allows 2^32 of them under one key.
        """
        # From the kernel each time: a buffer of randomness would be copied by fork() and repeat nonces.
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plaintext, aad)

    def encrypt_each(self, pairs: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Return what `encrypt` returns, of each (plaintext, aad)."""
        # Drawn in one call and used up in this one: no process can be forked from between the two.
        nonces, encrypt = os.urandom(NONCE_BYTES * len(pairs)), self._cipher.encrypt
        found, start = [], 0
        for plaintext, aad in pairs:
            nonce = nonces[start : start + NONCE_BYTES]
            start += NONCE_BYTES
            found.append(nonce + encrypt(nonce, plaintext, aad))
        return found

    def decrypt(self, data: bytes, aad: bytes, start: int = 0) -> bytes:
        """Return the plaintext of what `encrypt` made and stands in `data` from `start` on.

        Raises InvalidCiphertext when a bit of it or of `aad` differs, or another key made it.
        """
        text = start + NONCE_BYTES
        try:
            return self._cipher.decrypt(data[start:text], data[text:], aad)
        except (exceptions.InvalidTag, ValueError):  # ValueError: a nonce cut short
            raise InvalidCiphertext("authentication failed") from None

    def __repr__(self) -> str:
        return "<Aead>"

    def __reduce__(self) -> str:
        raise TypeError("a key does not leave its process")


class Expander:
    """HKDF-Expand of RFC 5869 with SHA-256 under one key, to 32 bytes, with the key schedule kept for reuse.

    Up to the length of one digest HKDF-Expand is a single HMAC over the info and a counter byte of 1.
    """

    __slots__ = ("_mac",)

    def __init__(self, key: bytes) -> None:
        self._mac = hmac_of_library.HMAC(key, hashes.SHA256())

    def expand(self, info: bytes) -> bytes:
        """Derive 32 bytes for the use named by `info`; equal to `hkdf_expand`, several times faster."""
        mac = self._mac.copy()
        mac.update(info + b"\x01")
        return mac.finalize()

    def cipher(self, info: bytes) -> Aead:
        """Return the cipher under the key that `expand` derives for `info`."""
        # `expand` written out: a list derives thousands.
        mac = self._mac.copy()
        mac.update(info + b"\x01")
        return Aead(mac.finalize())

    def __repr__(self) -> str:
        return "<Expander>"

    def __reduce__(self) -> str:
        raise TypeError("a key does not leave its process")


def aead_encrypt(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Encrypt once under `key` (32 bytes); see Aead.encrypt."""
    return Aead(key).encrypt(plaintext, aad)


def aead_decrypt(key: bytes, data: bytes, aad: bytes) -> bytes:
    """Decrypt once under `key` (32 bytes); see Aead.decrypt. Raises InvalidCiphertext."""
    return Aead(key).decrypt(data, aad)


def random_key() -> bytes:
    """Return 32 bytes from the kernel's generator."""
    return os.urandom(KEY_BYTES)


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 digest (32 bytes) of `data`."""
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return HMAC-SHA-256 (RFC 2104, 32 bytes) of `data` under `key`."""
    return hmac.digest(key, data, "sha256")


def hkdf_expand(key: bytes, info: bytes, length: int = KEY_BYTES) -> bytes:
    """Derive `length` bytes (at most 8160) from a uniformly random `key` for the use named by `info`.

    HKDF-Expand of RFC 5869 with SHA-256. Raises ValueError beyond 8160 bytes.
    """
    return HKDFExpand(algorithm=hashes.SHA256(), length=length, info=info).derive(key)


def constant_time_equal(left: bytes, right: bytes) -> bool:
    """Compare two byte strings in a time that does not tell where they differ."""
    return hmac.compare_digest(left, right)


def ed25519_generate() -> tuple[bytes, bytes]:
    """Return a new signing key as (private, public), 32 raw bytes each."""
    private = ed25519.Ed25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def ed25519_public(private: bytes) -> bytes:
    """Return the 32-byte public key that belongs to `private` (32 raw bytes)."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def ed25519_sign(private: bytes, message: bytes) -> bytes:
    """Sign `message` (RFC 8032); return 64 bytes."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(private).sign(message)


def ed25519_verify(public: bytes, signature: bytes, message: bytes) -> None:
    """Check a signature of RFC 8032. Raises InvalidSignature, also for a malformed key or signature."""
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (exceptions.InvalidSignature, ValueError):
        raise InvalidSignature("signature does not match") from None


def hkdf_extract(salt: bytes, material: bytes) -> bytes:
    """Return HKDF-Extract of RFC 5869 with SHA-256: a uniform key from a shared secret."""
    # RFC 5869 2.2: Extract is HMAC keyed by the salt, 32 zero bytes when there is none.
    return hmac_sha256(salt or bytes(KEY_BYTES), material)


def x25519_generate() -> tuple[bytes, bytes]:
    """Return a new key-agreement key as (private, public), 32 raw bytes each."""
    private = x25519.X25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def x25519_public(private: bytes) -> bytes:
    """Return the 32-byte public key that belongs to `private` (32 raw bytes)."""
    return x25519.X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def x25519_exchange(private: bytes, public: bytes) -> bytes:
    """Return the secret (32 bytes) that two keys share (RFC 7748). It is no key yet: extract one from it.

    Raises InvalidPublicKey for a malformed key and for a point of small order, with which everybody shares
    the same secret (RFC 7748 6.1).
    """
    try:
        theirs = x25519.X25519PublicKey.from_public_bytes(public)
        return x25519.X25519PrivateKey.from_private_bytes(private).exchange(theirs)
    except ValueError:
        raise InvalidPublicKey("no secret can be shared with this key") from None


class Stream:
    """One message in chunks: STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015) over AES-256-GCM.

    A chunk's nonce is its number (11 bytes) and a byte that is 1 for the last one, so that a chunk that was
    moved, repeated, left out or cut off does not decrypt. A key encrypts one message only: derive it anew.
    """

    __slots__ = ("_cipher", "_ended", "_number")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise WrongKeyLength(f"expected {KEY_BYTES} bytes, got {len(key)}")
        self._cipher, self._number, self._ended = AESGCM(key), 0, False

    def _nonce(self, last: bool) -> bytes:
        if self._ended:
            raise StreamEnded("the last chunk has passed")
        nonce = self._number.to_bytes(NONCE_BYTES - 1, "big") + bytes([last])
        self._number, self._ended = self._number + 1, last
        return nonce

    def encrypt(self, chunk: bytes, *, last: bool) -> bytes:
        """Return ciphertext and tag of the next chunk. Raises StreamEnded after the last one."""
        return self._cipher.encrypt(self._nonce(last), chunk, None)

    def decrypt(self, chunk: bytes, *, last: bool) -> bytes:
        """Return the plaintext of the next chunk. Raises InvalidCiphertext, or StreamEnded after the last."""
        try:
            return self._cipher.decrypt(self._nonce(last), chunk, None)
        except (exceptions.InvalidTag, ValueError):
            raise InvalidCiphertext("authentication failed") from None

    def __repr__(self) -> str:
        return "<Stream>"

    def __reduce__(self) -> str:
        raise TypeError("a key does not leave its process")
