"""Celery's door to breaches."""

import logging

from celery import shared_task

from compliance.breaches import services
from core import clock
from tenancy import context
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from tenancy.tasks import SystemTask

_log = logging.getLogger("strongbox.compliance")


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.watch_breaches",
    reason="the clock of a breach may run out in any organization",
)
def watch_breaches(self: SystemTask) -> int:
    """Say of every open breach, once, that its clock runs out."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.filter(state=Tenant.State.ACTIVE).values_list("pk", flat=True))
    told = 0
    for tenant in tenants:
        try:
            with scope(Scope(tenant)):
                told += services.tell_due_soon(actor=self.actor, at=clock.now())
        except Exception:
            # One that cannot be worked on keeps no other from its turn.
            _log.exception("the breaches of an organization could not be looked at")
    return told
