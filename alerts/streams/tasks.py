"""Celery's door to the streams."""

from collections.abc import Sequence
from uuid import UUID

from celery import shared_task

from alerts.streams import queries, sending
from core import clock
from tenancy import context
from tenancy.models import Tenant
from tenancy.tasks import SystemTask


@shared_task(
    bind=True,
    base=SystemTask,
    name="alerts.send_on",
    reason="no transaction waits for somebody else's server: each step opens a scope of its own",
)
def send_on(self: SystemTask, tenant_id: str) -> int:
    """Send what waits in one organization's streams; return how many events were acknowledged."""
    return sending.deliver_due(tenant_id=UUID(tenant_id), actor=self.actor, now=clock.now)


@shared_task(bind=True, base=SystemTask, name="alerts.sweep_streams", reason="every trail grows on its own")
def sweep_streams(self: SystemTask) -> int:
    """Ask for what waits anywhere; return in how many organizations something does."""
    due = 0
    for tenant in _tenants():
        with context.scope(context.Scope(tenant)):
            waits = sending.has_due(at=clock.now())
        if waits:
            sending.soon_for(tenant)
            due += 1
    return due


@shared_task(
    bind=True, base=SystemTask, name="alerts.look_for_late_streams", reason="every trail grows on its own"
)
def look_for_late_streams(self: SystemTask) -> int:
    """Record which streams have become late or caught up; return how many are late."""
    late = 0
    for tenant in _tenants():
        with context.scope(context.Scope(tenant)):
            if queries.streams():
                late += sending.look_for_late(actor=self.actor, at=clock.now())
    return late


def _tenants() -> Sequence[UUID]:
    with context.system_scope(reason="the streams are looked after organization by organization"):
        return list(Tenant.objects.exclude(state=Tenant.State.SEALED).values_list("pk", flat=True))
