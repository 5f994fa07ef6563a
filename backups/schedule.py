"""The periodic work of backups, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {
    "backups-tick": {"task": "backups.tick", "schedule": 300, "options": {"expires": 300}},
}
