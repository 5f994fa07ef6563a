"""Secrets that people and machines carry: how they are minted, read and compared.

Promise kept: the database holds keyed digests only, so a stolen table opens nothing; every secret that
belongs to an organization names it in clear, so that its row is looked up under row-level security and a
secret of one organization is worthless in another.

    sbk_live_<organization>_<secret><checksum>     API key; the checksum lets scanners recognise one without
    asking us <organization><secret>                         a link: invitation, pay link, hook <secret>
    session, recovery link
"""

import base64
import secrets
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from uuid import UUID

from django.conf import settings

from core import ids, primitives
from core.errors import NotFound

Purpose = Literal[
    "alert_question",
    "api_key",
    "device",
    "hook",
    "invitation",
    "pay_link",
    "pay_link_secret",
    "practice",
    "recovery_code",
    "recovery_token",
    "session",
    "throttle",
    "training_certificate",
    "training_certificate_secret",
]

_SECRET_BYTES = 20  # 160 bits
_SECRET_LETTERS = 32
_CHECKSUM_LETTERS = 7
_TENANT_LETTERS = 26
_LAST = 4


class MalformedSecret(NotFound):
    """This is not one of our keys or links."""


@dataclass(frozen=True, slots=True)
class ReadKey:
    """What the text of an API key says in clear."""

    mode: str
    tenant: UUID


def digest(purpose: Purpose, text: str) -> bytes:
    """Return the keyed digest (32 bytes) under which a secret is stored and found."""
    return primitives.hmac_sha256(_digest_key(settings.PEPPER, purpose), text.encode())


@lru_cache
def _digest_key(pepper: bytes, purpose: Purpose) -> bytes:
    return primitives.hkdf_expand(pepper, b"strongbox/accounts/token/1/" + purpose.encode())


def new_secret() -> str:
    """Return 160 fresh random bits as 32 lower-case letters and digits."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().lower()


def mint_api_key(*, tenant: UUID, mode: str) -> str:
    """Make the text of a new API key."""
    body = f"sbk_{mode}_{ids.base32(tenant)}_{new_secret()}"
    return body + _checksum(body)


def read_api_key(raw: str) -> ReadKey:
    """Read mode and organization from a key's text, without asking the database.

    Raises:
        MalformedSecret: cut short, mistyped or no key of ours.
    """
    parts = raw.split("_")
    if len(parts) != 4 or parts[0] != "sbk" or parts[1] not in ("live", "test") or not raw.isascii():
        raise MalformedSecret
    if len(parts[3]) != _SECRET_LETTERS + _CHECKSUM_LETTERS:
        raise MalformedSecret
    body, checksum = raw[:-_CHECKSUM_LETTERS], raw[-_CHECKSUM_LETTERS:]
    if not primitives.constant_time_equal(checksum.encode(), _checksum(body).encode()):
        raise MalformedSecret
    return ReadKey(parts[1], _tenant(parts[2]))


def last_four(raw: str) -> str:
    """Return the last four letters of a key's secret, by which people tell keys apart."""
    return raw[-_CHECKSUM_LETTERS - _LAST : -_CHECKSUM_LETTERS]


def mint_link(*, tenant: UUID) -> str:
    """Make the secret of a link: an invitation, a pay link, the address of a gateway's hook."""
    return ids.base32(tenant) + new_secret()


def link_of(purpose: Purpose, *, tenant: UUID, row: UUID) -> str:
    """Make the secret of a link that can be written once more from its row, with the installation's pepper.

    For what a person asks to see again, such as the pay link of an invoice: the row alone opens nothing.
    """
    secret = digest(purpose, row.hex)[:_SECRET_BYTES]
    return ids.base32(tenant) + base64.b32encode(secret).decode().lower()


def tenant_of_link(raw: str) -> UUID:
    """Read which organization a link names.

    Raises:
        MalformedSecret: it is no link of ours.
    """
    if len(raw) != _TENANT_LETTERS + _SECRET_LETTERS or not raw.isascii():
        raise MalformedSecret
    return _tenant(raw[:_TENANT_LETTERS])


def new_recovery_code() -> str:
    """Return a one-time code of 120 random bits in six groups of four, easy to copy by hand."""
    text = base64.b32encode(secrets.token_bytes(15)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, 24, 4))


def normalize_recovery_code(typed: str) -> str:
    """Return a typed code without the blanks and dashes people add."""
    return "".join(letter for letter in typed.casefold() if letter.isalnum())


def _tenant(text: str) -> UUID:
    try:
        return ids.from_base32(text)
    except NotFound:
        raise MalformedSecret from None


def _checksum(body: str) -> str:
    return base64.b32encode(zlib.crc32(body.encode()).to_bytes(4, "big")).decode().lower()[:_CHECKSUM_LETTERS]
