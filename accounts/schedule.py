"""Periodic work of accounts."""

BEAT = {
    "accounts-expire-approvals": {
        "task": "accounts.expire_approvals",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "accounts-close-unfinished-signins": {
        "task": "accounts.close_unfinished_signins",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "accounts-end-memberships": {
        "task": "accounts.end_memberships",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "accounts-end-retention": {"task": "accounts.end_retention", "schedule": 86400.0},
}
