"""Rotation as the ops-worker runs it: queue `keys`, the one process with the rekey role."""

from uuid import UUID

from celery import shared_task

from core import clock
from core.actor import Actor
from core.errors import Refusal
from crypto import rotation
from crypto.envelope import Purpose
from tenancy import context, jobs
from tenancy.tasks import SystemTask

QUEUE = "keys"
KIND = "keys.rotate"
_REASON = "a rotation commits batch by batch, each in a scope of its own"


@shared_task(base=SystemTask, bind=True, name="crypto.rotate", reason=_REASON)
def rotate(self: SystemTask, tenant_id: str, purpose: str, job_id: str, batch: int = rotation.BATCH) -> None:
    """Rotate a key and note the progress on the job. Delivered again after a crash, it goes on."""
    run(UUID(tenant_id), Purpose(purpose), UUID(job_id), actor=self.actor, batch=batch)


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
    except Refusal as refusal:
        with context.scope(scope):
            jobs.fail(job_id=job_id, at=clock.now(), code=refusal.code)
        raise
    counts = {"values": result.values, "version": result.version}
    with context.scope(scope):
        jobs.finish(job_id=job_id, at=clock.now(), counts=counts)
    return counts
