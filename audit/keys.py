"""The sealing key: where its halves lie, and who may have them.

The private half is a file of the sealer's process alone. The public halves are a file outside the database,
one key a line in hexadecimal, so that whoever rewrites the database cannot also choose the key it is checked
with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from audit import rules
from core import primitives


class SealingKeyMissing(RuntimeError):
    """The sealer needs its private key: set STRONGBOX_AUDIT_PRIVATE_KEY_FILE."""


class PublicKeyMissing(RuntimeError):
    """Checking the trail needs the public key: set STRONGBOX_AUDIT_PUBLIC_KEY_FILE."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The sealer's own key pair."""

    private: bytes
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Return the key's short name."""
        return rules.key_id(self.public)

    def sign(self, domain: bytes, message: bytes) -> bytes:
        """Sign a message of one domain; a signature for one purpose is worthless for another."""
        return primitives.ed25519_sign(self.private, domain + message)

    def __repr__(self) -> str:
        return f"<SigningKey {self.key_id.hex()}>"


def signing_key() -> SigningKey:
    """Read the private key.

    Raises:
        SealingKeyMissing: this process has none.
    """
    path: Path | None = settings.AUDIT_PRIVATE_KEY_FILE
    if path is None or not path.exists():
        raise SealingKeyMissing
    private = bytes.fromhex(path.read_text().strip())
    return SigningKey(private, primitives.ed25519_public(private))


def public_keys() -> Mapping[bytes, bytes]:
    """Return the trusted public keys by their short names; the last line is the one in use.

    Raises:
        PublicKeyMissing: none is configured.
    """
    path: Path | None = settings.AUDIT_PUBLIC_KEY_FILE
    if path is None or not path.exists():
        raise PublicKeyMissing
    keys = [bytes.fromhex(line) for line in path.read_text().split()]
    return {rules.key_id(public): public for public in keys}
