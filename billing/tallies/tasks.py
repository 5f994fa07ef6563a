"""Celery's door to the tallies."""

from celery import shared_task

from billing.tallies import services
from tenancy import context
from tenancy.models import Tenant
from tenancy.tasks import SystemTask


@shared_task(base=SystemTask, name="billing.melt_tallies", reason="every organization has tallies")
def melt_tallies() -> int:
    """Melt every organization's tallies, one after the other; return how many rows are left of them."""
    with context.system_scope(reason="tallies are melted for every organization"):
        tenants = list(Tenant.objects.filter(state=Tenant.State.ACTIVE).values_list("pk", flat=True))
    left = 0
    for tenant_id in tenants:
        with context.scope(context.Scope(tenant_id)):
            left += services.melt()
    return left
