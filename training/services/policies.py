"""What an organization decides about training: how much time, whether rights wait, whose duty a course is."""

from collections.abc import Collection
from datetime import date, datetime

from accounts import queries as people
from audit import services as audit
from core.actor import Actor
from core.errors import Forbidden, Refusal
from tenancy.context import use_case
from training import catalog, events
from training.courses.reading import EVERYONE
from training.models import CourseDuty, TrainingPolicy
from training.services import duties


class UnknownRole(Refusal):
    """There is no such role."""

    code = "unknown_role"


class OwnRightsWait(Forbidden):
    """Your own rights wait for training. Finish it first, or let somebody else decide about the rules."""

    code = "own_rights_wait"


def _refuse_the_late(actor: Actor, at: datetime) -> None:
    """Nobody loosens the rule that holds them."""
    member = people.member_acting(actor, at=at)
    if member is not None and member.withheld:
        raise OwnRightsWait


@use_case
def set_policy(
    *,
    hire_days: int,
    repeat_days: int,
    grace_days: int,
    withholds: bool,
    actor: Actor,
    at: datetime,
    today: date,
) -> TrainingPolicy:
    """Decide how training is asked for; what was withheld by other rules is settled at once.

    Raises:
        OwnRightsWait
    """
    _refuse_the_late(actor, at)
    row = TrainingPolicy.objects.select_for_update().first() or TrainingPolicy()
    row.hire_days, row.repeat_days, row.grace_days = hire_days, repeat_days, grace_days
    row.withholds, row.updated_at = withholds, at
    row.save()
    audit.record(
        events.POLICY_CHANGED,
        actor=actor,
        facts={
            "hire_days": hire_days,
            "repeat_days": repeat_days,
            "grace_days": grace_days,
            "withholds": withholds,
        },
    )
    duties.settle(member_ids=[member.pk for member in people.members()], actor=actor, today=today)
    return row


@use_case
def set_duty(*, course: str, roles: Collection[str], actor: Actor, at: datetime, today: date) -> CourseDuty:
    """Decide whose duty a course is: everyone's, some roles', or nobody's; it acts at once.

    Raises:
        NotFound: there is no such course.
        UnknownRole, OwnRightsWait.
    """
    _refuse_the_late(actor, at)
    catalog.course(course)
    known = {EVERYONE, *people.roles().values_list("code", flat=True)}
    if set(roles) - known:
        raise UnknownRole(field="roles")
    row = CourseDuty.objects.select_for_update().filter(course=course).first() or CourseDuty(course=course)
    row.roles, row.updated_at = [EVERYONE] if EVERYONE in roles else sorted(set(roles)), at
    row.save()
    audit.record(events.DUTY_CHANGED, actor=actor, facts={"course": course, "roles": len(row.roles)})
    duties.keep(actor=actor, at=at, today=today)
    return row
