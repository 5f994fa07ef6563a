"""Celery's door to exports."""

import logging
from dataclasses import replace
from uuid import UUID

from celery import shared_task

from billing.exports import making, services
from billing.exports.models import Export
from core import clock
from tenancy import context, jobs
from tenancy.context import Scope, scope
from tenancy.models import Job, Tenant
from tenancy.tasks import SystemTask

_log = logging.getLogger("strongbox.billing")


@shared_task(
    bind=True,
    base=SystemTask,
    name="billing.make_export",
    reason="a file is written longer than a transaction may last; each reading has a scope of its own",
)
def make_export(self: SystemTask, tenant_id: str, export_id: str) -> None:
    """Make the file of one export. Delivered again after a crash, it is made anew."""
    tenant = UUID(tenant_id)
    with scope(Scope(tenant)):
        asked_by = Export.objects.values_list("asked_by", flat=True).get(pk=UUID(export_id))
    actor = replace(self.actor, on_behalf_of=asked_by)
    making.make(tenant_id=tenant, export_id=UUID(export_id), actor=actor, now=clock.now)


@shared_task(
    bind=True,
    base=SystemTask,
    name="billing.end_exports",
    reason="a file's day may be over in any organization",
)
def end_exports(self: SystemTask) -> int:
    """Destroy the files whose day is over, in every organization; return how many."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.filter(state=Tenant.State.ACTIVE).values_list("pk", flat=True))
    ended = 0
    for tenant in tenants:
        try:
            with scope(Scope(tenant)):
                ended += services.end_due(actor=self.actor, at=clock.now())
        except Exception:
            # One that cannot be worked on keeps no other from its turn.
            _log.exception("the exports of an organization could not be ended")
    return ended


def make_soon(job: Job, export_id: UUID) -> None:
    """Hand an export to a worker once the transaction has committed."""
    sent = [str(job.tenant_id), str(export_id)]
    jobs.hand_over(job, lambda: make_export.delay(*sent))


def _again(job: Job) -> None:
    for export_id in Export.objects.filter(job_id=job.pk).values_list("pk", flat=True):
        make_export.delay(str(job.tenant_id), str(export_id))


jobs.sent_again_by(services.JOB, _again)
