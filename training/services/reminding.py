"""Reminders by mail: one a person whatever is due, in the morning of their organization, each step once.

Promise kept: a mail names modules and days and leads to the page; it asks for nothing that a reader should have
learned not to give, and carries no code and no way to sign in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts import queries as people
from accounts.models import Membership, User
from accounts.permissions import Permission
from audit import services as audit
from billing.issuer import queries as issuers
from core.actor import Actor
from outbound import mail
from tenancy.context import Scope, scope, use_case
from training import catalog, events, rules
from training.models import Assignment

# Nobody is reminded in the night.
FROM_HOUR = 8


@dataclass(frozen=True, slots=True)
class _Line:
    title: str
    due_on: str
    late: bool


def remind(*, tenant_id: UUID, actor: Actor, now: Callable[[], datetime]) -> int:
    """Send what is due today in one organization, from eight in its morning on; return how many mails went out."""
    with scope(Scope(tenant_id)):
        here = now().astimezone(ZoneInfo(issuers.time_zone()))
        if here.hour < FROM_HOUR:
            return 0
        today, slug = here.date(), people.current_organization().slug
        concerned = _concerned(today)
    sent, late = 0, 0
    for member_id in concerned:
        with scope(Scope(tenant_id)):
            stage = tell(member_id=member_id, slug=slug, actor=actor, today=today)
        sent += bool(stage)
        late += stage == "manager"
    if late:
        with scope(Scope(tenant_id)):
            sent += tell_managers(slug=slug, people_late=late, at=now(), today=today)
    return sent


def _concerned(today: date) -> list[UUID]:
    """Return the active members of whom a reminder is due today."""
    policy = catalog.policy()
    rows = Assignment.objects.filter(
        state=Assignment.State.OPEN,
        due_on__isnull=False,
        member__state=Membership.State.ACTIVE,
        member__user__state=User.State.ACTIVE,
    ).values_list("member_id", "due_on", "reminded")
    return sorted(
        {
            member_id
            for member_id, due_on, reminded in rows
            if rules.is_later(rules.stage(due_on=due_on, today=today, policy=policy), reminded)
        }
    )


@use_case
def tell(*, member_id: UUID, slug: str, actor: Actor, today: date) -> str:
    """Mail one member about everything they have to take; return the stage they were reminded of, or nothing."""
    policy = catalog.policy()
    rows = list(
        Assignment.objects.select_for_update(of=("self",))
        .select_related("member__user")
        .filter(member_id=member_id, state=Assignment.State.OPEN, due_on__isnull=False)
        .order_by("due_on", "id")
    )
    stages = {row.pk: rules.stage(due_on=row.due_on, today=today, policy=policy) for row in rows}
    new = [stages[row.pk] for row in rows if rules.is_later(stages[row.pk], row.reminded)]
    if not new:
        return ""
    stage = max(new, key=rules.STAGES.index)
    titles = catalog.titles(row.course for row in rows)
    member = rows[0].member
    if member.user.email:
        lines = [
            _Line(titles[row.course], f"{row.due_on:%-d %B %Y}", late=row.due_on < today) for row in rows
        ]
        mail.send(
            template="training_due",
            to=member.user.email,
            context={
                "stage": stage,
                "lines": lines,
                "withholds": policy.withholds,
                "grace": policy.grace_days,
                "path": f"/o/{slug}/training/mine",
            },
            dedupe_key=f"training:{member_id}:{stage}:{today}",
        )
    for row in rows:
        if rules.is_later(stages[row.pk], row.reminded):
            row.reminded = stages[row.pk]
            row.save(update_fields=["reminded"])
    audit.record(
        events.REMINDED,
        actor=actor,
        subject=("member", member_id),
        facts={"stage": stage, "modules": len(rows)},
    )
    return stage


@use_case
def tell_managers(*, slug: str, people_late: int, at: datetime, today: date) -> int:
    """Mail whoever looks after training that people are late by two weeks; numbers, no names."""
    of_operator = people.in_operator_organization()
    sent = 0
    for member in people.members().filter(state=Membership.State.ACTIVE, user__state=User.State.ACTIVE):
        looks_after = Permission.TRAINING_MANAGE in member.role.permissions(of_operator=of_operator)
        ended = member.expires_at is not None and member.expires_at <= at
        spared = not member.user.email or "training_late" in member.user.muted_mails
        if not looks_after or ended or spared:
            continue
        mail.send(
            template="training_late",
            to=member.user.email,
            context={"late": people_late, "path": f"/o/{slug}/training/assignments?state=overdue"},
            dedupe_key=f"training-late:{member.pk}:{today}",
        )
        sent += 1
    return sent
