"""The demo's people and what they have learned: some all of it, some late, one message that was reported,
and practice that has ended.

Everything goes through the ordinary services, as if it had happened in the last weeks.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from accounts import queries as people
from accounts.models import ApprovalRequest, Membership
from accounts.permissions import RoleCode
from accounts.services import approvals
from core import clock, ids
from core.actor import Actor, ActorKind, SignInMethod, Via
from outbound.models import OutboxMessage
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from training import catalog
from training.courses.reading import EVERYONE
from training.models import Assignment, Attempt, PracticeResult
from training.practice import noting, planning, running
from training.services import duties, learning, suspicious

_PRACTISED, _LONG_HERE = timedelta(days=30), timedelta(days=120)
_ASSIGNED, _LONG_AGO = timedelta(days=5), timedelta(days=24)
# How many of their modules each has passed; they are in the middle of the next one.
_DONE = {
    RoleCode.OWNER: 4, RoleCode.ADMIN: 2, RoleCode.BILLING_MANAGER: 3, RoleCode.BILLING_CLERK: 1,
    RoleCode.APPROVER: 2, RoleCode.ACCOUNTANT: 3, RoleCode.SECURITY_OFFICER: 9, RoleCode.AUDITOR: 2,
    RoleCode.DEVELOPER: 1,
}  # fmt: skip
_LATE = (RoleCode.BILLING_CLERK, RoleCode.DEVELOPER)


def fill(tenant: Tenant) -> None:
    """Let the people of an organization learn, each as far as they came."""
    system, now = Actor.system("demo"), clock.now()
    with scope(Scope(tenant.pk)):
        members = list(people.members().filter(state=Membership.State.ACTIVE))
        late, at = [each.pk for each in members if each.role.code in _LATE], now - _LONG_AGO
        for code in ("devices", "incidents"):
            duties.assign(
                member_ids=late, course=code, why=Assignment.Why.BY_HAND, due_on=now.date() - timedelta(days=3),
                actor=system, at=at, today=at.date(),
            )  # fmt: skip
        at = now - _ASSIGNED
        duties.keep(actor=system, at=at, today=at.date())
    for member in members:
        with scope(Scope(tenant.pk)):
            _learn(member)
    clerk = next((each for each in members if each.role.code == RoleCode.BILLING_CLERK), None)
    with scope(Scope(tenant.pk)):
        if clerk is not None:
            suspicious.report(
                kind="mail",
                done="opened",
                sender="accounts@northline-freight.billing-notice.example",
                text="FINAL NOTICE: invoice NF-20418, service stops today 12:00. View: northline-freight.example/pay",
                actor=_actor(clerk),
                at=clock.now() - timedelta(hours=3),
            )
        duties.keep(actor=system, at=now, today=now.date())
    _practise(tenant)


def _practise(tenant: Tenant) -> None:
    """Let practice have come to its end: of seven people two opened the link, and four reported it."""
    at = clock.now() - _PRACTISED
    with scope(Scope(tenant.pk)):
        # The demo's people have been here for longer than its database.
        Membership.objects.filter(joined_at__gt=at - _LONG_HERE).update(joined_at=at - _LONG_HERE)
        members = {each.role.code: each for each in people.members().filter(state=Membership.State.ACTIVE)}
        if not {RoleCode.SECURITY_OFFICER, RoleCode.ADMIN} <= members.keys():
            return
        campaign = planning.plan(
            lure="overdue-notice", roles=[EVERYONE], member_ids=[], opens_on=at.date(),
            closes_on=at.date() + timedelta(days=9), announced=True, agreement="Agreed on 3 March, yearly",
            actor=_actor(members[RoleCode.SECURITY_OFFICER]), at=at,
        )  # fmt: skip
        asked = ApprovalRequest.objects.get(kind=planning.KIND, subject_id=campaign.pk)
        second = replace(_actor(members[RoleCode.ADMIN]), method=SignInMethod.SESSION_FRESH)
        approvals.approve(request_id=asked.pk, actor=second, at=at)
        rows = list(PracticeResult.objects.filter(campaign=campaign).order_by("due_at"))
    for number, row in enumerate(rows):
        with scope(Scope(tenant.pk)):
            _one_mail(row, members[row.role], opens=number in (1, 4), reports=number % 2 == 0)
    with scope(Scope(tenant.pk)):
        running.end_old(actor=Actor.system("demo"), at=clock.now())


def _one_mail(row: PracticeResult, member: Membership, *, opens: bool, reports: bool) -> None:
    running.send(result_id=row.pk, actor=Actor.system("demo"), at=row.due_at)
    row.refresh_from_db()
    body = OutboxMessage.objects.get(pk=row.message).body or {}
    raw = body["text"].partition("/doc/")[2].split()[0]
    noting.fetched(raw=raw, at=row.due_at)
    if opens:
        soon = row.due_at + timedelta(minutes=4)
        noting.noted(raw=raw, typed=reports, agent="Firefox", person_id=None, at=soon)
        noting.learned(result_id=row.pk, at=soon + timedelta(minutes=1))
    if reports:
        noting.recognised(text=raw, actor=_actor(member), at=row.due_at + timedelta(minutes=9))


def _learn(member: Membership) -> None:
    mine = list(
        Assignment.objects.filter(member=member, state=Assignment.State.OPEN)
        .order_by("-due_on", "id")
        .values_list("course", flat=True)
    )
    done = _DONE.get(RoleCode(member.role.code), 0) if member.role.builtin else 0
    for number, code in enumerate(mine[: done + 1]):
        at = clock.now() - _ASSIGNED + timedelta(hours=9 * (number + 1))
        actor = _actor(member)
        attempt = learning.start(member=member, code=code, actor=actor, at=at, today=at.date())
        course = catalog.course(code)
        pages = course.pages if number < done else course.pages[:2]
        for page_number, page in enumerate(pages, 1):
            chosen = list(range(len(page.step.options))) if page.step else []
            if page.step and page.step.kind != "order":
                chosen = [index for index, option in enumerate(page.step.options) if option.right]
            learning.take_page(
                member=member, code=code, number=page_number, chosen=chosen, at=at + timedelta(minutes=2)
            )
        if number < done:
            _answer(attempt, member, code, wrong=number % 2, actor=actor, at=at + timedelta(minutes=7))


def _answer(
    attempt: Attempt, member: Membership, code: str, *, wrong: int, actor: Actor, at: datetime
) -> None:
    course = catalog.course(code)
    for number, asked in enumerate(attempt.asked, 1):
        options = course.question(asked).options
        chosen = next(index for index, option in enumerate(options) if option.right == (number > wrong))
        learning.answer(member=member, code=code, number=number, chosen=chosen, at=at)
    learning.finish(
        member=member, code=code, acknowledged=True, actor=actor, at=at, today=at.date()
    )  # fmt: skip


def _actor(member: Membership) -> Actor:
    return Actor(
        kind=ActorKind.USER, via=Via.COMMAND, request_id=ids.uuid7(), id=member.user_id, network="demo",
        method=SignInMethod.SESSION,
    )  # fmt: skip
