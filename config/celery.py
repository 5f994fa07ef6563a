"""The task queue: JSON only, acknowledged late; ordinary work in one queue, what needs other roles in its own.

Periodic work stands beside its task, in `<app>/schedule.py` as `BEAT`; it is collected here.
"""

import importlib
import importlib.util
import os
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

APPS = (
    "tenancy",
    "audit",
    "crypto",
    "outbound",
    "accounts",
    "billing",
    "payments",
    "training",
    "patching",
    "backups",
    "alerts",
    "compliance",
    "edge",
)


def periodic() -> dict[str, dict[str, Any]]:
    """Collect every app's periodic work."""
    entries: dict[str, dict[str, Any]] = {}
    for name in APPS:
        if importlib.util.find_spec(f"{name}.schedule"):
            entries.update(importlib.import_module(f"{name}.schedule").BEAT)
    return entries


app = Celery("strongbox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(list(APPS))
app.conf.beat_schedule = periodic()
