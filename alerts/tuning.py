"""How an organization sets its rules, what it mutes, and what a setting would have found in the last thirty days.

Promise kept: each change is a new version beside the old ones, names who made it and why, and is itself watched when
less would be found than before (rule INT-04, which nobody can loosen).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from alerts import events, feed, looking, services
from alerts import settings as keeping
from alerts.models import Alert, AlertRule, AlertStep, Mute
from alerts.rules import BY_CODE, Hit, Rule, Settings
from audit import services as audit
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound
from tenancy.context import use_case

TRIED_BACK = timedelta(days=30)
# So many events are judged in a try; beyond, only the newest.
MOST_TRIED = 100_000
LONGEST_WINDOW = timedelta(days=30)
LONGEST_SUPPRESSION = timedelta(days=7)
MOST_THRESHOLD = 1_000_000
# The rule about loosened rules stays as it is: whoever could loosen it could loosen all.
FIXED = frozenset({"INT-04"})
# These speak of the watch itself: for thirty days nobody would hear that nobody hears anything.
_NEVER_MUTED = FIXED | {"INT-01", "INT-02", "INT-03", "INT-06"}
MUTE_DAYS = (1, 7, 30)


class RuleIsFixed(Conflict):
    """This rule watches the others. It cannot be changed or muted."""

    code = "rule_is_fixed"


class NothingChanged(Conflict):
    """The rule is set like this already."""

    code = "nothing_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a setting would have found: alerts as they would have been opened, and by day."""

    alerts: int
    hits: int
    events: int
    since: datetime
    is_cut: bool
    per_day: Mapping[date, int]
    newest: tuple[Hit, ...] = field(default=())


def rule_of(code: str) -> Rule:
    """Return a rule by its code.

    Raises:
        NotFound
    """
    if code not in BY_CODE:
        raise NotFound
    return BY_CODE[code]


def check(rule: Rule, wanted: Settings) -> None:
    """Let settings pass, or name every field that cannot be used.

    Raises:
        Invalid
    """
    errors = []
    if rule.window > timedelta(0) and not timedelta(minutes=1) <= wanted.window <= max(
        LONGEST_WINDOW, rule.window
    ):
        errors.append(FieldError("/window", "out_of_range", "A window is a minute to 30 days."))
    if not 1 <= wanted.threshold <= MOST_THRESHOLD:
        errors.append(FieldError("/threshold", "out_of_range", "A threshold is 1 to 1,000,000."))
    if not timedelta(0) <= wanted.suppression <= LONGEST_SUPPRESSION:
        errors.append(FieldError("/suppression", "out_of_range", "Told again after 0 to 7 days."))
    if wanted.group not in rule.groups:
        errors.append(FieldError("/group", "unknown_choice", "The rule cannot be grouped like this."))
    if wanted.automatic not in rule.allowed:
        errors.append(FieldError("/automatic", "unknown_choice", "The rule cannot do this by itself."))
    if errors:
        raise Invalid(errors)


@use_case
def set_rule(*, code: str, wanted: Settings, reason: str, actor: Actor, at: datetime) -> AlertRule:
    """Set a rule anew, as a new version.

    Raises:
        NotFound: there is no such rule.
        RuleIsFixed, NothingChanged.
        Invalid: a value out of range, or no reason.
    """
    rule = rule_of(code)
    if code in FIXED:
        raise RuleIsFixed
    check(rule, wanted)
    text = services.checked(reason, field="reason", required=True)
    before = keeping.of_one(rule)
    if _same(before, wanted):
        raise NothingChanged
    row = AlertRule(
        code=code,
        version=before.version + 1,
        enabled=wanted.enabled,
        severity=wanted.severity,
        group=wanted.group.value,
        window_seconds=int(wanted.window.total_seconds()),
        threshold=wanted.threshold,
        suppression_seconds=int(wanted.suppression.total_seconds()),
        automatic=wanted.automatic.value,
        reason=text,
        set_by=actor.id,
        set_at=at,
    )
    row.save(force_insert=True)
    audit.record(
        events.RULE_CHANGED,
        actor=actor,
        subject=("alert_rule", row.pk),
        fields=_changed(before, wanted),
        facts={"rule": code, "version": row.version, "looser": wanted.is_looser_than(before)},
    )
    return row


