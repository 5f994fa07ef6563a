"""Proving that a message comes from Stripe, over its raw bytes, and reading which object it is about.

Promise kept (bad, old, replayed and foreign messages change nothing): the signature is compared in constant time with
every secret that is live and every signature that was sent; a time more than five minutes past or ahead is refused
(Stripe's own library bounds the past only); of the message itself nothing but names is read.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from core import primitives
from payments.gateways.base import HookEvent, HookObject, HookRefused

TOLERANCE = timedelta(seconds=300)
_MOST_SIGNATURES = 8
_NAME = re.compile(r"[A-Za-z0-9_.]{1,80}\Z", re.ASCII)
_TYPE = re.compile(r"[a-z_.]{1,64}\Z", re.ASCII)
_TIME = re.compile(r"\d{1,11}\Z", re.ASCII)
_KINDS: Mapping[str, HookObject] = {
    "checkout.session": HookObject.CHECKOUT,
    "payment_intent": HookObject.PAYMENT,
    "refund": HookObject.REFUND,
    "dispute": HookObject.DISPUTE,
    "payment_method": HookObject.METHOD,
}


def verify(*, body: bytes, signature: str, secrets: Sequence[str], at: datetime) -> None:
    """Check the Stripe-Signature header: `t=…,v1=…`, with any number of v1.

    Raises:
        HookRefused: malformed, of another time, or made with no secret of ours.
    """
    times: list[str] = []
    sent: list[bytes] = []
    for part in signature.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t":
            times.append(value)
        elif name == "v1":
            sent.append(value.encode())
    if len(times) != 1 or not _TIME.match(times[0]) or not 0 < len(sent) <= _MOST_SIGNATURES:
        raise HookRefused("malformed_signature")
    good = False
    for secret in secrets:
        expected = primitives.hmac_sha256(secret.encode(), times[0].encode() + b"." + body).hex().encode()
        for one in sent:
            good |= primitives.constant_time_equal(expected, one)
    if not good:
        raise HookRefused("wrong_signature")
    age = at - datetime.fromtimestamp(int(times[0]), UTC)
    if age > TOLERANCE:
        raise HookRefused("too_old")
    if age < -TOLERANCE:
        raise HookRefused("from_the_future")


def read(body: bytes) -> HookEvent:
    """Read what a verified message is about.

    Raises:
        HookRefused: it is not an event that we can read.
    """
    try:
        event = json.loads(body)
        found = event["data"]["object"]
        metadata = found.get("metadata") or {}
        names = (event["id"], found.get("id") or "none", metadata.get("attempt") or "none")
        readable = all(_is_name(name) for name in names) and _TYPE.match(event["type"])
        if event["object"] != "event" or not readable:
            raise HookRefused("unreadable")
        return HookEvent(
            id=event["id"],
            type=event["type"],
            created_at=datetime.fromtimestamp(int(event["created"]), UTC),
            livemode=event["livemode"] is True,
            object_kind=_KINDS.get(found.get("object"), HookObject.OTHER),
            object_reference=found.get("id") or "",
            attempt=metadata.get("attempt") or "",
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, OSError):
        raise HookRefused("unreadable") from None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and _NAME.match(value) is not None
