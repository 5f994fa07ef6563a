"""Celery's door to imports."""

from dataclasses import replace
from uuid import UUID

from celery import shared_task

from accounts import queries as people
from accounts.permissions import Permission
from billing.imports import batches, work
from billing.imports.models import Import
from core import clock
from core.actor import ActorKind
from tenancy import jobs
from tenancy.context import Scope, scope
from tenancy.models import Job
from tenancy.tasks import SystemTask


@shared_task(
    bind=True,
    base=SystemTask,
    name="billing.work_on_import",
    reason="an import commits portion by portion, each in a scope of its own",
)
def work_on_import(self: SystemTask, tenant_id: str, import_id: str, kind: str) -> None:
    """Try, carry out or take back one import. Delivered again after a crash, it goes on."""
    tenant = UUID(tenant_id)
    with scope(Scope(tenant)):
        asked_by = Import.objects.values_list("created_by", flat=True).get(pk=UUID(import_id))
        asker = replace(self.actor, kind=ActorKind.USER, id=asked_by)
        held = people.permissions_of_actor(actor=asker, tenant=people.current_organization())
        if Permission.IMPORT_RUN not in held:
            work.fail(UUID(import_id), "no_longer_allowed", actor=self.actor, at=clock.now())
            return
    actor = replace(self.actor, on_behalf_of=asked_by)
    work.run(tenant_id=tenant, import_id=UUID(import_id), kind=kind, actor=actor, now=clock.now)


def work_soon(job: Job, import_id: UUID) -> None:
    """Hand an import to a worker once the transaction has committed."""
    sent = [str(job.tenant_id), str(import_id), job.kind]
    jobs.hand_over(job, lambda: work_on_import.delay(*sent))


def _again(job: Job) -> None:
    for import_id in Import.objects.filter(job_id=job.pk).values_list("pk", flat=True):
        work_on_import.delay(str(job.tenant_id), str(import_id), job.kind)


for _kind in (batches.KIND_READ, batches.KIND_CHECK, batches.KIND_RUN, batches.KIND_UNDO):
    jobs.sent_again_by(_kind, _again)
