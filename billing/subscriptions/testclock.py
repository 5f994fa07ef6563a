"""The test clock: time that somebody moves forward, in an organization that only tries things out.

It moves nothing but what billing asks for by day: which day it is, what is due, what has ended, who is reminded. The
audit trail and every moment that is recorded stay true.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

from audit import services as audit
from billing import events
from billing.issuer import queries as issuer
from billing.runs import services as runs
from billing.subscriptions import clock, planning
from billing.subscriptions.models import TestClock
from billing.subscriptions.rules import instant
from billing.subscriptions.services import pass_day
from core import days
from core.actor import Actor
from core.errors import Conflict, Refusal
from tenancy import context, jobs
from tenancy.context import use_case
from tenancy.models import Job, Tenant

KIND = "test_clock"
# Days that one move may pass: enough for two leap days to be tried out in one go each.
MOST_DAYS = 366
Passed = Callable[[UUID, Actor, datetime], object]
_when_passed: list[Passed] = []


class ClockIsReal(Conflict):
    """Time is moved in test organizations only; here it is real."""

    code = "clock_is_real"


class ClockRunsForward(Refusal):
    """Name a later day, at most 366 days ahead."""

    code = "clock_runs_forward"


class ClockIsMoving(Conflict):
    """The clock is on its way to another day. Wait until it is there."""

    code = "clock_is_moving"


def when_day_passes(function: Passed) -> Passed:
    """Have something done at noon of each day that passes, outside any scope; call it in AppConfig.ready."""
    _when_passed.append(function)
    return function


def is_test() -> bool:
    """Tell whether the organization in scope only tries things out."""
    return bool(Tenant.objects.filter(pk=context.current_tenant(), mode=Tenant.Mode.TEST).exists())


@use_case
def ask(*, to: date, actor: Actor, at: datetime) -> Job:
    """Ask for the clock to be moved to a day; each day on the way is billed as it would have been.

    Raises:
        ClockIsReal: this is no test organization.
        ClockRunsForward: the day is not ahead, or too far.
        ClockIsMoving: it is under way already.
    """
    if not is_test():
        raise ClockIsReal
    days.check(to, field="to")
    today = clock.today(at)
    if not today < to <= today + timedelta(days=MOST_DAYS):
        raise ClockRunsForward(field="to")
    if jobs.lasting(kind=KIND) is not None:
        raise ClockIsMoving
    job = jobs.start(kind=KIND, at=at, total=(to - today).days, created_by=actor.id)
    audit.record(
        events.TEST_CLOCK_MOVED,
        actor=actor,
        subject=("job", job.pk),
        facts={"from": today.isoformat(), "to": to.isoformat()},
    )
    return job


def move(*, tenant_id: UUID, job_id: UUID, to: date, actor: Actor, now: Callable[[], datetime]) -> int:
    """Pass day after day, each in transactions of its own, and return how many; begun again, it goes on."""
    inside = context.Scope(tenant_id)
    passed = 0
    while True:
        with context.scope(inside):
            today = clock.today(now())
            if today >= to:
                jobs.finish(job_id=job_id, at=now(), counts={"days": passed})
                return passed
            time_zone = issuer.time_zone()
        day = today + timedelta(days=1)
        _pass(inside, day, actor, now)
        for function in _when_passed:
            function(tenant_id, actor, instant(day, time_zone) + timedelta(hours=12))
        passed += 1
        with context.scope(inside):
            jobs.advance(job_id=job_id, at=now(), done=passed, total=(to - day).days + passed)


def _pass(inside: context.Scope, day: date, actor: Actor, now: Callable[[], datetime]) -> None:
    with context.scope(inside):
        while pass_day(today=day, actor=actor, at=now()):
            pass
        run = runs.begin(on=day, actor=actor, at=now()) if planning.due(day, None, 1) else None
    if run is not None and inside.tenant is not None:
        runs.work(tenant_id=inside.tenant, run_id=run.pk, actor=actor, clock=now)
    # The day counts as passed once it is billed: whoever begins again bills it again, which brings nothing.
    with context.scope(inside):
        TestClock.objects.update_or_create(defaults={"today": day, "updated_at": now()})
