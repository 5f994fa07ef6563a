"""What a rule is, and the few ways in which rules judge: each event, a burst, many different things, one after another.

Pure: no Django, no clock, no database. The same function judges the stream, the last thirty days and a test's story.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

MOST_EVIDENCE = 20


class Severity(StrEnum):
    """How bad it may be, the least first."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return its place, so that severities can be compared."""
        return tuple(Severity).index(self)


# In this time somebody should have looked.
TARGETS: Mapping[Severity, timedelta] = {
    Severity.CRITICAL: timedelta(minutes=15),
    Severity.HIGH: timedelta(hours=1),
    Severity.MEDIUM: timedelta(days=1),
    Severity.LOW: timedelta(days=7),
    Severity.INFO: timedelta(days=30),
}


class Group(StrEnum):
    """What the events of one alert have in common."""

    PERSON = "person"
    ACTOR = "actor"
    NETWORK = "network"
    SESSION = "session"
    SUBJECT = "subject"
    CUSTOMER = "customer"
    ORGANIZATION = "organization"


class Automatic(StrEnum):
    """What is done at once, before anybody has looked."""

    NONE = "none"
    END_SESSIONS = "end_sessions"
    FREEZE_EXPORTS = "freeze_exports"
    HOLD_PAYOUTS = "hold_payouts"


