"""Every table of billing, found in the folder of its noun."""

from billing.bankaccounts.models import BankAccount
from billing.customers.models import Customer, CustomerGrant
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.issuer.models import Issuer, Series, SeriesCounter
from billing.ledger.models import LedgerAccount, LedgerEntry, LedgerTransaction
from billing.runs.models import BillingRun, BillingRunChunk, BillingRunSkip
from billing.settlement.models import Allocation, CreditBalance, CreditEntry
from billing.tallies.models import Tally
from billing.tax.models import TaxRate

__all__ = [
    "Allocation",
    "BankAccount",
    "BillingRun",
    "BillingRunChunk",
    "BillingRunSkip",
    "CreditBalance",
    "CreditEntry",
    "Customer",
    "CustomerGrant",
    "Invoice",
    "InvoiceLine",
    "InvoiceTax",
    "Issuer",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "Series",
    "SeriesCounter",
    "Tally",
    "TaxRate",
]
