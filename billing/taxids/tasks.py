"""Celery's door to the checks of tax ids."""

import logging
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from billing.taxids import services
from core import clock
from tenancy import context, suspension
from tenancy.tasks import SystemTask

_log = logging.getLogger("strongbox.billing")


@shared_task(
    bind=True,
    base=SystemTask,
    name="billing.check_tax_ids",
    reason="the authorities are asked outside any scope, about one customer after the other",
)
def check_tax_ids(self: SystemTask, tenant_id: str = "") -> int:
    """Ask about the tax ids that are due, of one organization or all; return how many were asked about."""
    if tenant_id:
        tenants = [UUID(tenant_id)]
    else:
        tenants = suspension.at_work(reason=self.reason)
    asked = 0
    for tenant in tenants:
        try:
            asked += services.check_due(tenant_id=tenant, actor=self.actor, now=clock.now)
        except Exception:
            # One that cannot be worked on, a sealed one say, keeps no other from its turn.
            _log.exception("the tax ids of an organization could not be checked")
    return asked


def check_soon(tenant_id: UUID) -> None:
    """Have it asked once the transaction has committed; the periodic work makes up for a lost message."""

    def send() -> None:
        try:
            check_tax_ids.delay(str(tenant_id))
        except OperationalError:
            _log.warning("the broker is away; the periodic check will ask")

    context.after_commit(send)
