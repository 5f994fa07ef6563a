"""Celery's door to the expiry of credit."""

import logging

from celery import shared_task

from billing.settlement import services
from core import clock
from core.actor import Actor, Via
from tenancy import context, suspension
from tenancy.tasks import SystemTask

log = logging.getLogger(__name__)


@shared_task(base=SystemTask, name="billing.expire_credit", reason="every organization may let credit expire")
def expire_credit() -> int:
    """Let credit expire whose days are over, organization by organization; return of how many customers."""
    # Not while an organization is suspended: its customers could not have used it.
    tenants = suspension.at_work(reason="credit expires in every organization")
    done = 0
    for tenant_id in tenants:
        try:
            with context.scope(context.Scope(tenant_id)):
                actor = Actor.system("credit_expiry", via=Via.TASK)
                done += services.expire_due(actor=actor, at=clock.now())
        except Exception:
            # One organization's trouble keeps no other from its turn.
            log.exception("credit could not expire")
    return done
