"""Billing's periodic work, collected by config.celery."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {
    "billing.check_tax_ids": {"task": "billing.check_tax_ids", "schedule": 120},
    "billing.melt_tallies": {"task": "billing.melt_tallies", "schedule": 300},
    "billing.tend_bank_accounts": {"task": "billing.tend_bank_accounts", "schedule": 300},
}
