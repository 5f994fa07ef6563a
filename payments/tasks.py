"""Celery's door to payments."""

from celery import shared_task

from core import clock
from payments.services import sending
from tenancy import context
from tenancy.models import Tenant
from tenancy.tasks import SystemTask


@shared_task(
    bind=True,
    base=SystemTask,
    name="payments.send_receipts",
    reason="payments arrive in every organization, and each receipt is a transaction of its own",
)
def send_receipts(self: SystemTask) -> int:
    """Mail every receipt that is due anywhere; return how many."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.exclude(state=Tenant.State.SEALED).values_list("pk", flat=True))
    return sum(
        sending.send_receipts(tenant_id=tenant, actor=self.actor, at=clock.now()) for tenant in tenants
    )
