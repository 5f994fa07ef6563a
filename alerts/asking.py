"""Asking the person an alert is about whether it was them: by a link to their address, and when they next sign in.

Promise kept: a link answers once and within a day, by a button and never by being opened; a "no" ends every session of
the person at once and makes the alert as bad as can be; a "yes" changes nothing but what stands on the alert, because
whoever took over a mailbox would say yes as well.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import tokens
from accounts.models import Membership, User
from accounts.refusals import Recorded
from alerts import containment, events, services
from alerts.channels import services as channels
from alerts.models import Alert, AlertQuestion, AlertStep
from alerts.rules import BY_CODE, Severity
from alerts.rules.base import TARGETS
from audit import services as audit
from core import ids
from core.actor import Actor
from core.errors import Conflict
from outbound import mail
from tenancy import context
from tenancy.context import use_case

LIFE = timedelta(hours=24)
TEMPLATE = "was_this_you"


class NobodyToAsk(Conflict):
    """This alert is about no member of the organization who has an address."""

    code = "nobody_to_ask"


class AlreadyAsked(Conflict):
    """They were asked, and have neither answered nor let the day pass."""

    code = "already_asked"


class QuestionUnknown(Recorded):
    """This link leads nowhere. Copy it whole from the message."""

    code = "question_unknown"
    status = 404
    event = events.QUESTION_REFUSED


class QuestionClosed(Recorded):
    """This question was answered, or its day is over."""

    code = "question_closed"
    status = 410
    event = events.QUESTION_REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody who holds the link is shown."""

    question: AlertQuestion
    alert: Alert
    person: User


def waiting(alert_id: UUID, *, at: datetime) -> AlertQuestion | None:
    """Return the question of an alert that still waits for its answer."""
    row: AlertQuestion | None = AlertQuestion.objects.filter(
        alert_id=alert_id, answer="", expires_at__gt=at
    ).first()
    return row


def last(alert_id: UUID) -> AlertQuestion | None:
    """Return the newest question of an alert."""
    row: AlertQuestion | None = AlertQuestion.objects.filter(alert_id=alert_id).order_by("-id").first()
    return row


@use_case
def ask(*, alert_id: UUID, actor: Actor, at: datetime) -> AlertQuestion:
    """Mail the person an alert is about a link by which they say whether it was them.

    Raises:
        NotFound, AlertMovedOn, NobodyToAsk, AlreadyAsked.
        services.AboutYourself: whoever asks would be asked.
    """
    alert = services.locked(alert_id)
    if alert.state == Alert.State.CLOSED:
        raise services.AlertMovedOn
    services.refuse_own(alert, actor=actor, at=at)
    member = containment.member_of(alert)
    if member is None or member.state == Membership.State.REMOVED or not member.user.email:
        raise NobodyToAsk
    if waiting(alert_id, at=at) is not None:
        raise AlreadyAsked
    raw = tokens.mint_link(tenant=context.current_tenant())
    row = AlertQuestion(
        id=ids.uuid7(),
        alert=alert,
        person_id=member.user_id,
        token_hash=tokens.digest("alert_question", raw),
        asked_by=actor.id,
        asked_at=at,
        expires_at=at + LIFE,
    )
    row.save(force_insert=True)
    services.step(alert, AlertStep.Kind.ASKED, actor=actor, at=at, person=member.user_id)
    audit.record(
        events.ALERT_ASKED,
        actor=actor,
        subject=("alert", alert.pk),
        facts={"person": str(member.user_id)},
    )
    # Of the person asked, not of whoever asks.
    language = member.user.language or "en"
    with translation.override(language):
        mail.send(
            template=TEMPLATE,
            to=member.user.email,
            language=language,
            context={
                "title": title_of(alert),
                "first_at": alert.first_seen_at,
                "last_at": alert.last_seen_at,
                "link": f"{settings.PUBLIC_URL}/was-this-you/{raw}",
            },
        )
    return row


def title_of(alert: Alert) -> str:
    """Say in the language that is spoken what an alert is about."""
    rule = BY_CODE.get(alert.rule)
    return _(rule.title) if rule else str(alert.rule)


