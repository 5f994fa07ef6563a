"""Opening alerts, counting the same again, and what people do with them.

Promise kept: what a rule has found is written with its audit event in one transaction and told from there
(alerts.channels); one alert is open a rule and group, so that an attack of a thousand events is one alert; what was
found once is not found again, however often the trail is read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts import queries as people
from accounts.models import Membership
from accounts.permissions import Permission
from alerts import containment, events
from alerts.channels import services as channels
from alerts.models import Alert, AlertStep, Mute
from alerts.rules import Automatic, Hit, Rule, Seen, Settings, Severity
from alerts.rules.base import MOST_EVIDENCE, TARGETS
from audit import services as audit
from core import cardnumbers, characters
from core.actor import Actor
from core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from tenancy.context import use_case

NOTE_LENGTH = 2_000
MOST_MUTED = timedelta(days=30)


class AlertMovedOn(Conflict):
    """Somebody else changed this alert first. Look at it again."""

    code = "alert_moved_on"


class NotMuteable(Conflict):
    """Only what turned out real but expected can be muted, and never an alert about the watch itself."""

    code = "not_muteable"


class AboutYourself(Forbidden):
    """This alert is about you, so somebody else has to judge it."""

    code = "own_alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All hits of one rule and group in one reading, as one: the last with the worst severity."""

    last: Hit
    severity: Severity
    hits: int


def gather(hits: Iterable[Hit]) -> list[Found]:
    """Put hits of the same group together, in the order in which each group was last found."""
    groups: dict[tuple[str, str], Found] = {}
    for hit in hits:
        place = (hit.group.value, hit.key)
        before = groups.pop(place, None)
        if before is None:
            groups[place] = Found(last=hit, severity=hit.severity, hits=1)
        else:
            worst = max(before.severity, hit.severity, key=lambda one: one.rank)
            groups[place] = Found(last=hit, severity=worst, hits=before.hits + 1)
    return list(groups.values())


@use_case
def take(*, found: Found, rule: Rule, settings: Settings, actor: Actor, at: datetime) -> Alert | None:
    """Open an alert for what a rule has found, or count it to the open one; None when it was known or is muted."""
    hit = found.last
    same = Alert.objects.select_for_update().filter(rule=rule.code, group=hit.group.value, key=hit.key)
    last = same.order_by("-id").first()
    if last is not None and last.last_seen_at >= hit.event.at:
        return None
    if _is_muted(rule, hit, at):
        return None
    if last is None or last.state == Alert.State.CLOSED:
        return _open(found, rule, settings, actor, at)
    return _raise(last, found, settings, actor, at)


def _open(found: Found, rule: Rule, settings: Settings, actor: Actor, at: datetime) -> Alert:
    hit = found.last
    person = _person(hit)
    alert = Alert(
        rule=rule.code,
        rule_version=settings.version,
        severity=found.severity,
        group=hit.group.value,
        key=hit.key,
        person_id=person,
        network=hit.event.network,
        count=hit.count if hit.count > 1 else found.hits,
        hits=found.hits,
        facts=dict(hit.facts),
        evidence=[evidence_of(one) for one in hit.evidence],
        first_seen_at=hit.evidence[0].at,
        last_seen_at=hit.event.at,
        opened_at=at,
        announced_at=at,
        due_at=at + TARGETS[found.severity],
        updated_at=at,
    )
    alert.save(force_insert=True)
    step(alert, AlertStep.Kind.OPENED, actor=actor, at=at, detail=found.severity)
    audit.record(
        events.ALERT_OPENED,
        actor=actor,
        subject=("alert", alert.pk),
        facts={
            "rule": rule.code,
            "version": settings.version,
            "severity": found.severity.value,
            "person": str(person or ""),
        },
    )
    containment.automatically(alert, automatic_of(found, settings), actor=actor, at=at)
    channels.announce(alert_id=alert.pk, at=at)
    return alert


def _person(hit: Hit) -> UUID | None:
    named = hit.facts.get("person")
    return UUID(str(named)) if named else hit.event.person


