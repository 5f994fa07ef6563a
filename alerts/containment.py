"""Stopping harm from an alert: end a person's sessions, revoke a key, freeze exports, hold payouts.

Promise kept: each is an ordinary service with its own audit event and is undone by a person in its own place; what an
alert did by itself says so, and names the alert.
"""

from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from accounts.models import Membership, User
from accounts.services import apikeys, sessions
from alerts import events
from alerts.models import Alert, AlertStep
from alerts.rules import BY_CODE, Automatic
from audit import services as audit
from billing.exports import services as exports
from core.actor import Actor
from core.errors import Conflict
from payments.services import holds
from tenancy.context import use_case

How: TypeAlias = Literal["end_sessions", "revoke_key", "freeze_exports", "hold_payouts"]


class NothingToContain(Conflict):
    """There is nothing of this kind to stop: it is not about a member or a key of this organization."""

    code = "nothing_to_contain"


def possible(alert: Alert) -> list[How]:
    """Return what can be stopped from here, the nearest first."""
    found: list[How] = []
    if member_of(alert) is not None:
        found.append("end_sessions")
    if key_of(alert) is not None:
        found.append("revoke_key")
    if not exports.is_frozen():
        found.append("freeze_exports")
    if not holds.are_held():
        found.append("hold_payouts")
    return found


def member_of(alert: Alert) -> Membership | None:
    """Return the member an alert is about, if it is about one."""
    if alert.person_id is None:
        return None
    row: Membership | None = Membership.objects.filter(user_id=alert.person_id).first()
    return row


def key_of(alert: Alert) -> UUID | None:
    """Return the API key an alert is about, if it is about one."""
    acting = {one["actor"] for one in alert.evidence if one["actor_kind"] == "api_key" and one["actor"]}
    return UUID(acting.pop()) if len(acting) == 1 else None


@use_case
def contain(*, alert: Alert, how: How, words: str, actor: Actor, at: datetime) -> int:
    """Stop one kind of harm; return how many sessions, keys or switches that was.

    Raises:
        NothingToContain
        Invalid: words that cannot be kept.
    """
    reason = words.strip() or f"Alert {BY_CODE[alert.rule].title if alert.rule in BY_CODE else alert.rule}"
    done = 0
    if how == "end_sessions":
        done = _end_sessions(alert, actor, at)
    elif how == "revoke_key":
        key = key_of(alert)
        if key is None:
            raise NothingToContain
        apikeys.revoke(key_id=key, actor=actor, at=at)
        done = 1
    elif how == "freeze_exports":
        done = int(not exports.is_frozen())
        exports.turn(frozen=True, reason=reason, actor=actor, at=at)
    else:
        done = int(holds.hold(reason=reason, alert_id=alert.pk, actor=actor, at=at))
    if not alert.contained and how != "revoke_key":
        alert.contained = how
        alert.updated_at = at
        alert.save(update_fields=["contained", "updated_at"])
    AlertStep(
        alert=alert,
        kind=AlertStep.Kind.CONTAINED,
        detail=how,
        words=words.strip() or None,
        person_id=alert.person_id if how == "end_sessions" else None,
        by=actor.id,
        at=at,
    ).save(force_insert=True)
    audit.record(
        events.ALERT_CONTAINED,
        actor=actor,
        subject=("alert", alert.pk),
        facts={"how": how, "done": done, "rule": alert.rule},
    )
    return done


def automatically(alert: Alert, step: Automatic, *, actor: Actor, at: datetime) -> None:
    """Do at once what a rule is set to do; where there is nothing to stop, the alert stands by itself."""
    if step is Automatic.NONE:
        return
    if step is Automatic.END_SESSIONS and member_of(alert) is None:
        return
    how: How = (
        "end_sessions"
        if step is Automatic.END_SESSIONS
        else "freeze_exports"
        if step is Automatic.FREEZE_EXPORTS
        else "hold_payouts"
    )
    contain(alert=alert, how=how, words="", actor=actor, at=at)


def _end_sessions(alert: Alert, actor: Actor, at: datetime) -> int:
    member = member_of(alert)
    if member is None:
        raise NothingToContain
    # All of them: a session that last opened another organization opens this one just as well.
    return sessions.end_all(user=User.objects.get(pk=member.user_id), actor=actor, at=at)
