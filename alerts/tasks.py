"""Celery's door to the watch, and alerts' other tasks, for Celery to find."""

from celery import shared_task

from alerts import engine, states
from alerts.channels.tasks import forget_tellings, sweep_channels, tell
from alerts.streams.tasks import look_for_late_streams, send_on, sweep_streams
from core import clock
from tenancy.tasks import SystemTask

__all__ = [
    "check_states",
    "forget_tellings",
    "look",
    "look_for_late_streams",
    "send_on",
    "sweep_channels",
    "sweep_streams",
    "tell",
]


@shared_task(
    bind=True, base=SystemTask, name="alerts.look", reason="every organization's trail is watched, one by one"
)
def look(self: SystemTask) -> int:
    """Judge whatever is new in every trail; return how many alerts were opened."""
    return engine.look(actor=self.actor, now=clock.now).alerts


@shared_task(
    bind=True,
    base=SystemTask,
    name="alerts.check_states",
    reason="states are looked at in every organization",
)
def check_states(self: SystemTask) -> int:
    """Tell what is late, too old or not checked, once a change; return how many changes there were."""
    return states.check_all(actor=self.actor, now=clock.now)
