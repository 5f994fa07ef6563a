"""The periodic work of training, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {}
