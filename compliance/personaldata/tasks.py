"""Celery's door to personal data."""

import logging
from uuid import UUID

from celery import shared_task

from compliance.personaldata import services
from core import clock
from tenancy import context
from tenancy.models import Tenant
from tenancy.tasks import SystemTask

_log = logging.getLogger("strongbox.compliance")


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.after_erasure",
    reason="an account belongs to no organization, and the journal to none",
)
def after_erasure(self: SystemTask, tenant_id: str, user_ids: list[str]) -> int:
    """Write an erasure into the journal, and erase the accounts that open nothing any more."""
    at = clock.now()
    services.write_journal(tenant_id=UUID(tenant_id), at=at)
    return services.forget_accounts(tuple(UUID(each) for each in user_ids), actor=self.actor, at=at)


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.write_journal",
    reason="any organization may have erased somebody whose line was not written",
)
def write_journal(self: SystemTask) -> int:
    """Write what a crash kept from the journal, in every organization."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    written = 0
    for tenant in tenants:
        try:
            written += services.write_journal(tenant_id=tenant, at=clock.now())
        except Exception:
            # One that cannot be worked on keeps no other from its turn.
            _log.exception("the journal of an organization could not be written")
    return written
