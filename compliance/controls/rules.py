"""What a control is, what a check answers, and which state people see. Pure: times come from outside.

Promise kept: a control that could not be decided is never passing. Silence, an error and an old result all count as
not passing, so that a broken check is as visible as a broken thing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID, uuid5

from core import canonical, primitives

DAY = timedelta(days=1)
# A run may be late by as much again before its result is called old.
GRACE = timedelta(hours=12)
EARLY = timedelta(minutes=30)
MOST_FINDINGS = 20
LONGEST_EXCEPTION = timedelta(days=365)
_NAMES = UUID("6f1d2a52-3f0c-5d0e-9d57-3c5b8a4f7e10")


class State(StrEnum):
    """What a check can answer."""

    PASSING = "passing"
    FAILING = "failing"
    # It could not be decided: the source is silent, or the check itself broke.
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class Standing(StrEnum):
    """What people see of a control: its last answer, and what stands beside it."""

    FAILING = "failing"
    UNKNOWN = "unknown"
    STALE = "stale"
    MANUAL_DUE = "manual_due"
    EXCEPTION = "exception"
    PASSING = "passing"
    NOT_APPLICABLE = "not_applicable"


# The first that any control of a requirement has is the requirement's own.
WORST_FIRST = (
    Standing.FAILING,
    Standing.UNKNOWN,
    Standing.STALE,
    Standing.MANUAL_DUE,
    Standing.EXCEPTION,
    Standing.PASSING,
    Standing.NOT_APPLICABLE,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer of one check: its state, counts, and the places it is about. Never a value."""

    state: State
    summary: str
    facts: Mapping[str, str | int | bool] = field(default_factory=dict)
    findings: Sequence[str] = ()

    @property
    def evidence(self) -> dict[str, canonical.Value]:
        """Return what is kept as proof."""
        return {
            "facts": dict(self.facts),
            "findings": list(self.findings[:MOST_FINDINGS]),
            "findings_total": len(self.findings),
            "state": self.state.value,
            "summary": self.summary,
        }


def without_places(outcome: Outcome) -> Outcome:
    """Return an answer about the host as other organizations may know it: states and counts, no names."""
    if not outcome.findings:
        return outcome
    return Outcome(outcome.state, outcome.summary, {**outcome.facts, "places": len(outcome.findings)})


def passed(summary: str, **facts: str | int | bool) -> Outcome:
    """Answer that all is as it should be."""
    return Outcome(State.PASSING, summary, facts)


def failed(summary: str, findings: Sequence[str] = (), /, **facts: str | int | bool) -> Outcome:
    """Answer that something is not as it should be, and where."""
    return Outcome(State.FAILING, summary, facts, tuple(findings))


def unknown(summary: str, **facts: str | int | bool) -> Outcome:
    """Answer that nobody can tell."""
    return Outcome(State.UNKNOWN, summary, facts)


def not_applicable(summary: str) -> Outcome:
    """Answer that there is nothing here that the control could be about."""
    return Outcome(State.NOT_APPLICABLE, summary)


def judged(bad: Sequence[str], *, good: str, wrong: str, **facts: str | int | bool) -> Outcome:
    """Pass when nothing was found, fail naming what was. `wrong` may hold {n}."""
    if bad:
        return failed(wrong.format(n=len(bad)), bad, **facts)
    return passed(good, **facts)


Check = Callable[[datetime], Outcome]
# Asked outside any scope, of an organization: it opens a transaction for each step of long work.
LongCheck = Callable[[UUID, datetime], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control. `check` runs in the scope of an organization, `long_check` in steps of its own; without either
    people bring the evidence.

    `maps` are (framework, requirement) pairs, which the framework's own list must hold.
    """

    code: str
    title: str
    family: str
    checks: str
    passes: str
    fails: str
    matters: str
    remedy: str
    maps: Sequence[tuple[str, str]] = ()
    check: Check | None = None
    long_check: LongCheck | None = None
    period: timedelta = DAY
    # It looks at the host: every organization sees its answer, only the operator can mend it.
    of_host: bool = False
    # Its rows are the operator's: it is asked there, and only its answer is shown elsewhere.
    asks_operator: bool = False

    def id_in(self, tenant_id: UUID) -> UUID:
        """Return the id by which programs of one organization name it: the same in every version."""
        return uuid5(_NAMES, f"{tenant_id}/{self.code}")

    @property
    def is_live(self) -> bool:
        """Tell whether a machine decides it."""
        return self.check is not None or self.long_check is not None


FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "encryption": "Encryption and keys",
        "identity": "People and sign-in",
        "access": "Rights and machines",
        "isolation": "Separation of organizations",
        "audit": "Audit trail",
        "money": "Money",
        "cards": "Card data",
        "configuration": "Configuration and transport",
        "operation": "Running it",
        "assurance": "Backups, patches, training, alerts",
        "privacy": "Personal data",
        "organization": "What people see to",
    }
)


def digest(code: str, at: str, evidence: Mapping[str, canonical.Value]) -> bytes:
    """Return the hash under which a result can be recognised."""
    return primitives.sha256(canonical.dumps({"at": at, "control": code, "evidence": dict(evidence)}))


def is_due(control: Control, checked_at: datetime | None, *, at: datetime) -> bool:
    """Tell whether a live control is to be run again. A little early, so that a day's run stays a day's."""
    return control.is_live and (checked_at is None or at - checked_at >= control.period - EARLY)


def is_stale(control: Control, checked_at: datetime | None, *, at: datetime) -> bool:
    """Tell whether the last result of a live control is older than its period allows."""
    if not control.is_live:
        return False
    return checked_at is None or at - checked_at > control.period + GRACE


def standing(
    control: Control,
    *,
    state: State | None,
    checked_at: datetime | None,
    excepted: bool,
    evidence_until: date | None,
    at: datetime,
) -> Standing:
    """Return what people see of a control."""
    if not control.is_live:
        good = evidence_until is not None and evidence_until >= at.date()
        found = Standing.PASSING if good else Standing.MANUAL_DUE
    elif state is None or checked_at is None:
        found = Standing.UNKNOWN
    elif is_stale(control, checked_at, at=at):
        found = Standing.STALE
    else:
        found = Standing(state.value)
    if excepted and found not in (Standing.PASSING, Standing.NOT_APPLICABLE):
        return Standing.EXCEPTION
    return found


def worst(standings: Sequence[Standing]) -> Standing | None:
    """Return the standing of a requirement from those of its controls; None when none covers it."""
    return min(standings, key=WORST_FIRST.index) if standings else None


def is_regression(before: State | None, after: State) -> bool:
    """Tell whether something that was in order is not any more."""
    return before in (State.PASSING, State.NOT_APPLICABLE) and after in (State.FAILING, State.UNKNOWN)


def is_recovery(before: State | None, after: State) -> bool:
    """Tell whether something that was not in order is again."""
    return before in (State.FAILING, State.UNKNOWN) and after in (State.PASSING, State.NOT_APPLICABLE)


def days(span: timedelta) -> int:
    """Return whole days, rounded down."""
    return math.floor(span / DAY)
