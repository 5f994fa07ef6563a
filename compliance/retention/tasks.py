"""Celery's door to retention."""

import logging
from dataclasses import replace
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from compliance.retention import services
from core import clock
from core.actor import Actor
from tenancy import context
from tenancy.context import current_tenant
from tenancy.models import Tenant
from tenancy.tasks import SystemTask

_log = logging.getLogger("strongbox.compliance")


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.run_retention",
    reason="each rule has a transaction of its own, and accounts belong to no organization",
)
def run_retention(self: SystemTask, tenant_id: str, asked_by: str = "") -> str:
    """Remove what is too old in one organization."""
    actor = replace(self.actor, on_behalf_of=UUID(asked_by) if asked_by else None)
    return str(services.run(tenant_id=UUID(tenant_id), actor=actor, now=clock.now))


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.run_all_retention",
    reason="something may be too old in any organization",
)
def run_all_retention(self: SystemTask) -> int:
    """Remove what is too old, in every organization; return of how many."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.filter(state=Tenant.State.ACTIVE).values_list("pk", flat=True))
    ran = 0
    for tenant in tenants:
        try:
            services.run(tenant_id=tenant, actor=self.actor, now=clock.now)
            ran += 1
        except Exception:
            # One that cannot be worked on keeps no other from its turn.
            _log.exception("retention of an organization could not run")
    return ran


def run_soon(actor: Actor) -> None:
    """Hand a run to a worker once the transaction has committed."""
    sent = [str(current_tenant()), str(actor.id or "")]

    def send() -> None:
        try:
            run_retention.delay(*sent)
        except OperationalError:
            _log.warning("the broker is away; retention runs at its next time")

    context.after_commit(send)
