"""Signs of life, asked for at /readyz. A worker whom the database does not let in gives none: it does no work."""

from celery import shared_task

from core import clock
from edge import health, idempotency
from tenancy.tasks import SystemTask


@shared_task(base=SystemTask, name="edge.beat_worker", reason="a heartbeat reads and writes no row")
def beat_worker() -> None:
    """Note that beat and the worker live."""
    health.beat("beat")
    if health.reaches_database():
        health.beat("worker")


@shared_task(base=SystemTask, name="edge.beat_ops_worker", reason="a heartbeat reads and writes no row")
def beat_ops_worker() -> None:
    """Note that the ops-worker lives."""
    if health.reaches_database():
        health.beat("ops_worker")


@shared_task(base=SystemTask, name="edge.beat_watch", reason="a heartbeat reads and writes no row")
def beat_watch() -> None:
    """Note that the watch lives: dead, it would open no alert that says so."""
    if health.reaches_database():
        health.beat("watch")


@shared_task(base=SystemTask, name="edge.forget_old_answers", reason="it walks every organization")
def forget_old_answers() -> int:
    """Remove the answers to requests that were sent more than two days ago."""
    return idempotency.forget_old(at=clock.now())