def read(raw: str, *, at: datetime, lock: bool = False) -> Asked:
    """Return what a link asks about, in the scope of the organization it names.

    Raises:
        QuestionUnknown, QuestionClosed.
    """
    rows = AlertQuestion.objects.all()
    if lock:
        rows = rows.select_for_update()
    row: AlertQuestion | None = rows.filter(token_hash=tokens.digest("alert_question", raw)).first()
    tenant = context.current_tenant()
    if row is None:
        raise QuestionUnknown(tenant_id=tenant)
    if row.answer or row.expires_at <= at:
        raise QuestionClosed(tenant_id=tenant, subject=("alert", row.alert_id))
    return _asked(row)


def waiting_for(person_id: UUID, *, at: datetime, lock: bool = False) -> Asked | None:
    """Return the oldest question to a person that waits for its answer, in the organization in scope."""
    rows = AlertQuestion.objects.filter(person_id=person_id, answer="", expires_at__gt=at).order_by("id")
    row: AlertQuestion | None = (rows.select_for_update() if lock else rows).first()
    return _asked(row) if row is not None else None


def _asked(row: AlertQuestion) -> Asked:
    return Asked(
        question=row,
        alert=Alert.objects.get(pk=row.alert_id),
        person=User.objects.get(pk=row.person_id),
    )


@use_case
def answer_oneself(*, person_id: UUID, was_me: bool, actor: Actor, at: datetime) -> Asked:
    """Take down the answer of the person themselves, who is signed in; "no" ends their sessions everywhere.

    Raises:
        QuestionClosed: nothing waits for their answer.
    """
    found = waiting_for(person_id, at=at, lock=True)
    if found is None:
        raise QuestionClosed(tenant_id=context.current_tenant())
    return _take_down(found, was_me, actor, at)


@use_case
def answer(*, raw: str, was_me: bool, actor: Actor, at: datetime) -> Asked:
    """Take down the answer of whoever holds the link; "no" ends the person's sessions everywhere.

    Raises:
        QuestionUnknown, QuestionClosed.
    """
    return _take_down(read(raw, at=at, lock=True), was_me, actor, at)


def _take_down(found: Asked, was_me: bool, actor: Actor, at: datetime) -> Asked:
    row, alert = found.question, services.locked(found.alert.pk)
    row.answer, row.answered_at = "yes" if was_me else "no", at
    row.save(update_fields=["answer", "answered_at"])
    services.step(alert, AlertStep.Kind.ANSWERED, actor=actor, at=at, detail=row.answer, person=row.person_id)
    audit.record(
        events.ALERT_ANSWERED,
        actor=actor,
        subject=("alert", alert.pk),
        facts={"answer": row.answer, "person": str(row.person_id)},
    )
    if not was_me:
        _stop(alert, actor, at)
    return found


def _stop(alert: Alert, actor: Actor, at: datetime) -> None:
    if alert.state == Alert.State.CLOSED:
        same = Alert.objects.filter(rule=alert.rule, group=alert.group, key=alert.key)
        again = same.exclude(state=Alert.State.CLOSED).select_for_update(no_key=True).first()
        if again is None:
            alert.state, alert.closed_at, alert.closed_by, alert.close_reason = "open", None, None, ""
            services.step(alert, AlertStep.Kind.REOPENED, actor=actor, at=at)
        alert = again or alert
    if containment.member_of(alert) is not None:
        containment.contain(alert=alert, how="end_sessions", words="", actor=actor, at=at)
    alert.severity = Severity.CRITICAL
    alert.due_at = min(alert.due_at, at + TARGETS[Severity.CRITICAL])
    alert.announced_at = alert.updated_at = at
    alert.save()
    services.step(alert, AlertStep.Kind.RAISED, actor=actor, at=at, detail=alert.severity)
    audit.record(
        events.ALERT_RAISED,
        actor=actor,
        subject=("alert", alert.pk),
        facts={"rule": alert.rule, "severity": str(alert.severity), "hits": alert.hits},
    )
    channels.announce(alert_id=alert.pk, at=at)
