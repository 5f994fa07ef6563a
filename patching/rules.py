"""What is decided about software and its weaknesses: states, due days, what ends. Pure; told the time.

Promise kept: "clean" is said only of what somebody has looked at with fresh data. Silence, age and what cannot be
compared make "unknown", never "clean".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """What is known of a component, or of all of them."""

    CLEAN = "clean"
    VULNERABLE = "vulnerable"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How bad a weakness is. One that nobody rated, or that cannot be read, is treated as the worst."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNRATED = "unrated"


class Why(StrEnum):
    """Why something is unknown."""

    NO_SOURCE = "no_source"
    STALE = "stale"
    SILENT = "silent"
    UNREADABLE = "unreadable"
    NOT_COVERED = "not_covered"
    VERSION = "version"
    UNDECIDED = "undecided"
    UNSEEN = "unseen"
    END_OF_LIFE = "end_of_life"


# Days from the day a weakness was first seen here until it must be gone.
DUE_DAYS: Mapping[Severity, int] = MappingProxyType(
    {
        Severity.CRITICAL: 7,
        Severity.UNRATED: 7,
        Severity.HIGH: 30,
        Severity.MEDIUM: 90,
        Severity.LOW: 180,
    }
)
# What is being used in attacks at this moment cannot wait for a plan.
EXPLOITED_DAYS = 2
# Older advisories than this say nothing about today.
FRESH_FOR = timedelta(hours=48)
# A little less than a day, so that a look does not wander through the day.
LOOK_EVERY = timedelta(hours=23)
# A source from the future was made by a wrong clock, or by somebody who wants to stay the newest for ever.
_CLOCKS_DIFFER = timedelta(hours=1)
END_IS_NEAR = timedelta(days=60)
# An acceptance is a decision about a known state of things; after this long it has to be taken again.
LONGEST_ACCEPTANCE = timedelta(days=180)


def due_on(*, severity: Severity, known_exploited: bool, first_seen: date) -> date:
    """Return the day by which a weakness must be gone."""
    days = DUE_DAYS[severity]
    return first_seen + timedelta(days=min(days, EXPLOITED_DAYS) if known_exploited else days)


def is_fresh(fetched_at: datetime, at: datetime) -> bool:
    """Tell whether data of that moment still says something."""
    return at - FRESH_FOR <= fetched_at <= at + _CLOCKS_DIFFER


def overall(states: Iterable[State], reasons: Iterable[str]) -> State:
    """Return the state of the whole: a known weakness outweighs what is not known, which outweighs the rest.

    Nothing at all is unknown: an empty inventory is a broken one.
    """
    found = set(states)
    if State.VULNERABLE in found:
        return State.VULNERABLE
    if not found or State.UNKNOWN in found or any(True for _ in reasons):
        return State.UNKNOWN
    return State.CLEAN


class Support(StrEnum):
    """How long the makers of a series still mend it."""

    SUPPORTED = "supported"
    ENDING = "ending"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series in use, and the last day on which its makers mend it."""

    product: str
    series: str
    version: str
    ends_on: date | None

    @property
    def code(self) -> str:
        """Name the series for the trail."""
        return f"{self.product}-{self.series}"

    def support(self, today: date) -> Support:
        """Say how it stands."""
        if self.ends_on is None:
            return Support.UNKNOWN
        if self.ends_on < today:
            return Support.ENDED
        return Support.ENDING if self.ends_on - today <= END_IS_NEAR else Support.SUPPORTED
