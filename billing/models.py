"""Every table of billing, found in the folder of its noun."""

from billing.bankaccounts.models import BankAccount
from billing.contacts.models import Contact
from billing.customers.models import Customer, CustomerGrant
from billing.exports.models import Export, ExportFreeze
from billing.imports.models import Import
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.issuer.models import Issuer, Series, SeriesCounter
from billing.ledger.models import LedgerAccount, LedgerEntry, LedgerTransaction
from billing.runs.models import BillingRun, BillingRunChunk, BillingRunSkip
from billing.settlement.models import Allocation, CreditBalance, CreditEntry
from billing.tallies.models import Tally
from billing.tax.models import TaxRate
from billing.taxids.models import TaxIdCheck

__all__ = [
    "Allocation",
    "BankAccount",
    "BillingRun",
    "BillingRunChunk",
    "BillingRunSkip",
    "Contact",
    "CreditBalance",
    "CreditEntry",
    "Customer",
    "CustomerGrant",
    "Export",
    "ExportFreeze",
    "Import",
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
    "TaxIdCheck",
    "TaxRate",
]