def _raise(alert: Alert, found: Found, settings: Settings, actor: Actor, at: datetime) -> Alert:
    hit = found.last
    worse = found.severity.rank > Severity(alert.severity).rank
    alert.count = max(alert.count, hit.count) if hit.count > 1 else alert.count + found.hits
    alert.hits += found.hits
    alert.facts = dict(hit.facts)
    alert.evidence = _newest([*alert.evidence, *(evidence_of(one) for one in hit.evidence)])
    alert.last_seen_at, alert.updated_at = hit.event.at, at
    if worse:
        alert.severity = found.severity
        alert.due_at = min(alert.due_at, at + TARGETS[found.severity])
    again = worse or at - alert.announced_at >= settings.suppression
    if again:
        alert.announced_at = at
    alert.save()
    if again:
        step(alert, AlertStep.Kind.RAISED, actor=actor, at=at, detail=alert.severity)
        audit.record(
            events.ALERT_RAISED,
            actor=actor,
            subject=("alert", alert.pk),
            facts={"rule": alert.rule, "severity": str(alert.severity), "hits": alert.hits},
        )
        channels.announce(alert_id=alert.pk, at=at)
    return alert


@use_case
def acknowledge(*, alert_id: UUID, actor: Actor, at: datetime) -> Alert:
    """Say that one looks into it; whoever does has it, unless somebody else already does.

    Raises:
        NotFound, AlertMovedOn.
    """
    alert = locked(alert_id)
    if alert.state != Alert.State.OPEN:
        raise AlertMovedOn
    alert.state, alert.acknowledged_at, alert.updated_at = Alert.State.ACKNOWLEDGED, at, at
    if alert.assigned_to is None:
        member = people.member_acting(actor, at=at)
        alert.assigned_to = member.user_id if member is not None else None
    alert.save(update_fields=["state", "acknowledged_at", "assigned_to", "updated_at"])
    step(alert, AlertStep.Kind.ACKNOWLEDGED, actor=actor, at=at)
    audit.record(events.ALERT_ACKNOWLEDGED, actor=actor, subject=("alert", alert.pk))
    return alert


@use_case
def assign(*, alert_id: UUID, to: UUID | None, actor: Actor, at: datetime) -> Alert:
    """Give an alert to a member who may see alerts, or to nobody.

    Raises:
        NotFound: there is no such alert, or no such member.
        AlertMovedOn: it is closed.
    """
    alert = locked(alert_id)
    if alert.state == Alert.State.CLOSED:
        raise AlertMovedOn
    if to is not None and to not in {one.user_id for one in assignable()}:
        raise NotFound(field="assigned_to")
    alert.assigned_to, alert.updated_at = to, at
    alert.save(update_fields=["assigned_to", "updated_at"])
    step(alert, AlertStep.Kind.ASSIGNED, actor=actor, at=at, person=to)
    audit.record(
        events.ALERT_ASSIGNED, actor=actor, subject=("alert", alert.pk), facts={"person": str(to or "")}
    )
    return alert


@use_case
def note(*, alert_id: UUID, words: str, actor: Actor, at: datetime) -> Alert:
    """Write a note on an alert.

    Raises:
        NotFound
        Invalid: there are no words, too many, or something that must not be kept.
    """
    alert = locked(alert_id)
    text = checked(words, field="words", required=True)
    step(alert, AlertStep.Kind.NOTED, actor=actor, at=at, words=text)
    audit.record(events.ALERT_NOTED, actor=actor, subject=("alert", alert.pk))
    return alert


@use_case
def close(*, alert_id: UUID, reason: str, words: str = "", actor: Actor, at: datetime) -> Alert:
    """Close an alert and say how it turned out.

    Raises:
        NotFound
        AlertMovedOn: it is closed.
        AboutYourself: it speaks of whoever closes it, and somebody else could.
        Invalid: without a reason; a true one also without words on what was done.
    """
    alert = locked(alert_id)
    if alert.state == Alert.State.CLOSED:
        raise AlertMovedOn
    refuse_own(alert, actor=actor, at=at)
    if reason not in Alert.Reason.values:
        raise Invalid([FieldError("/reason", "unknown_choice", "Say how it turned out.")])
    text = checked(words, field="words", required=reason == Alert.Reason.TRUE)
    alert.state, alert.closed_at, alert.updated_at = Alert.State.CLOSED, at, at
    alert.closed_by, alert.close_reason = actor.id, reason
    alert.save(update_fields=["state", "closed_at", "closed_by", "close_reason", "updated_at"])
    step(alert, AlertStep.Kind.CLOSED, actor=actor, at=at, detail=reason, words=text)
    audit.record(events.ALERT_CLOSED, actor=actor, subject=("alert", alert.pk), facts={"how": reason})
    return alert