@use_case
def mute(*, alert_id: UUID, days: int, reason: str, actor: Actor, at: datetime) -> Mute:
    """Keep a rule from speaking of the same person, network or record for a while, after an alert closed as benign.

    Raises:
        NotFound
        services.NotMuteable: it is not closed as benign.
        services.AboutYourself: it speaks of whoever mutes it, and somebody else could.
        RuleIsFixed: it speaks of the watch itself.
        Invalid: too long, or no reason.
    """
    alert = services.locked(alert_id)
    if alert.rule in _NEVER_MUTED:
        raise RuleIsFixed
    services.refuse_own(alert, actor=actor, at=at)
    if alert.close_reason != Alert.Reason.BENIGN:
        raise services.NotMuteable
    if days not in MUTE_DAYS:
        raise Invalid([FieldError("/days", "unknown_choice", "A mute lasts 1, 7 or 30 days.")])
    text = services.checked(reason, field="reason", required=True)
    row = Mute(
        rule=alert.rule,
        group=alert.group,
        key=alert.key,
        until=at + timedelta(days=days),
        reason=text,
        made_by=actor.id,
        made_at=at,
    )
    row.save(force_insert=True)
    services.step(alert, AlertStep.Kind.MUTED, actor=actor, at=at, detail=f"{days}d", words=text)
    audit.record(
        events.ALERT_MUTED,
        actor=actor,
        subject=("alert", alert.pk),
        facts={"rule": alert.rule, "days": days},
    )
    return row


@use_case
def unmute(*, mute_id: UUID, actor: Actor, at: datetime) -> Mute:
    """Let a rule speak again.

    Raises:
        NotFound: there is no such mute, or it has ended.
    """
    rows = Mute.objects.select_for_update().filter(pk=mute_id, ended_at__isnull=True)
    row: Mute | None = rows.first()
    if row is None:
        raise NotFound
    row.ended_at, row.ended_by = at, actor.id
    row.save(update_fields=["ended_at", "ended_by"])
    audit.record(events.ALERT_UNMUTED, actor=actor, subject=("alert_mute", row.pk), facts={"rule": row.rule})
    return row


@use_case
def try_out(*, code: str, wanted: Settings, actor: Actor, at: datetime) -> Tried:
    """Judge the last thirty days by a setting, as the stream would have judged them. Nothing is opened.

    Raises:
        NotFound: there is no such rule.
        Invalid
    """
    rule = rule_of(code)
    check(rule, wanted)
    since = at - TRIED_BACK
    seen = feed.span(rule.codes, since=since, until=at, most=MOST_TRIED)
    enriched = looking.enriched(rule, seen)
    hits = [hit for hit in rule.judge(enriched, wanted) if hit.key]
    opened = _as_alerts(hits, wanted)
    per_day: dict[date, int] = {}
    for hit in opened:
        day = hit.event.at.date()
        per_day[day] = per_day.get(day, 0) + 1
    audit.record(
        events.RULE_TRIED,
        actor=actor,
        facts={"rule": code, "alerts": len(opened), "events": len(seen)},
    )
    return Tried(
        alerts=len(opened),
        hits=len(hits),
        events=len(seen),
        since=since,
        is_cut=len(seen) >= MOST_TRIED,
        per_day=per_day,
        newest=tuple(reversed(opened[-10:])),
    )


def _as_alerts(hits: list[Hit], settings: Settings) -> list[Hit]:
    """Leave those that would have opened an alert: the first of a group, and again after a day of silence."""
    # An alert stays open until somebody closes it; a day is what its readers take.
    quiet = max(settings.suppression, timedelta(days=1))
    last: dict[str, datetime] = {}
    opened = []
    for hit in hits:
        before = last.get(hit.key)
        if before is None or hit.event.at - before > quiet:
            opened.append(hit)
        last[hit.key] = hit.event.at
    return opened


def _same(before: Settings, wanted: Settings) -> bool:
    return not _changed(before, wanted)


def _changed(before: Settings, wanted: Settings) -> list[str]:
    names = ("enabled", "severity", "group", "window", "threshold", "suppression", "automatic")
    return [name for name in names if getattr(before, name) != getattr(wanted, name)]
