"""Celery's door to the end of quotes."""

import logging

from celery import shared_task

from billing.quotes import services
from core import clock
from core.actor import Actor, Via
from tenancy import context
from tenancy.models import Tenant
from tenancy.tasks import SystemTask

log = logging.getLogger(__name__)


@shared_task(base=SystemTask, name="billing.expire_quotes", reason="quotes end in every organization")
def expire_quotes() -> int:
    """End quotes whose last day is over, organization by organization; return how many."""
    with context.system_scope(reason="quotes end in every organization"):
        tenants = list(Tenant.objects.filter(state=Tenant.State.ACTIVE).values_list("pk", flat=True))
    done = 0
    for tenant_id in tenants:
        try:
            with context.scope(context.Scope(tenant_id)):
                actor = Actor.system("quote_expiry", via=Via.TASK)
                done += services.expire_due(actor=actor, at=clock.now())
        except Exception:
            # One organization's trouble keeps no other from its turn.
            log.exception("quotes could not end")
    return done
