"""Celery's door to patching: queue `patches`, which the ops-worker alone serves."""

from uuid import UUID

from celery import shared_task

from audit import services as audit
from core import clock
from core.actor import Actor
from core.errors import Conflict, Refusal
from patching import events, services
from patching.models import Check
from tenancy import context, jobs
from tenancy.context import Scope, scope, use_case
from tenancy.models import Job
from tenancy.tasks import SystemTask

QUEUE = "patches"
KIND = "patches.check"
_REASON = "what runs here is the operator's to look at; the look itself is no transaction"


class CheckRuns(Conflict):
    """A look is under way already."""

    code = "check_runs"


@shared_task(bind=True, base=SystemTask, name="patching.check", reason=_REASON)
def check(self: SystemTask) -> str:
    """Look at everything that runs, once a day; return the state, nothing where it is too early."""
    if not services.is_due(clock.now()):
        return ""
    return str(services.check(actor=self.actor, now=clock.now).state)


@shared_task(bind=True, base=SystemTask, name="patching.check_now", reason=_REASON)
def check_now(self: SystemTask, tenant_id: str, job_id: str) -> str:
    """Look because somebody asked, and note on the job how it ended."""
    try:
        row: Check = services.check(actor=self.actor, now=clock.now)
    except Exception as error:
        with scope(Scope(UUID(tenant_id))):
            code = error.code if isinstance(error, Refusal) else "failed"
            jobs.fail(job_id=UUID(job_id), at=clock.now(), code=code)
        raise
    with scope(Scope(UUID(tenant_id))):
        counts = {"components": row.components, "open": row.open, "unknown": row.unknown}
        jobs.finish(job_id=UUID(job_id), at=clock.now(), counts=counts)
    return str(row.state)


@use_case
def ask(*, actor: Actor) -> Job:
    """Ask for a look; the ops-worker takes it after the commit.

    Raises:
        CheckRuns: one has been asked for and is not finished.
    """
    if jobs.lasting(kind=KIND) is not None:
        raise CheckRuns
    job = jobs.start(kind=KIND, at=clock.now(), created_by=actor.id, total=1)
    audit.record(events.CHECK_ASKED, actor=actor, subject=("job", job.pk))
    sent = [str(context.current_tenant()), str(job.pk)]
    jobs.hand_over(job, lambda: check_now.apply_async(sent, queue=QUEUE))
    return job
