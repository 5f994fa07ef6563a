"""Celery's door to the work on selections."""

import logging
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from core import clock
from payments.bulk import running
from tenancy import context
from tenancy.tasks import SystemTask

_log = logging.getLogger("strongbox.payments")


@shared_task(
    bind=True,
    base=SystemTask,
    name="payments.work_selection",
    reason="many records are worked on longer than a transaction may last; each has a scope of its own",
)
def work_selection(self: SystemTask, tenant_id: str, selection_id: str) -> None:
    """Work on a selection as whoever chose it; whether they still may is asked for each portion."""
    running.work(tenant_id=UUID(tenant_id), selection_id=UUID(selection_id), now=clock.now)


def work_soon(selection_id: UUID, *, delay: int) -> None:
    """Hand a selection to a worker once the transaction has committed, after so many seconds."""
    sent = [str(context.current_tenant()), str(selection_id)]

    def send() -> None:
        try:
            work_selection.apply_async(sent, countdown=delay or None)
        except OperationalError:
            _log.warning("the broker is away; the work on a selection has to be asked for again")

    context.after_commit(send)
