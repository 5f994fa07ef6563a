"""Celery's door to requests."""

import logging
from dataclasses import replace
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from compliance.requests import making, services
from core import clock
from core.actor import Actor
from tenancy import context
from tenancy.context import Scope, current_tenant, scope
from tenancy.models import Tenant
from tenancy.tasks import SystemTask

_log = logging.getLogger("strongbox.compliance")


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.collect",
    reason="a file is written longer than a transaction may last; each reading has a scope of its own",
)
def collect(self: SystemTask, tenant_id: str, request_id: str, asked_by: str) -> None:
    """Collect everything about whoever asked. Delivered again after a crash, it is made anew."""
    actor = replace(self.actor, on_behalf_of=UUID(asked_by) if asked_by else None)
    making.make(tenant_id=UUID(tenant_id), request_id=UUID(request_id), actor=actor, now=clock.now)


@shared_task(
    bind=True,
    base=SystemTask,
    name="compliance.watch_requests",
    reason="the day of a request may come near in any organization",
)
def watch_requests(self: SystemTask) -> int:
    """Say of every open request, once, that its day comes near."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.filter(state=Tenant.State.ACTIVE).values_list("pk", flat=True))
    told = 0
    for tenant in tenants:
        try:
            with scope(Scope(tenant)):
                told += services.tell_due_soon(actor=self.actor, at=clock.now())
        except Exception:
            # One that cannot be worked on keeps no other from its turn.
            _log.exception("the requests of an organization could not be looked at")
    return told


def collect_soon(request_id: UUID, actor: Actor) -> None:
    """Hand the collecting to a worker once the transaction has committed."""
    sent = [str(current_tenant()), str(request_id), str(actor.id or "")]

    def send() -> None:
        try:
            collect.delay(*sent)
        except OperationalError:
            _log.warning("the broker is away; the collecting has to be asked for again")

    context.after_commit(send)
