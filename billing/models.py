"""Every table of billing, found in the folder of its noun."""

from billing.attachments.models import InvoiceAttachment
from billing.bankaccounts.models import BankAccount
from billing.catalog.models import Price, PriceTier, Product
from billing.contacts.models import Contact
from billing.creditnotes.models import CreditNote, CreditNoteLine, CreditNoteTax
from billing.customers.models import Customer, CustomerGrant
from billing.documents.models import DocumentFile
from billing.exports.models import Export, ExportFreeze
from billing.imports.models import Import
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.issuer.models import Issuer, Series, SeriesCounter
from billing.ledger.models import FxPosition, LedgerAccount, LedgerEntry, LedgerTransaction
from billing.messages.models import InvoiceMessage
from billing.periods.models import AccountingPeriod, LedgerBalance
from billing.quotes.models import Quote, QuoteLine
from billing.rates.models import ExchangeRate
from billing.runs.models import BillingRun, BillingRunChunk, BillingRunSkip
from billing.settlement.models import Allocation, CreditBalance, CreditEntry, WriteOff
from billing.subscriptions.models import (
    BilledPeriod,
    PendingCharge,
    Subscription,
    SubscriptionItem,
    TestClock,
)
from billing.tallies.models import Tally
from billing.tax.models import TaxComponent, TaxRate
from billing.taxids.models import TaxIdCheck
from billing.usage.models import Meter, UsageEvent

__all__ = [
    "AccountingPeriod",
    "Allocation",
    "BankAccount",
    "BilledPeriod",
    "BillingRun",
    "BillingRunChunk",
    "BillingRunSkip",
    "Contact",
    "CreditBalance",
    "CreditEntry",
    "CreditNote",
    "CreditNoteLine",
    "CreditNoteTax",
    "Customer",
    "CustomerGrant",
    "DocumentFile",
    "ExchangeRate",
    "Export",
    "ExportFreeze",
    "FxPosition",
    "Import",
    "Invoice",
    "InvoiceAttachment",
    "InvoiceLine",
    "InvoiceMessage",
    "InvoiceTax",
    "Issuer",
    "LedgerAccount",
    "LedgerBalance",
    "LedgerEntry",
    "LedgerTransaction",
    "Meter",
    "PendingCharge",
    "Price",
    "PriceTier",
    "Product",
    "Quote",
    "QuoteLine",
    "Series",
    "SeriesCounter",
    "Subscription",
    "SubscriptionItem",
    "Tally",
    "TaxComponent",
    "TaxIdCheck",
    "TaxRate",
    "TestClock",
    "UsageEvent",
    "WriteOff",
]
