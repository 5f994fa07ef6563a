"""The periodic work of alerts, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {}
