"""What holds a person without naming them by an id: copies that an app sweeps itself when somebody is erased."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from compliance.personaldata.collecting import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What a person can be recognized by in a copy: ids of their rows, and addresses."""

    person: Person
    keys: Collection[UUID]
    outside: Collection[str]
    addresses: Collection[str]


# Sweeps the copies of one app in the organization in scope, and returns how many it made unreadable.
Sweeper = Callable[[Traces], int]
_sweepers: dict[str, Sweeper] = {}


def register(code: str, sweeper: Sweeper) -> None:
    """Make a keeper of copies known; call it in AppConfig.ready."""
    _sweepers[code] = sweeper


def sweep(traces: Traces) -> dict[str, int]:
    """Have every app sweep its copies; how many went of each kind."""
    found = {code: sweeper(traces) for code, sweeper in _sweepers.items()}
    return {code: count for code, count in found.items() if count}