class Source(StrEnum):
    """Whose log a rule reads: the organization's own, or also what concerns its people before they choose one."""

    OWN = "own"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An audit event as rules see it. `more` is what was looked up beside it: amounts, customers, rights."""

    id: UUID
    event: str
    at: datetime
    result: str = "success"
    actor_kind: str = "user"
    actor_id: UUID | None = None
    on_behalf_of: UUID | None = None
    session_id: UUID | None = None
    network: str = ""
    subject_kind: str = ""
    subject_id: UUID | None = None
    subject_ids: tuple[UUID, ...] = ()
    fields: tuple[str, ...] = ()
    facts: Mapping[str, str | int | bool] = field(default_factory=dict)
    reason: str = ""
    more: Mapping[str, str | int | bool] = field(default_factory=dict)

    @property
    def person(self) -> UUID | None:
        """Return whose account it is about: the named one, else whoever acted."""
        if self.subject_kind == "user":
            return self.subject_id
        return self.actor_id if self.actor_kind in ("user", "customer") else None

    def key(self, group: Group) -> str:
        """Return what it is grouped by; empty when it has no such thing."""
        if group is Group.ORGANIZATION:
            return "all"
        if group is Group.NETWORK:
            return self.network
        if group is Group.ACTOR:
            # Whoever asked, not whoever agreed. Strangers have no id: the network they come from stands for them.
            who = self.on_behalf_of or self.actor_id
            return str(who) if who else f"network.{self.network}" if self.network else self.actor_kind
        if group is Group.CUSTOMER:
            return str(self.more.get("customer", ""))
        found = {
            Group.PERSON: self.person,
            Group.SESSION: self.session_id,
            # What names no record is about the whole organization.
            Group.SUBJECT: self.subject_id or "all",
        }[group]
        return str(found) if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an organization may set of a rule. Version 0 is how the rule comes."""

    severity: Severity
    group: Group
    window: timedelta
    threshold: int
    suppression: timedelta
    automatic: Automatic = Automatic.NONE
    enabled: bool = True
    version: int = 0

    def is_looser_than(self, before: "Settings") -> bool:
        """Tell whether less would be found than before, or told as less: that is itself worth an alert."""
        return (
            (before.enabled and not self.enabled)
            or self.threshold > before.threshold
            or self.severity.rank < before.severity.rank
            or (self.window < before.window and before.threshold > 1)
            or self.suppression > before.suppression
            or (before.automatic is not Automatic.NONE and self.automatic is not before.automatic)
            or self.group is not before.group
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something a rule has found: the event that completed it, what it is about, and the events before."""

    event: Seen
    group: Group
    key: str
    evidence: tuple[Seen, ...]
    count: int
    severity: Severity
    facts: Mapping[str, str | int | bool] = field(default_factory=dict)


Judge: TypeAlias = Callable[[Sequence[Seen], Settings], Iterator[Hit]]
Test: TypeAlias = Callable[[Seen], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that is looked for. `groups` are those it may be set to, the first by default."""

    code: str
    title: str
    # What has happened, for whoever opens the alert: {count}, {window} and the facts of a hit are filled in.
    sentence: str
    why: str
    steps: tuple[str, ...]
    codes: frozenset[str]
    severity: Severity
    groups: tuple[Group, ...]
    judge: Judge
    window: timedelta = timedelta(0)
    threshold: int = 1
    unit: str = "events"
    suppression: timedelta = timedelta(hours=4)
    automatic: Automatic = Automatic.NONE
    allowed: tuple[Automatic, ...] = (Automatic.NONE,)
    source: Source = Source.OWN
    # What else has to be looked back at than what the group has in common.
    related: tuple[Group, ...] = ()
    # How far it looks back beyond its window, to know what is usual.
    history: timedelta = timedelta(0)
    # Of the host rather than of one organization: looked for in the operator's log.
    of_host: bool = False

    @property
    def settings(self) -> Settings:
        """Return how the rule comes."""
        return Settings(
            severity=self.severity,
            group=self.groups[0],
            window=self.window,
            threshold=self.threshold,
            suppression=self.suppression,
            automatic=self.automatic,
        )

    @property
    def is_counted(self) -> bool:
        """Tell whether it has a window and a threshold that can be set."""
        return self.window > timedelta(0) and self.threshold > 1


def hit(
    event: Seen,
    settings: Settings,
    *,
    evidence: Iterable[Seen] = (),
    count: int = 1,
    severity: Severity | None = None,
    key: str | None = None,
    **facts: str | int | bool,
) -> Hit:
    """Make a hit of an event; the evidence is cut to the newest few."""
    shown = tuple(evidence) or (event,)
    return Hit(
        event=event,
        group=settings.group,
        key=event.key(settings.group) if key is None else key,
        evidence=shown[-MOST_EVIDENCE:],
        count=count,
        severity=settings.severity if severity is None else severity,
        facts=facts,
    )


def each(
    when: Test = lambda event: True, severity: Callable[[Seen], Severity | None] = lambda event: None
) -> Judge:
    """Judge each event by itself."""

    def judge(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
        for event in events:
            if when(event) and event.key(settings.group):
                yield hit(event, settings, severity=severity(event))

    return judge


def burst(when: Test = lambda event: True) -> Judge:
    """Judge how many come within the window, group by group."""

    def judge(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
        for window in windows((event for event in events if when(event)), settings):
            if len(window) >= settings.threshold:
                yield hit(window[-1], settings, evidence=window, count=len(window))

    return judge


def many(
    of: Callable[[Seen], Collection[UUID | str]],
    when: Test = lambda event: True,
    *,
    critical_from: int | None = None,
) -> Judge:
    """Judge how many different things come within the window, group by group."""

    def judge(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
        for window, different in _counted((event for event in events if when(event)), settings, of):
            if different < settings.threshold:
                continue
            worse = critical_from is not None and different >= critical_from
            yield hit(
                window[-1],
                settings,
                evidence=window,
                count=different,
                severity=Severity.CRITICAL if worse else None,
            )

    return judge


def followed(
    first: Collection[str],
    then: Collection[str],
    *,
    when_first: Test = lambda event: True,
    when_then: Test = lambda event: True,
) -> Judge:
    """Judge whether one thing comes within the window after another, group by group."""

    def judge(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
        last: dict[str, Seen] = {}
        for event in events:
            key = event.key(settings.group)
            if not key:
                continue
            before = last.get(key)
            is_then = event.event in then and when_then(event)
            if is_then and before is not None and event.at - before.at <= settings.window:
                yield hit(event, settings, evidence=(before, event), count=2)
            if event.event in first and when_first(event):
                last[key] = event

    return judge


def windows(events: Iterable[Seen], settings: Settings) -> Iterator[Sequence[Seen]]:
    """Walk through the events and give, at each, those of its group within the window that ends there."""
    groups: dict[str, deque[Seen]] = {}
    for event in events:
        key = event.key(settings.group)
        if not key:
            continue
        window = groups.setdefault(key, deque())
        window.append(event)
        while event.at - window[0].at > settings.window:
            window.popleft()
        yield tuple(window)


def _counted(
    events: Iterable[Seen], settings: Settings, of: Callable[[Seen], Collection[UUID | str]]
) -> Iterator[tuple[Sequence[Seen], int]]:
    """Walk like `windows`, and count what is different without counting each window anew."""
    groups: dict[str, tuple[deque[Seen], dict[UUID | str, int]]] = {}
    for event in events:
        key = event.key(settings.group)
        if not key:
            continue
        window, times = groups.setdefault(key, (deque(), {}))
        window.append(event)
        for one in of(event):
            times[one] = times.get(one, 0) + 1
        while event.at - window[0].at > settings.window:
            for one in of(window.popleft()):
                times[one] -= 1
                if not times[one]:
                    del times[one]
        yield window, len(times)
