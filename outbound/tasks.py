"""Celery's door to the outbox."""

from uuid import UUID

from celery import shared_task

from core import clock
from outbound import delivery, files, retention
from outbound.webhooks import delivery as webhook_delivery
from outbound.webhooks import publishing
from outbound.webhooks import services as webhook_services
from tenancy import context
from tenancy.models import Tenant
from tenancy.tasks import SystemTask


@shared_task(
    bind=True,
    base=SystemTask,
    name="outbound.deliver",
    reason="an outbox may be the operator's, whoever wrote to it",
)
def deliver(self: SystemTask, tenant_id: str) -> int:
    """Send what is due in one organization's outbox."""
    return delivery.deliver_due(tenant_id=UUID(tenant_id), actor=self.actor, at=clock.now())


@shared_task(
    bind=True, base=SystemTask, name="outbound.sweep", reason="finds what a lost message left behind"
)
def sweep(self: SystemTask) -> int:
    """Send what is due anywhere: nothing is lost when the broker or a worker was away."""
    with context.system_scope(reason="the sweep walks the organizations"):
        tenants = list(Tenant.objects.exclude(state=Tenant.State.SEALED).values_list("pk", flat=True))
    return sum(delivery.deliver_due(tenant_id=tenant, actor=self.actor, at=clock.now()) for tenant in tenants)


@shared_task(
    bind=True,
    base=SystemTask,
    name="outbound.deliver_webhooks",
    reason="no transaction waits for somebody else's server: each step opens a scope of its own",
)
def deliver_webhooks(self: SystemTask, tenant_id: str) -> int:
    """Tell one organization's endpoints what is due; return how many took it."""
    return webhook_delivery.deliver_due(tenant_id=UUID(tenant_id), actor=self.actor, now=clock.now)


@shared_task(
    bind=True, base=SystemTask, name="outbound.sweep_webhooks", reason="finds what a lost message left behind"
)
def sweep_webhooks(self: SystemTask) -> int:
    """Ask for the delivery of what is due anywhere; return in how many organizations something is."""
    with context.system_scope(reason="the sweep walks the organizations"):
        tenants = list(Tenant.objects.exclude(state=Tenant.State.SEALED).values_list("pk", flat=True))
    due = 0
    for tenant in tenants:
        with context.scope(context.Scope(tenant)):
            waits = webhook_delivery.is_due(at=clock.now())
        if waits:
            publishing.deliver_soon(tenant)
            due += 1
    return due


@shared_task(bind=True, base=SystemTask, name="outbound.tidy_files", reason="every organization has files")
def tidy_files(self: SystemTask) -> int:
    """Delete what has expired and what rollbacks left behind; return how many files went."""
    with context.system_scope(reason="the files are tidied organization by organization"):
        tenants = list(Tenant.objects.exclude(state=Tenant.State.SEALED).values_list("pk", flat=True))
    gone = 0
    for tenant in tenants:
        with context.scope(context.Scope(tenant)):
            gone += files.delete_expired(actor=self.actor, at=clock.now())
            gone += files.remove_orphans(at=clock.now())
    return gone


@shared_task(
    bind=True, base=SystemTask, name="outbound.end_retention", reason="every organization has an outbox"
)
def end_retention(self: SystemTask) -> int:
    """Remove what left every organization long ago: mail after 90 days, events after 30; return how many rows."""
    with context.system_scope(reason="retention ends organization by organization"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    removed = 0
    for tenant in tenants:
        with context.scope(context.Scope(tenant)):
            removed += retention.remove_old(actor=self.actor, at=clock.now())
            removed += webhook_services.remove_old(actor=self.actor, at=clock.now())
    return removed