def refuse_own(alert: Alert, *, actor: Actor, at: datetime) -> None:
    """Refuse to let somebody, or a key of theirs, judge an alert about themselves while another member can.

    Raises:
        AboutYourself
    """
    key = people.usable_key(at=at, pk=actor.key_id) if actor.key_id is not None else None
    person = key.created_by.user_id if key is not None else actor.id
    is_own = person is not None and person == alert.person_id
    is_own_key = actor.key_id is not None and actor.key_id == containment.key_of(alert)
    if (is_own or is_own_key) and any(member.user_id != person for member in assignable()):
        raise AboutYourself


def step(
    alert: Alert,
    kind: str,
    *,
    actor: Actor,
    at: datetime,
    detail: str = "",
    words: str = "",
    person: UUID | None = None,
) -> None:
    """Write down what happened to an alert."""
    by = actor.on_behalf_of or actor.id
    AlertStep(
        alert=alert, kind=kind, detail=detail, words=words or None, person_id=person, by=by, at=at
    ).save(force_insert=True)


def assignable() -> list[Membership]:
    """Return the members to whom an alert can be given: those who may work on alerts."""
    of_operator = people.in_operator_organization()
    return [
        member
        for member in people.members()
        if member.state == member.State.ACTIVE
        and Permission.ALERT_WRITE in people.permissions_of(member, of_operator=of_operator)
    ]


def locked(alert_id: UUID) -> Alert:
    """Return an alert, locked.

    Raises:
        NotFound
    """
    row: Alert | None = Alert.objects.select_for_update(no_key=True).filter(pk=alert_id).first()
    if row is None:
        raise NotFound
    return row


def checked(words: str, *, field: str, required: bool) -> str:
    """Return what somebody wrote, if it can be kept.

    Raises:
        Invalid
    """
    text = words.strip()
    problem: FieldError | None = None
    if required and not text:
        problem = FieldError(f"/{field}", "required", "Say it in a few words.")
    elif len(text) > NOTE_LENGTH:
        problem = FieldError(f"/{field}", "too_long", f"This may have {NOTE_LENGTH:,} characters.")
    elif cardnumbers.contains_card_number(text):
        sentence = "This holds what looks like a card number. Nothing was stored; remove it."
        problem = FieldError(f"/{field}", "card_number", sentence)
    elif not characters.are_kept(text):
        problem = FieldError(f"/{field}", characters.CODE, characters.SENTENCE)
    if problem is not None:
        raise Invalid([problem])
    return text


def evidence_of(event: Seen) -> dict[str, str]:
    """Write an event as it stands beside an alert: ids, codes and pseudonyms, never a value."""
    return {
        "id": str(event.id),
        "event": event.event,
        "at": event.at.isoformat(),
        "result": event.result,
        "actor": str(event.actor_id or ""),
        "actor_kind": event.actor_kind,
        "network": event.network,
        "kind": event.subject_kind,
        "subject": str(event.subject_id or ""),
        "reason": event.reason,
    }


def _newest(evidence: list[dict[str, str]]) -> list[dict[str, str]]:
    each = {one["id"]: one for one in evidence}
    return sorted(each.values(), key=lambda one: one["at"])[-MOST_EVIDENCE:]


def _is_muted(rule: Rule, hit: Hit, at: datetime) -> bool:
    rows = Mute.objects.filter(
        rule=rule.code, group=hit.group.value, key=hit.key, ended_at__isnull=True, until__gt=at
    )
    row = rows.order_by("-id").first()
    if row is None:
        return False
    row.silenced += 1
    row.save(update_fields=["silenced"])
    return True


def automatic_of(found: Found, settings: Settings) -> Automatic:
    """Return what is done at once; never for what is only worth knowing."""
    return settings.automatic if found.severity.rank >= Severity.HIGH.rank else Automatic.NONE


@use_case
def contain(*, alert_id: UUID, how: containment.How, words: str = "", actor: Actor, at: datetime) -> Alert:
    """Stop harm from an alert; whoever does looks into it.

    Raises:
        NotFound, AlertMovedOn, containment.NothingToContain.
        Invalid: words that cannot be kept.
    """
    alert = locked(alert_id)
    if alert.state == Alert.State.CLOSED:
        raise AlertMovedOn
    text = checked(words, field="words", required=False)
    if alert.state == Alert.State.OPEN:
        alert = acknowledge(alert_id=alert_id, actor=actor, at=at)
    containment.contain(alert=alert, how=how, words=text, actor=actor, at=at)
    return alert
