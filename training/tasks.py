"""Celery's door to training.

Promise kept: what fails in one organization keeps no other from its turn.
"""

import logging
from uuid import UUID

from celery import shared_task

from billing.issuer import queries as issuers
from core import clock
from core.actor import Actor
from core.errors import Refusal
from tenancy import context, suspension
from tenancy.tasks import SystemTask
from training.practice import running
from training.services import duties, reminding

_log = logging.getLogger("strongbox.training")


@shared_task(
    bind=True,
    base=SystemTask,
    name="training.keep_duties",
    reason="every organization has people with duties, and each one's turn is a transaction of its own",
)
def keep_duties(self: SystemTask) -> int:
    """Assign, mark as overdue, withhold and give back, everywhere; remind and practise; return how many turns."""
    # Nobody can learn in a suspended one, so nothing is withheld there for not having learned.
    tenants = suspension.at_work(reason=self.reason)
    return sum(_turn(tenant, self.actor) for tenant in tenants)


def _turn(tenant: UUID, actor: Actor) -> bool:
    try:
        with context.scope(context.Scope(tenant)):
            duties.keep(actor=actor, at=clock.now(), today=clock.today(issuers.time_zone()))
        reminding.remind(tenant_id=tenant, actor=actor, now=clock.now)
        running.turn(tenant_id=tenant, actor=actor, now=clock.now)
    except Refusal:
        # Sealed meanwhile; its next turn comes.
        _log.exception("an organization's turn ended early")
        return False
    return True
