"""Alerts as people read them: who or what it is about, what happened, in one sentence, and what became of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from django.urls import reverse

from accounts import queries as people
from alerts.models import Alert, AlertStep
from alerts.rules import BY_CODE, Rule, Settings
from audit.events import of
from core import ids
from web.kit import formats
from web.kit.parts import Entry

CLOSED: Mapping[str, str] = MappingProxyType(
    {"true": "It was real", "benign": "Real, but expected", "false": "False alarm", "test": "A test"}
)
DONE: Mapping[str, str] = MappingProxyType(
    {
        "end_sessions": "Ended their sessions",
        "revoke_key": "Revoked the API key",
        "freeze_exports": "Froze exports",
        "hold_payouts": "Held payouts",
    }
)
WILL: Mapping[str, str] = MappingProxyType(
    {
        "end_sessions": "End their sessions",
        "revoke_key": "Revoke the API key",
        "freeze_exports": "Freeze exports",
        "hold_payouts": "Hold payouts",
    }
)
MEANS: Mapping[str, str] = MappingProxyType(
    {
        "end_sessions": "They are signed out everywhere, and can sign in again.",
        "revoke_key": "It opens nothing any more; this cannot be taken back.",
        "freeze_exports": "No list leaves the house until somebody lets exports out again.",
        "hold_payouts": "No refund leaves the house until somebody lets payouts go again.",
    }
)
# What a person can undo is done at once; before the rest a page says what it means.
UNDONE = frozenset({"end_sessions", "freeze_exports", "hold_payouts"})
BY_ITSELF: Mapping[str, str] = MappingProxyType({"none": "Nothing, it only tells", **WILL})
GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "person": "Each person",
        "actor": "Each person, key or network that acts",
        "network": "Each network",
        "session": "Each session",
        "subject": "Each record",
        "customer": "Each customer",
        "organization": "The whole organization",
    }
)
_TINTS = {"opened": "warn", "raised": "bad", "contained": "bad", "closed": "ok"}
_SHORT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One alert in the list."""

    pk: str
    url: str
    title: str
    rule: str
    severity: str
    state: str
    about: str
    count: int
    first_at: datetime
    last_at: datetime
    due_at: datetime
    is_late: bool
    owner: str
    closed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One event that a rule has found."""

    at: datetime
    what: str
    code: str
    result: str
    who: str
    network: str
    url: str


def named(alerts: Iterable[Alert]) -> dict[UUID, str]:
    """Name the members whom alerts are about or given to; two statements, whatever their number."""
    about = set()
    for one in alerts:
        about |= {one.person_id, one.assigned_to, one.closed_by}
        about |= {UUID(each["actor"]) for each in one.evidence if each["actor"]}
    return people.names_of({who for who in about if who is not None})


def row(alert: Alert, *, slug: str, names: Mapping[UUID, str], at: datetime) -> Row:
    """Show an alert in the list."""
    pk = ids.encode("alert", alert.pk)
    rule = BY_CODE.get(alert.rule)
    return Row(
        pk=pk,
        url=reverse("alerts:alert", args=[slug, pk]),
        title=rule.title if rule else alert.rule,
        rule=alert.rule,
        severity=alert.severity,
        state=alert.state,
        about=about(alert, names),
        count=alert.count,
        first_at=alert.first_seen_at,
        last_at=alert.last_seen_at,
        due_at=alert.due_at,
        is_late=alert.state == Alert.State.OPEN and alert.due_at < at,
        owner=names.get(alert.assigned_to, "") if alert.assigned_to else "",
        closed=CLOSED.get(alert.close_reason, ""),
    )


def about(alert: Alert, names: Mapping[UUID, str]) -> str:
    """Say whom or what an alert is about."""
    if alert.person_id is not None and alert.person_id in names:
        return names[alert.person_id]
    if alert.group == "organization":
        return "The organization"
    if alert.person_id is not None:
        return f"Person {short(alert.person_id)}"
    kinds = {one["actor_kind"] for one in alert.evidence}
    if alert.group in ("actor", "network") and alert.network:
        word = "API key" if kinds == {"api_key"} else "Network"
        return f"{word} {alert.key.rpartition('.')[2][:_SHORT] if word == 'Network' else alert.key[-_SHORT:]}"
    return f"{(alert.evidence[-1]['kind'] or 'record').replace('_', ' ').capitalize()} {alert.key[-_SHORT:]}"


def short(value: UUID) -> str:
    """Return the end of an id, which is what tells one from another."""
    return f"…{ids.base32(value)[-_SHORT:]}"


def sentence(alert: Alert, settings: Settings | None) -> str:
    """Say what has happened, in a sentence with its numbers."""
    rule = BY_CODE.get(alert.rule)
    if rule is None:
        return f"A rule that is no longer here ({alert.rule}) found something."
    window = span(settings.window if settings else rule.window)
    told = {name: value for name, value in alert.facts.items() if isinstance(value, str | int)}
    numbers = {
        name: formats.number(value) if isinstance(value, int) else value for name, value in told.items()
    }
    return filled(rule, {**numbers, "count": formats.number(alert.count), "window": window})


def filled(rule: Rule, words: Mapping[str, str]) -> str:
    """Fill a rule's sentence; what an older version of the rule has not noted is left out."""

    class Known(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return "several"

    return rule.sentence.format_map(Known(words))


def span(length: timedelta) -> str:
    """Say how long: "10 minutes", "3 days"."""
    seconds = int(length.total_seconds())
    for size, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            return formats.count(seconds // size, noun)
    return formats.count(seconds, "second")


def evidence(
    alert: Alert, *, slug: str, names: Mapping[UUID, str], own: frozenset[UUID], linked: bool
) -> list[Evidence]:
    """Show the newest events that were found; those of the organization's own trail lead there."""
    found = []
    for one in reversed(alert.evidence):
        kind, event_id = of(one["event"]), UUID(one["id"])
        words = " ".join(kind.sentence.replace("{actor}", "").replace("{subject}", "").split())
        who = UUID(one["actor"]) if one["actor"] else None
        pk = ids.encode("audit_event", event_id)
        found.append(
            Evidence(
                at=datetime.fromisoformat(one["at"]),
                what=(words[:1].upper() + words[1:]).replace("{", "").replace("}", ""),
                code=one["event"],
                result=one["result"],
                who=names.get(who, _kind_of(one["actor_kind"], who))
                if who
                else _kind_of(one["actor_kind"], None),
                network=one["network"][:_SHORT],
                url=reverse("console:audit_event", args=[slug, pk]) if linked and event_id in own else "",
            )
        )
    return found


def history(steps: Sequence[AlertStep], names: Mapping[UUID, str]) -> list[Entry]:
    """Show what happened to an alert, the newest first."""
    return [
        Entry(
            at=step.at,
            sentence=_told(step, names.get(step.by, "Strongbox") if step.by else "Strongbox", names),
            detail=step.words or "",
            tint=_TINTS.get(step.kind, ""),
        )
        for step in reversed(steps)
    ]


def _told(step: AlertStep, who: str, names: Mapping[UUID, str]) -> str:
    whom = names.get(step.person_id, "a person") if step.person_id else "nobody"
    return {
        "opened": f"Opened, {step.detail}",
        "raised": f"Found again, {step.detail}",
        "acknowledged": f"{who} looks into it",
        "assigned": f"{who} gave it to {whom}",
        "noted": f"{who} wrote",
        "contained": f"{who}: {DONE.get(step.detail, step.detail).lower()}",
        "muted": f"{who} muted the rule for {step.detail.removesuffix('d')} days",
        "closed": f"{who} closed it: {CLOSED.get(step.detail, step.detail).lower()}",
        "reopened": f"{who} opened it again",
        "asked": f"{who} asked {whom} whether it was them",
        "answered": f"{whom} answered by the link: "
        + ("it was them" if step.detail == "yes" else "it was not them"),
    }[step.kind]


def _kind_of(kind: str, who: UUID | None) -> str:
    word = {"user": "Person", "customer": "Customer", "api_key": "API key", "stranger": "Somebody"}.get(
        kind, "Strongbox"
    )
    return f"{word} {short(who)}" if who is not None else word
