"""The task queue as the supervisor runs it: a worker and beat tell when they are ready."""

from __future__ import annotations

import os
from pathlib import Path

from celery import signals

from config.celery import app

__all__ = ["app"]


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
@signals.beat_init.connect  # type: ignore[untyped-decorator]
def tell_ready(**_: object) -> None:
    """Make the file that the supervisor waits for."""
    if file := os.environ.get("STRONGBOX_READY_FILE"):
        Path(file).touch(mode=0o600)
