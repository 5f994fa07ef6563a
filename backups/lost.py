"""What a restore of the whole cluster leaves beside it, and what it brings back as under way though nobody does it."""

import json
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from backups.models import Backup, Drill
from tenancy import jobs
from tenancy.context import use_case


def marker() -> Path:
    """Return where a restore says that it was: the database that it restored does not know."""
    return Path(settings.STATE_DIR) / "restored.json"


def restored() -> dict[str, Any] | None:
    """Return what a restore of the cluster said, until the trail says so."""
    try:
        told: dict[str, Any] = json.loads(marker().read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return told


@use_case
def end(*, kinds: Collection[str], before: datetime, at: datetime) -> None:
    """End the work that was under way when the backup was taken: the next backup would wait for it."""
    jobs.end_lost(kinds=kinds, before=before, at=at)
    running = Backup.objects.filter(state=Backup.State.RUNNING, started_at__lt=before)
    running.update(state=Backup.State.FAILED, finished_at=at, code="restored")
    Drill.objects.filter(state=Drill.State.RUNNING, started_at__lt=before).update(
        state=Drill.State.FAILED, finished_at=at, code="restored"
    )
