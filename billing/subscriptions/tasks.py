"""Celery's door to subscriptions."""

from datetime import date
from uuid import UUID

from celery import shared_task

from billing.subscriptions import clock as days
from billing.subscriptions import services, testclock
from core import clock
from core.actor import Actor
from tenancy import context, jobs, suspension
from tenancy.models import Job
from tenancy.tasks import SystemTask

QUEUE = "bulk"


@shared_task(
    base=SystemTask,
    bind=True,
    name="billing.tend_subscriptions",
    reason="days begin in every organization's own time zone",
)
def tend_subscriptions(self: SystemTask) -> int:
    """Let trials and cancellations of every organization take effect on their days; return how many."""
    tenants = suspension.at_work(reason=self.reason)
    moved = 0
    for tenant_id in tenants:
        at = clock.now()
        with context.scope(context.Scope(tenant_id)):
            moved += services.pass_day(today=days.today(at), actor=self.actor, at=at)
    return moved


@shared_task(
    base=SystemTask,
    bind=True,
    name="billing.move_test_clock",
    reason="each day that passes is billed chunk by chunk, each in a scope of its own",
)
def move_test_clock(self: SystemTask, tenant_id: str, job_id: str, to: str) -> int:
    """Move an organization's test clock to a day. Delivered again after a crash, it goes on."""
    return testclock.move(
        tenant_id=UUID(tenant_id),
        job_id=UUID(job_id),
        to=date.fromisoformat(to),
        actor=self.actor,
        now=clock.now,
    )


def ask(*, to: date, actor: Actor) -> Job:
    """Ask for the clock to be moved, and have the worker do it after the commit. Raises what `testclock.ask` raises."""
    job = testclock.ask(to=to, actor=actor, at=clock.now())
    sent = [str(context.current_tenant()), str(job.pk), to.isoformat()]
    jobs.hand_over(job, lambda: move_test_clock.apply_async(sent, queue=QUEUE))
    return job
