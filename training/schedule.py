"""The periodic work of training, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {
    "training-keep-duties": {
        "task": "training.keep_duties",
        "schedule": 900,
        "options": {"expires": 900},
    },
}
