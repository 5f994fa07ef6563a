"""Celery's door to the watch."""

from celery import shared_task

from alerts import engine
from core import clock
from tenancy.tasks import SystemTask


@shared_task(
    bind=True, base=SystemTask, name="alerts.look", reason="every organization's trail is watched, one by one"
)
def look(self: SystemTask) -> int:
    """Judge whatever is new in every trail; return how many alerts were opened."""
    return engine.look(actor=self.actor, now=clock.now).alerts
