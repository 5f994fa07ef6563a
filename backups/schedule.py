"""The periodic work of backups, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {}
