"""Celery's door to billing runs: the worker's queue `bulk`, the one process with the bulk role."""

import logging
from datetime import date, datetime
from uuid import UUID

from celery import shared_task

from billing.issuer.models import Issuer
from billing.runs import services
from billing.runs.models import BillingRun
from core import clock
from core.actor import Actor
from core.errors import Refusal
from tenancy import context, suspension
from tenancy.context import use_case
from tenancy.tasks import SystemTask

QUEUE = "bulk"
_REASON = "a run commits chunk by chunk, each in a scope of its own"
_log = logging.getLogger("strongbox.billing")


@shared_task(base=SystemTask, bind=True, name="billing.work_run", reason=_REASON)
def work_run(self: SystemTask, tenant_id: str, run_id: str) -> int:
    """Work a billing run off and return how many invoices it has made. Delivered again after a crash, it goes on."""
    done = services.work(tenant_id=UUID(tenant_id), run_id=UUID(run_id), actor=self.actor, clock=clock.now)
    return done.invoices


@use_case
def ask(*, on: date, actor: Actor, at: datetime) -> BillingRun:
    """Begin the run of a day and have the worker do it after the commit. Raises what `services.begin` raises."""
    row = services.begin(on=on, actor=actor, at=at)
    sent = [str(context.current_tenant()), str(row.pk)]
    context.after_commit(lambda: work_run.apply_async(sent, queue=QUEUE))
    return row


@shared_task(
    base=SystemTask,
    bind=True,
    name="billing.tend_runs",
    reason="days begin in every organization's own time zone, and a run that stalled is one of any organization",
)
def tend_runs(self: SystemTask) -> int:
    """Begin the night's runs where they are switched on, and send what has stalled once more; return how many."""
    tenants = suspension.at_work(reason=self.reason)
    sent = 0
    for tenant_id in tenants:
        try:
            with context.scope(context.Scope(tenant_id)):
                sent += _tend(self.actor, clock.now())
        except Refusal:
            _log.warning("the runs of an organization could not be tended")
    return sent


def _tend(actor: Actor, at: datetime) -> int:
    sent = 0
    for run_id in services.stalled(at=at):
        work_run.apply_async([str(context.current_tenant()), str(run_id)], queue=QUEUE)
        sent += 1
    if Issuer.objects.filter(auto_billing=True).exists():
        on = services.night(at=at)
        if on is not None:
            ask(on=on, actor=actor, at=at)
            sent += 1
    return sent
