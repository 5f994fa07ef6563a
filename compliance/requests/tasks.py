"""Celery's door to requests."""

import logging
from dataclasses import replace
from uuid import UUID

from celery import shared_task

from compliance.requests import making, services
from compliance.requests.models import PrivacyRequest
from core import clock
from tenancy import context, jobs
from tenancy.context import Scope, scope
from tenancy.models import Job, Tenant
from tenancy.tasks import SystemTask

_log = logging.getLogger("strongbox.compliance")


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.collect",
    reason="a file is written longer than a transaction may last; each reading has a scope of its own",
)
def collect(self: SystemTask, tenant_id: str, request_id: str, asked_by: str) -> None:
    """Collect everything about whoever asked. Delivered again after a crash, it is made anew."""
    actor = replace(self.actor, on_behalf_of=UUID(asked_by) if asked_by else None)
    making.make(tenant_id=UUID(tenant_id), request_id=UUID(request_id), actor=actor, now=clock.now)


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.watch_requests",
    reason="the day of a request may come near in any organization",
)
def watch_requests(self: SystemTask) -> int:
    """Say of every open request, once, that its day comes near."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.filter(state=Tenant.State.ACTIVE).values_list("pk", flat=True))
    told = 0
    for tenant in tenants:
        try:
            with scope(Scope(tenant)):
                told += services.tell_due_soon(actor=self.actor, at=clock.now())
        except Exception:
            # One that cannot be worked on keeps no other from its turn.
            _log.exception("the requests of an organization could not be looked at")
    return told


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.search_words",
    reason="every word is read longer than a transaction may last; each reading has a scope of its own",
)
def search_words(self: SystemTask, tenant_id: str, request_id: str, asked_by: str) -> None:
    """Search what was typed for whoever is to be erased. Delivered again after a crash, it is done anew."""
    actor = replace(self.actor, on_behalf_of=UUID(asked_by) if asked_by else None)
    making.search(tenant_id=UUID(tenant_id), request_id=UUID(request_id), actor=actor, now=clock.now)


def search_soon(job: Job, request_id: UUID) -> None:
    """Hand the search to a worker once the transaction has committed."""
    sent = [str(job.tenant_id), str(request_id), str(job.created_by or "")]
    jobs.hand_over(job, lambda: search_words.delay(*sent))


def collect_soon(job: Job, request_id: UUID) -> None:
    """Hand the collecting to a worker once the transaction has committed."""
    sent = [str(job.tenant_id), str(request_id), str(job.created_by or "")]
    jobs.hand_over(job, lambda: collect.delay(*sent))


def _again(job: Job) -> None:
    for request_id in PrivacyRequest.objects.filter(job_id=job.pk).values_list("pk", flat=True):
        collect.delay(str(job.tenant_id), str(request_id), str(job.created_by or ""))


jobs.sent_again_by(services.JOB, _again)


def _search_again(job: Job) -> None:
    for request_id in PrivacyRequest.objects.filter(job_id=job.pk).values_list("pk", flat=True):
        search_words.delay(str(job.tenant_id), str(request_id), str(job.created_by or ""))


jobs.sent_again_by(services.SEARCH_JOB, _search_again)
