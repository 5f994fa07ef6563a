"""Billing's tasks, for Celery to find."""

from billing.bankaccounts.tasks import tend_bank_accounts
from billing.tallies.tasks import melt_tallies

__all__ = ["melt_tallies", "tend_bank_accounts"]
