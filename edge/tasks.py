"""Signs of life, asked for at /readyz."""

from celery import shared_task

from edge import health
from tenancy.tasks import SystemTask


@shared_task(base=SystemTask, name="edge.beat_worker", reason="a heartbeat reads and writes no row")
def beat_worker() -> None:
    """Note that beat and the worker live."""
    health.beat("beat")
    health.beat("worker")


@shared_task(base=SystemTask, name="edge.beat_ops_worker", reason="a heartbeat reads and writes no row")
def beat_ops_worker() -> None:
    """Note that the ops-worker lives."""
    health.beat("ops_worker")
