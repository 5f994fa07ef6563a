"""Celery's door to backups: queue `backups`, whose worker alone may copy the cluster and open copies of it."""

import logging

from celery import shared_task

from backups import places, work
from core import clock
from core.errors import Refusal
from tenancy.tasks import SystemTask

QUEUE = "backups"
_log = logging.getLogger("strongbox.backups")
_REASON = "a backup is of every organization, and longer than a transaction may last"


@shared_task(base=SystemTask, bind=True, name="backups.run", reason=_REASON)
def run(self: SystemTask, arguments: dict[str, str]) -> None:
    """Make a backup, verify one, or run a restore drill. A failure is on its job and in the trail."""
    try:
        work.run(arguments, actor=self.actor)
    except Refusal as error:
        _log.error("%s failed: %s", arguments["kind"], error.code)


@shared_task(base=SystemTask, bind=True, name="backups.tick", reason=_REASON)
def tick(self: SystemTask) -> None:
    """Look what is due and what is late."""
    if not places.target_names():
        return
    work.tick(actor=self.actor, now=clock.now, send=send)


def send(arguments: dict[str, str]) -> None:
    """Hand work to the ops-worker."""
    run.apply_async([arguments], queue=QUEUE)
