"""Billing's tasks, for Celery to find."""

from billing.bankaccounts.tasks import tend_bank_accounts
from billing.exports.tasks import end_exports, make_export
from billing.imports.tasks import work_on_import
from billing.quotes.tasks import expire_quotes
from billing.runs.tasks import tend_runs, work_run
from billing.settlement.tasks import expire_credit
from billing.subscriptions.tasks import move_test_clock, tend_subscriptions
from billing.tallies.tasks import melt_tallies
from billing.taxids.tasks import check_tax_ids

__all__ = [
    "check_tax_ids",
    "end_exports",
    "expire_credit",
    "expire_quotes",
    "make_export",
    "melt_tallies",
    "move_test_clock",
    "tend_bank_accounts",
    "tend_runs",
    "tend_subscriptions",
    "work_on_import",
    "work_run",
]
