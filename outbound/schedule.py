"""Periodic work of outbound."""

BEAT = {
    "outbound-sweep": {"task": "outbound.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "outbound-sweep-webhooks": {
        "task": "outbound.sweep_webhooks",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "outbound-end-retention": {"task": "outbound.end_retention", "schedule": 86400.0},
    "outbound-tidy-files": {"task": "outbound.tidy_files", "schedule": 3600.0},
}
