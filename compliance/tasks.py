"""Celery's door to compliance."""

import logging
from dataclasses import replace
from uuid import UUID

from celery import shared_task

from compliance.breaches.tasks import watch_breaches
from compliance.closing.tasks import close_due
from compliance.controls import exceptions, running
from compliance.evidence import services as evidence
from compliance.packs import making
from compliance.packs.models import EvidencePack
from compliance.personaldata.tasks import after_erasure, write_journal
from compliance.requests.tasks import collect, watch_requests
from compliance.retention.tasks import run_all_retention, run_retention
from compliance.reviews import reminding
from core import clock
from tenancy import context, jobs
from tenancy.context import Scope, scope
from tenancy.models import Job, Tenant
from tenancy.tasks import SystemTask

# The tasks of people's own data stand with their nouns.
__all__ = [
    "after_erasure",
    "close_due",
    "collect",
    "make_pack",
    "run_all",
    "run_all_retention",
    "run_controls",
    "run_retention",
    "watch",
    "watch_breaches",
    "watch_requests",
    "write_journal",
]

_log = logging.getLogger("strongbox.compliance")


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.run_controls",
    reason="each control answers in a scope of its own",
)
def run_controls(self: SystemTask, tenant_id: str, job_id: str, code: str = "", asked_by: str = "") -> None:
    """Run one control of an organization, or all, as somebody asked."""
    asker = UUID(asked_by) if asked_by else None
    running.run(
        tenant_id=UUID(tenant_id),
        actor=replace(self.actor, on_behalf_of=asker),
        now=clock.now,
        codes=[code] if code else (),
        job_id=UUID(job_id),
        asked_by=asker,
    )


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.run_all",
    reason="the controls of every organization are run each day",
)
def run_all(self: SystemTask) -> int:
    """Run the live controls that are due in every organization that is open; return in how many there were any.

    Asked often: a host that is restarted every day still has each control run each day.
    """
    done = 0
    for tenant in _open():
        try:
            with scope(Scope(tenant)):
                codes = running.due(at=clock.now())
            if codes:
                running.run(tenant_id=tenant, actor=self.actor, now=clock.now, codes=codes)
                done += 1
        except Exception:
            # One that cannot be worked on keeps no other from its turn; its results grow old, which is noticed.
            _log.exception("the controls of an organization could not be run")
    return done


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.watch",
    reason="results grow old and evidence runs out in any organization",
)
def watch(self: SystemTask) -> int:
    """Notice what is not checked any more; return how much."""
    found = 0
    for tenant in _open():
        try:
            with scope(Scope(tenant)):
                at = clock.now()
                found += running.notice_stale(actor=self.actor, at=at)
                found += evidence.notice_expired(actor=self.actor, at=at)
                found += exceptions.end_due(actor=self.actor, at=at)
                reminding.remind(actor=self.actor, at=at)
        except Exception:
            _log.exception("the controls of an organization could not be watched")
    return found


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.make_pack",
    reason="a pack is set and signed longer than a transaction may last",
)
def make_pack(self: SystemTask, tenant_id: str, pack_id: str) -> None:
    """Make the file of an evidence pack. Delivered again after it was made, it does nothing."""
    tenant, pack = UUID(tenant_id), UUID(pack_id)
    with scope(Scope(tenant)):
        state, asked_by = EvidencePack.objects.values_list("state", "asked_by").get(pk=pack)
    if state == EvidencePack.State.QUEUED:
        actor = replace(self.actor, on_behalf_of=asked_by)
        making.make(tenant_id=tenant, pack_id=pack, actor=actor, now=clock.now)


def _again(job: Job) -> None:
    for pack_id in EvidencePack.objects.filter(job_id=job.pk).values_list("pk", flat=True):
        make_pack.delay(str(job.tenant_id), str(pack_id))


jobs.sent_again_by(making.JOB, _again)


def _open() -> list[UUID]:
    with context.system_scope(reason="organizations are worked on one by one"):
        return list(
            Tenant.objects.filter(state=Tenant.State.ACTIVE).order_by("slug").values_list("pk", flat=True)
        )
