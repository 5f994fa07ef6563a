"""Signing what is told, as Standard Webhooks 1.0 says, so that its packages in every language verify it.

Promise kept: whoever receives an event can tell that it is ours, whole, and not an old one sent again. Pure.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core import primitives

PREFIX = "whsec_"
_VERSION = "v1,"
TOLERANCE = timedelta(minutes=5)


class Verdict(StrEnum):
    """What the tester finds, best first."""

    VALID = "valid"
    TOO_OLD = "too_old"
    TOO_NEW = "too_new"
    NO_TIME = "no_time"
    NO_SIGNATURE = "no_signature"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a receiver has in hand: three headers and the body."""

    id: str
    timestamp: str
    signature: str
    body: bytes


def new_secret() -> str:
    """Make a secret: 256 random bits behind the prefix that scanners know."""
    return PREFIX + base64.b64encode(primitives.random_key()).decode()


def sign(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature: `v1,` and the base64 of HMAC-SHA-256 over id, timestamp and body."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return _VERSION + base64.b64encode(primitives.hmac_sha256(_key(secret), signed)).decode()


def headers(secrets: Sequence[str], *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of one attempt: one signature for each live secret, separated by spaces."""
    timestamp = int(at.timestamp())
    signatures = [sign(secret, message_id=message_id, timestamp=timestamp, body=body) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Strongbox-Webhooks/1.0",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def verify(secrets: Sequence[str], message: Message, *, at: datetime) -> Verdict:
    """Say whether a receiver would take this message at this moment, or why not."""
    if not message.timestamp.isascii() or not message.timestamp.isdigit() or len(message.timestamp) > 12:
        return Verdict.NO_TIME
    given = [part for part in message.signature.split() if part.startswith(_VERSION)]
    if not given:
        return Verdict.NO_SIGNATURE
    timestamp = int(message.timestamp)
    expected = [
        sign(secret, message_id=message.id, timestamp=timestamp, body=message.body) for secret in secrets
    ]
    if not any(
        primitives.constant_time_equal(one.encode(), other.encode()) for one in given for other in expected
    ):
        return Verdict.OTHER
    age = at.timestamp() - timestamp
    if age > TOLERANCE.total_seconds():
        return Verdict.TOO_OLD
    return Verdict.TOO_NEW if age < -TOLERANCE.total_seconds() else Verdict.VALID


def body(
    *, event_id: str, type: str, created_at: str, livemode: bool, api_version: str, data: Mapping[str, Any]
) -> bytes:
    """Write an event as it is sent: the same bytes at each attempt."""
    whole = {
        "id": event_id,
        "type": type,
        "created_at": created_at,
        "livemode": livemode,
        "api_version": api_version,
        "data": data,
    }
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("this is no secret of a webhook") from None
