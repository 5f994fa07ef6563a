"""Periodic work of accounts."""

BEAT = {
    "accounts-expire-approvals": {
        "task": "accounts.expire_approvals",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
}
