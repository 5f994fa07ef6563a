"""Slowing guessers down: counters and gates in the shared cache, changed atomically.

Promise kept: an attempt is counted before it is tried, so a burst in parallel gains nothing; when the cache
does not answer, nobody gets in (ASVS 16.5.2). There are delays and no locks: see `rules` for who is slowed
and who is not.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.core.cache import cache

from accounts import tokens
from accounts.rules import Pace
from core.errors import Refusal, TooMany

_REMEMBERED_SECONDS = 24 * 3600

# In one step: of many who try at the moment a gate opens, one goes through.
_GATE = """
local closed_until = tonumber(redis.call('GET', KEYS[1]) or '0')
if closed_until > tonumber(ARGV[1]) then return closed_until - ARGV[1] end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 0
"""


class TryAgainLater(TooMany):
    """Too many attempts. Wait a little, or sign in with a passkey."""

    code = "too_many_attempts"


class CountersUnavailable(Refusal):
    """Signing in is not possible at this moment. Try again in a minute."""

    code = "unavailable"
    status: ClassVar[int] = 503


@dataclass(frozen=True, slots=True)
class Counter:
    """What is counted and how it slows its owner."""

    name: str
    pace: Pace

    @property
    def key(self) -> str:
        """Return the cache key: a keyed digest, so that the cache names no account and no network."""
        return "throttle:" + tokens.digest("throttle", self.name).hex()


def take(counters: Sequence[Counter], *, at: datetime) -> None:
    """Count one attempt on each counter and pass its gate.

    Raises:
        TryAgainLater: one of the gates is closed. The attempt is taken off the counters again, because it
        tried
            nothing: waiting people who press the button must not wait longer for it.
        CountersUnavailable: the cache does not answer.
    """
    with _or_fail_closed():
        counted: list[Counter] = []
        for counter in counters:
            attempts = _count(counter)
            counted.append(counter)
            wait = counter.pace.wait_seconds(attempts)
            left = _pass_gate(counter, wait, at) if wait else 0
            if left:
                for earlier in counted:
                    with suppress(ValueError):  # cleared meanwhile: nothing is left to take off
                        cache.decr(earlier.key)
                raise TryAgainLater(retry_after_seconds=left)


def clear(counters: Sequence[Counter]) -> None:
    """Forget the attempts on these counters: the right person got in.

    Raises:
        CountersUnavailable: the cache does not answer.
    """
    with _or_fail_closed():
        cache.delete_many([key for counter in counters for key in (counter.key, _gate(counter))])


def remember_once(key: str, value: object, *, seconds: int) -> None:
    """Keep a value that `take_once` gives out a single time."""
    with _or_fail_closed():
        cache.set(key, value, timeout=seconds)


def take_once(key: str) -> object | None:
    """Return a remembered value and forget it; of two that ask at once, one gets it."""
    with _or_fail_closed():
        value = cache.get(key)
        return value if value is not None and cache.delete(key) else None


def _count(counter: Counter) -> int:
    # In one step: somebody who gets in meanwhile clears the counter, and must not turn this one away.
    key = cache.make_key(counter.key)
    with _client().pipeline(transaction=True) as steps:
        steps.set(key, 0, ex=_REMEMBERED_SECONDS, nx=True).incr(key)
        return int(steps.execute()[1])


def _gate(counter: Counter) -> str:
    return counter.key + ":gate"


def _pass_gate(counter: Counter, wait: int, at: datetime) -> int:
    """Close the gate behind this attempt; return the seconds it is still closed by an earlier one."""
    now = int(at.timestamp())
    # Our clock says when a gate opens; the cache forgets it some time after.
    return int(_client().eval(_GATE, 1, cache.make_key(_gate(counter)), now, now + wait, wait + 60))


def _client() -> Any:
    return cache.client  # type: ignore[attr-defined]  # of edge.cache


@contextmanager
def _or_fail_closed() -> Iterator[None]:
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        raise CountersUnavailable from error
