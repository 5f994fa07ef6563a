"""Reading alerts: the list, one with its story, how rules have done, and whether the watch is awake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts.lists.order import Sorts, ordered
from alerts.models import RANK, Alert, AlertRule, AlertStep, Mute, Watch
from alerts.rules import Severity
from core.errors import NotFound

MOST = 100
SORTS: Sorts = {"severity": RANK, "count": "count", "last_seen_at": "last_seen_at"}
# The watch looks every three seconds and notes it in each organization every minute.
AWAKE = timedelta(minutes=3)
LATE_AFTER = timedelta(minutes=10)
OPEN = Q(state__in=[Alert.State.OPEN, Alert.State.ACKNOWLEDGED])


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What somebody looks for. `state` open means everything that is not closed."""

    state: str = "open"
    severity: str = ""
    rule: str = ""
    assigned_to: UUID | None = None
    person: UUID | None = None

    def narrow(self, rows: "QuerySet[Alert]") -> "QuerySet[Alert]":
        """Narrow alerts by the filters."""
        if self.state == "open":
            rows = rows.filter(OPEN)
        elif self.state:
            rows = rows.filter(state=self.state)
        exact = {
            "severity": self.severity,
            "rule": self.rule,
            "assigned_to": self.assigned_to,
            "person_id": self.person,
        }
        return rows.filter(**{name: value for name, value in exact.items() if value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the inbox stands."""

    open: int
    critical: int
    high: int
    overdue: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Whether the watch is awake. `looked_at` is None before the first look."""

    looked_at: datetime | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How a rule has done in thirty days."""

    fired: int = 0
    true: int = 0
    closed: int = 0
    last: datetime | None = None

    @property
    def precision(self) -> float | None:
        """Return the share of what was real or expected among what was closed, None where nothing was."""
        return self.true / self.closed if self.closed else None


def page(
    filters: Filters, *, after: UUID | None = None, limit: int = 50, sort: str = ""
) -> tuple[Sequence[Alert], UUID | None]:
    """List alerts, the newest first or in another order, and the cursor of the next page."""
    rows = ordered(filters.narrow(Alert.objects.all()), sort, SORTS, after=after)
    limit = max(1, min(limit, MOST))
    found = list(rows[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None


def next_due(severity: str = "") -> UUID | None:
    """Return the alert to look into next: of those that nobody works on, the one whose time is up first."""
    waiting = Alert.objects.filter(state=Alert.State.OPEN).order_by("due_at", "id")
    waiting = waiting.filter(severity=severity) if severity else waiting
    return waiting.values_list("pk", flat=True).first()


def get(alert_id: UUID) -> Alert:
    """Return one alert.

    Raises:
        NotFound
    """
    row: Alert | None = Alert.objects.filter(pk=alert_id).first()
    if row is None:
        raise NotFound
    return row


def steps(alert_id: UUID) -> Sequence[AlertStep]:
    """Return what happened to an alert, the oldest first."""
    return list(AlertStep.objects.filter(alert_id=alert_id).order_by("id")[:200])


def similar(alert: Alert, *, limit: int = 5) -> Sequence[Alert]:
    """Return earlier alerts of the same rule, those about the same first, with how they ended."""
    same = Alert.objects.filter(rule=alert.rule, pk__lt=alert.pk).order_by("-id")
    own = list(same.filter(group=alert.group, key=alert.key)[:limit])
    rest = list(same.exclude(pk__in=[one.pk for one in own])[: limit - len(own)])
    return [*own, *rest]


def standing(*, at: datetime) -> Standing:
    """Count what is open in the organization in scope; one statement."""
    found = Alert.objects.filter(OPEN).aggregate(
        open=Count("pk"),
        critical=Count("pk", filter=Q(severity=Severity.CRITICAL)),
        high=Count("pk", filter=Q(severity=Severity.HIGH)),
        overdue=Count("pk", filter=Q(due_at__lt=at, state=Alert.State.OPEN)),
    )
    return Standing(**found)


def records(*, at: datetime) -> Mapping[str, Record]:
    """Return how each rule has done in the last thirty days."""
    rows = (
        Alert.objects.filter(opened_at__gte=at - timedelta(days=30))
        .order_by()
        .values_list("rule", "close_reason", "last_seen_at")
    )
    found: dict[str, Record] = {}
    for rule, reason, last in rows:
        before = found.get(rule, Record())
        counted = reason in ("true", "benign", "false")
        found[rule] = Record(
            fired=before.fired + 1,
            true=before.true + (reason in ("true", "benign")),
            closed=before.closed + counted,
            last=last if before.last is None else max(before.last, last),
        )
    return found


def versions(code: str) -> Sequence[AlertRule]:
    """Return how a rule was set over time, the newest first."""
    return list(AlertRule.objects.filter(code=code).order_by("-version")[:20])


def mutes(*, at: datetime, rule: str = "") -> Sequence[Mute]:
    """Return the mutes that hold now."""
    rows = Mute.objects.filter(ended_at__isnull=True, until__gt=at).order_by("until")
    return list(rows.filter(rule=rule) if rule else rows)


def pulse(*, at: datetime) -> Pulse:
    """Tell whether the watch is awake: when everything was last looked through, as noted here every minute."""
    looked_at = Watch.objects.values_list("looked_at", flat=True).first()
    if looked_at is None:
        return Pulse(looked_at=None, state="never")
    late = at - looked_at
    return Pulse(
        looked_at=looked_at,
        state="awake" if late < AWAKE else "late" if late < LATE_AFTER else "asleep",
    )
