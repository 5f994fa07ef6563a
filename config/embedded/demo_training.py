"""The demo's people and what they have learned: some all of it, some late, one message that was reported.

Everything goes through the ordinary services, as if it had happened in the last weeks.
"""

from datetime import datetime, timedelta

from accounts import queries as people
from accounts.models import Membership
from accounts.permissions import RoleCode
from core import clock, ids
from core.actor import Actor, ActorKind, SignInMethod, Via
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from training import catalog
from training.models import Assignment, Attempt
from training.services import duties, learning, suspicious

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
