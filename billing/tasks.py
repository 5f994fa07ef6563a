"""Billing's tasks, for Celery to find."""

from billing.bankaccounts.tasks import tend_bank_accounts
from billing.tallies.tasks import melt_tallies
from billing.taxids.tasks import check_tax_ids

__all__ = ["check_tax_ids", "melt_tallies", "tend_bank_accounts"]
