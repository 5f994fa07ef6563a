"""Celery's door to the bank details: telling people, and noting that a notice is over."""

import logging
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from billing.bankaccounts import services, telling
from core import clock
from tenancy import context, suspension
from tenancy.context import Scope, scope
from tenancy.tasks import SystemTask

_log = logging.getLogger("strongbox.billing")


@shared_task(
    bind=True,
    base=SystemTask,
    name="billing.tend_bank_accounts",
    reason="a notice may end in any organization, and its mails are written portion by portion",
)
def tend_bank_accounts(self: SystemTask, tenant_id: str = "") -> int:
    """Tell of changes and take up those whose notice is over, in one organization or all; return the mails."""
    if tenant_id:
        tenants = [UUID(tenant_id)]
    else:
        tenants = suspension.at_work(reason=self.reason)
    written = 0
    for tenant in tenants:
        written += telling.tell(tenant_id=tenant, actor=self.actor, at=clock.now())
        with scope(Scope(tenant)):
            services.take_up(actor=self.actor, at=clock.now())
    return written


def tend_soon(tenant: UUID) -> None:
    """Have people told as soon as the transaction has committed; the periodic work makes up for a lost message."""

    def send() -> None:
        try:
            tend_bank_accounts.delay(str(tenant))
        except OperationalError:
            _log.warning("the broker is away; the sweep will tell of the change")

    context.after_commit(send)
