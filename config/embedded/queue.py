"""The task queue as the supervisor runs it: a worker and beat tell when they are ready."""

from __future__ import annotations

import os
from pathlib import Path

from celery import signals

from config.celery import app

__all__ = ["app"]


@signals.worker_ready.connect
@signals.beat_init.connect
def tell_ready(**_: object) -> None:
    """Give the first sign of life at once and make the file that is waited for."""
    from edge import health  # noqa: PLC0415  the app is loaded by now, and was not when this module was

    if file := os.environ.get("STRONGBOX_READY_FILE"):
        health.beat(Path(file).name.replace("-", "_"))
        Path(file).touch(mode=0o600)
