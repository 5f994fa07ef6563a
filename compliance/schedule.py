"""The periodic work of compliance, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {}
