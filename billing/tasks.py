"""Billing's tasks, for Celery to find."""

from billing.bankaccounts.tasks import tend_bank_accounts
from billing.runs.tasks import tend_runs, work_run
from billing.settlement.tasks import expire_credit
from billing.tallies.tasks import melt_tallies
from billing.taxids.tasks import check_tax_ids

__all__ = [
    "check_tax_ids",
    "expire_credit",
    "melt_tallies",
    "tend_bank_accounts",
    "tend_runs",
    "work_run",
]
