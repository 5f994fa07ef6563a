"""Billing's periodic work, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {
    "billing.check_tax_ids": {"task": "billing.check_tax_ids", "schedule": 120},
    # Nothing is gained by letting credit expire to the minute.
    "billing.expire_credit": {"task": "billing.expire_credit", "schedule": 86_400},
    "billing.end_exports": {"task": "billing.end_exports", "schedule": 300},
    "billing.expire_quotes": {"task": "billing.expire_quotes", "schedule": 900},
    "billing.melt_tallies": {"task": "billing.melt_tallies", "schedule": 300},
    "billing.tend_runs": {"task": "billing.tend_runs", "schedule": 600},
    "billing.tend_subscriptions": {"task": "billing.tend_subscriptions", "schedule": 900},
    "billing.tend_bank_accounts": {"task": "billing.tend_bank_accounts", "schedule": 300},
}
