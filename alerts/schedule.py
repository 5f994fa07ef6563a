"""The periodic work of alerts, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {
    # An event is judged within ten seconds: three between two looks, and one look may be lost.
    "alerts-look": {"task": "alerts.look", "schedule": 3.0, "options": {"expires": 3}},
    "alerts-sweep-channels": {
        "task": "alerts.sweep_channels",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "alerts-sweep-streams": {"task": "alerts.sweep_streams", "schedule": 5.0, "options": {"expires": 5}},
    "alerts-look-for-late-streams": {
        "task": "alerts.look_for_late_streams",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "alerts-forget-tellings": {"task": "alerts.forget_tellings", "schedule": 86400.0},
    "alerts-check-states": {"task": "alerts.check_states", "schedule": 60.0, "options": {"expires": 60}},
}
