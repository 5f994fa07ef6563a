"""Celery's door to closing."""

import logging

from celery import shared_task

from compliance.closing import services
from compliance.closing.models import Closing
from core import clock
from tenancy import context
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from tenancy.tasks import SystemTask

_log = logging.getLogger("strongbox.compliance")


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.close_due",
    reason="the month of a closing may be over in any organization",
)
def close_due(self: SystemTask) -> int:
    """Destroy the keys of every organization whose month is over; return how many."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.exclude(kind=Tenant.Kind.OPERATOR).values_list("pk", flat=True))
    closed = 0
    for tenant in tenants:
        try:
            with scope(Scope(tenant)):
                due = Closing.objects.filter(state=Closing.State.HOLDING, until__lte=clock.now()).exists()
                if due:
                    services.close(actor=self.actor, at=clock.now())
            if due:
                services.shred_files(tenant)
                closed += 1
        except Exception:
            # One that cannot be closed keeps no other from its turn.
            _log.exception("an organization could not be closed")
    return closed
