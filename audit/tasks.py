"""Celery's door to the trail: months prepared ahead, and every trail checked regularly."""

from celery import shared_task
from django.db import connections

from audit import verification
from tenancy import context
from tenancy.models import Tenant
from tenancy.tasks import SystemTask


@shared_task(base=SystemTask, name="audit.prepare_months", reason="partitions belong to no organization")
def prepare_months() -> int:
    """Make the partitions of this month and the next three; return how many of the four exist."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT audit_prepare_months()")
        return int(cursor.fetchone()[0])


@shared_task(bind=True, base=SystemTask, name="audit.verify_all", reason="every organization has a trail")
def verify_all(self: SystemTask) -> int:
    """Verify the trail of every organization, one after the other; return how many are not whole."""
    with context.system_scope(reason="the check walks the organizations one by one"):
        tenants = list(Tenant.objects.order_by("pk").values_list("pk", flat=True))
    return sum(not verification.check(tenant, actor=self.actor).is_whole for tenant in tenants)
