"""The periodic work of alerts, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {
    # An event is judged within ten seconds: three between two looks, and one look may be lost.
    "alerts-look": {"task": "alerts.look", "schedule": 3.0, "options": {"expires": 3}},
}
