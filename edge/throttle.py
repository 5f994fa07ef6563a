"""Limits per key and per network: one atomic script in Valkey, and no answer means no entry (ASVS 2.4.1)."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import caches
from redis.exceptions import RedisError

from core.errors import TooMany, Unavailable

# A bucket refills steadily; DRF's own throttle reads, then writes, and so lets racing requests through.
_BUCKET = """
local now = redis.call('TIME'); local at = tonumber(now[1]) + tonumber(now[2]) / 1e6
local size, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local state = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = math.min(size, (tonumber(state[1]) or size) + (at - (tonumber(state[2]) or at)) * rate)
local wait = 0
if left >= 1 then left = left - 1 else wait = math.ceil((1 - left) / rate) end
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', tostring(at))
redis.call('EXPIRE', KEYS[1], math.ceil(size / rate) + 1)
return {wait, math.floor(left)}
"""


class LimitReached(TooMany):
    """Too many requests. Wait and try again."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many at once, and how many a second after that."""

    size: int
    per_second: float


def of_api_key() -> Limit:
    """Return the limit of one API key: a steady rate (STRONGBOX_API_PER_SECOND), and five seconds of it at once."""
    return Limit(size=settings.API_PER_SECOND * 5, per_second=settings.API_PER_SECOND)


# A key is 256 random bits: this bounds the noise a stranger makes, not the guessing.
API_STRANGER = Limit(size=300, per_second=5)


def take(*, name: str, limit: Limit) -> int:
    """Take one from a bucket and return how many are left.

    Raises:
        LimitReached: it is empty; says how many seconds to wait.
        Unavailable: nobody can count now, so nobody enters.
    """
    cache: Any = caches["default"]
    try:
        wait, left = cache.client.eval(
            _BUCKET, 1, cache.make_key(f"limit:{name}"), limit.size, limit.per_second
        )
    except (RedisError, OSError) as error:
        raise Unavailable(retry_after_seconds=2) from error
    if wait:
        raise LimitReached(retry_after_seconds=int(wait))
    return int(left)
