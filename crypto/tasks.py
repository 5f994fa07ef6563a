"""Rotation as the ops-worker runs it: queue `keys`, the one process with the rekey role."""

from datetime import datetime
from uuid import UUID

from celery import shared_task

from audit import services as audit
from core import clock
from core.actor import Actor
from core.errors import Conflict, Refusal
from crypto import events, rotation
from crypto.envelope import Purpose
from tenancy import context, jobs
from tenancy.context import use_case
from tenancy.models import Job
from tenancy.tasks import SystemTask

QUEUE = "keys"
KIND = "keys.rotate"
_REASON = "a rotation commits batch by batch, each in a scope of its own"


class RotationRuns(Conflict):
    """A rotation is under way already. Wait until it is finished."""

    code = "rotation_runs"


@shared_task(base=SystemTask, bind=True, name="crypto.rotate", reason=_REASON)
def rotate(self: SystemTask, tenant_id: str, purpose: str, job_id: str, batch: int = rotation.BATCH) -> None:
    """Rotate a key and note the progress on the job. Delivered again after a crash, it goes on."""
    run(UUID(tenant_id), Purpose(purpose), UUID(job_id), actor=self.actor, batch=batch)


@use_case
def ask(*, purpose: Purpose, actor: Actor, at: datetime) -> Job:
    """Ask for the rotation of a purpose's key of the organization in scope; return its job.

    The ops-worker does it after the commit.

    Raises:
        BlindIndexKeyIsNotRotated: of that purpose.
        RotationRuns: one has been asked for and is not finished.
    """
    if purpose is Purpose.BLIND_INDEX:
        raise rotation.BlindIndexKeyIsNotRotated
    if jobs.lasting(kind=KIND) is not None:
        raise RotationRuns
    job = jobs.start(kind=KIND, at=at, created_by=actor.id)
    facts = {"purpose": purpose.value}
    audit.record(events.ROTATION_REQUESTED, actor=actor, subject=("job", job.pk), facts=facts)
    sent = [str(context.current_tenant()), purpose.value, str(job.pk)]
    jobs.hand_over(job, lambda: rotate.apply_async(sent, queue=QUEUE))
    return job


def run(tenant_id: UUID, purpose: Purpose, job_id: UUID, *, actor: Actor, batch: int) -> dict[str, int]:
    """Rotate a key, note progress and outcome on the job, and return the counts.

    Raises:
        Refusal: the rotation was refused; the job says so with its code.
    """
    scope = context.Scope(tenant_id)

    def progress(done: int, total: int) -> None:
        with context.scope(scope):
            jobs.advance(job_id=job_id, at=clock.now(), done=done, total=total)

    try:
        progress(0, 0)
        result = rotation.rotate(
            tenant_id=tenant_id, purpose=purpose, actor=actor, clock=clock.now, progress=progress, batch=batch
        )
    except Exception as error:
        # Whoever waits must hear of it: a code, never a message that might quote a value.
        with context.scope(scope):
            jobs.fail(
                job_id=job_id, at=clock.now(), code=error.code if isinstance(error, Refusal) else "failed"
            )
        raise
    counts = {"values": result.values, "version": result.version}
    with context.scope(scope):
        jobs.finish(job_id=job_id, at=clock.now(), counts=counts)
    return counts
