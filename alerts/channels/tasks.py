"""Celery's door to the channels."""

from uuid import UUID

from celery import shared_task

from alerts.channels import delivery
from core import clock
from tenancy import context
from tenancy.models import Tenant
from tenancy.tasks import SystemTask


@shared_task(
    bind=True,
    base=SystemTask,
    name="alerts.tell",
    reason="no transaction waits for somebody else's server: each step opens a scope of its own",
)
def tell(self: SystemTask, tenant_id: str) -> int:
    """Tell one organization's channels what is due; return how many were told."""
    return delivery.deliver_due(tenant_id=UUID(tenant_id), actor=self.actor, now=clock.now)


@shared_task(
    bind=True, base=SystemTask, name="alerts.sweep_channels", reason="finds what a lost message left behind"
)
def sweep_channels(self: SystemTask) -> int:
    """Ask for what is due anywhere; return in how many organizations something is."""
    with context.system_scope(reason="the sweep walks the organizations"):
        tenants = list(Tenant.objects.exclude(state=Tenant.State.SEALED).values_list("pk", flat=True))
    due = 0
    for tenant in tenants:
        with context.scope(context.Scope(tenant)):
            if delivery.is_due(at=clock.now()):
                delivery.soon()
                due += 1
    return due


@shared_task(
    bind=True, base=SystemTask, name="alerts.forget_tellings", reason="every organization has channels"
)
def forget_tellings(self: SystemTask) -> int:
    """Remove tellings of more than a year; return how many."""
    with context.system_scope(reason="retention ends organization by organization"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    removed = 0
    for tenant in tenants:
        with context.scope(context.Scope(tenant)):
            removed += delivery.remove_old(at=clock.now())
    return removed
