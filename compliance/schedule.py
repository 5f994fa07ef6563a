"""The periodic work of compliance, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {
    "compliance-run-all": {
        "task": "compliance.run_all",
        "schedule": 900,
        "options": {"expires": 900},
    },
    "compliance-watch": {"task": "compliance.watch", "schedule": 3_600},
    "compliance-write-journal": {"task": "compliance.write_journal", "schedule": 300},
    "compliance-watch-requests": {"task": "compliance.watch_requests", "schedule": 3_600},
    "compliance-watch-breaches": {"task": "compliance.watch_breaches", "schedule": 3_600},
    "compliance-run-retention": {"task": "compliance.run_all_retention", "schedule": 86_400},
    "compliance-close-due": {"task": "compliance.close_due", "schedule": 86_400},
}
