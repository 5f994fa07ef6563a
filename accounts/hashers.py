"""How passwords are stored: argon2id over a keyed digest.

Promise kept: a stolen table alone cannot be attacked by guessing. The password is first run through
HMAC-SHA-256 under a pepper that stands outside the database (NIST SP 800-63B-4), then through argon2id with
46 MiB, one pass and one lane: the OWASP floor, and small enough that a flood of sign-ins does not empty the
machine's memory.
"""

import base64

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

from core import primitives


class PepperedArgon2Hasher(Argon2PasswordHasher):
    """argon2id (46 MiB, t=1, p=1) over HMAC-SHA-256 under the installation's pepper."""

    # Not "argon2": a hash made without the pepper must not be taken for one of ours.
    algorithm = "argon2id_pepper"
    time_cost = 1
    memory_cost = 46 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Return the stored form of a password."""
        return str(super().encode(_peppered(password), salt))

    def verify(self, password: str, encoded: str) -> bool:
        """Say whether `password` is the one stored."""
        return bool(super().verify(_peppered(password), encoded))


def _peppered(password: str) -> str:
    key = primitives.hkdf_expand(settings.PEPPER, b"strongbox/accounts/password/1")
    return base64.b64encode(primitives.hmac_sha256(key, password.encode())).decode()
