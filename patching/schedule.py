"""The periodic work of patching, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {
    "patching-check": {"task": "patching.check", "schedule": 86_400, "options": {"queue": "patches"}},
}
