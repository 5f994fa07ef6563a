"""The periodic work of patching, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {}
