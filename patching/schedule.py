"""The periodic work of patching, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {
    # It looks once a day: asked each hour, it finds the day over, or a machine that was off when it was.
    "patching-check": {
        "task": "patching.check",
        "schedule": 3_600,
        "options": {"queue": "patches", "expires": 3_600},
    },
}
