"""What billing leaves in the audit trail: every change of money or people's data, and every read of it."""

from audit.events import register

ISSUER_UPDATED = register(
    "issuer.updated", "{actor} changed what stands on invoices", owasp="sensitive_update"
)
ISSUER_READ = register("issuer.read", "{actor} read what stands on invoices", owasp="sensitive_read")
SERIES_CREATED = register("series.created", "{actor} opened a number series", owasp="sensitive_create")
SERIES_RETIRED = register("series.retired", "{actor} closed a number series", owasp="sensitive_update")
SERIES_CHANGED = register("series.changed", "{actor} changed a number series", owasp="sensitive_update")
SERIES_CHOSEN = register(
    "series.chosen", "{actor} chose the number series of new documents", owasp="sensitive_update"
)

CUSTOMER_CREATED = register("customer.created", "{actor} added customer {subject}", owasp="sensitive_create")
CUSTOMER_UPDATED = register(
    "customer.updated", "{actor} changed customer {subject}", owasp="sensitive_update"
)
CUSTOMER_ARCHIVED = register(
    "customer.archived", "{actor} archived customer {subject}", owasp="sensitive_update"
)
CUSTOMER_RESTORED = register(
    "customer.restored", "{actor} took customer {subject} back", owasp="sensitive_update"
)
CUSTOMER_RESTRICTED = register(
    "customer.restricted", "{actor} restricted the data of customer {subject}", owasp="sensitive_update"
)
CUSTOMER_RESTRICTION_LIFTED = register(
    "customer.restriction_lifted",
    "{actor} lifted the restriction of customer {subject}",
    owasp="sensitive_update",
)
CUSTOMER_READ = register(
    "customer.read", "{actor} read customer {subject}", owasp="sensitive_read", pci="10.2.1.1"
)
CUSTOMER_LISTED = register(
    "customer.listed", "{actor} read a list of customers", owasp="sensitive_read", pci="10.2.1.1"
)
CUSTOMERS_IMPORTED = register("customers.imported", "{actor} imported customers", owasp="upload_complete")

CUSTOMER_MERGED = register(
    "customer.merged", "{actor} merged customer {subject} into another", owasp="sensitive_update"
)
CUSTOMER_UNMERGED = register(
    "customer.unmerged", "{actor} took the merging of customer {subject} back", owasp="sensitive_update"
)
TAX_ID_ASKED = register(
    "customer.tax_id_asked", "{actor} had the tax id of customer {subject} checked", owasp="sensitive_update"
)
TAX_ID_CHECKED = register(
    "customer.tax_id_checked",
    "The tax id of customer {subject} was checked with VIES",
    owasp="sensitive_update",
)
CONTACT_ADDED = register("contact.added", "{actor} added contact {subject}", owasp="sensitive_create")
CONTACT_CHANGED = register("contact.changed", "{actor} changed contact {subject}", owasp="sensitive_update")
CONTACT_REMOVED = register("contact.removed", "{actor} removed contact {subject}", owasp="sensitive_delete")

CONTACT_READ = register(
    "contact.read", "{actor} read contact {subject}", owasp="sensitive_read", pci="10.2.1.1"
)
CONTACT_LISTED = register(
    "contact.listed", "{actor} read a list of contacts", owasp="sensitive_read", pci="10.2.1.1"
)

IMPORT_UPLOADED = register("import.uploaded", "{actor} brought file {subject} along", owasp="upload_complete")
IMPORT_CHECKED = register("import.checked", "{actor} had import {subject} checked", owasp="upload_validation")
IMPORT_DONE = register("import.done", "Import {subject} was carried out", owasp="sensitive_create")
IMPORT_FAILED = register("import.failed", "Import {subject} failed", owasp="upload_validation")
IMPORT_UNDONE = register("import.undone", "{actor} took import {subject} back", owasp="sensitive_delete")
IMPORT_DROPPED = register("import.dropped", "{actor} dropped import {subject}", owasp="upload_delete")
IMPORT_READ = register("import.read", "{actor} read about imports", owasp="sensitive_read")
CUSTOMER_TAKEN_BACK = register(
    "customer.taken_back",
    "{actor} removed customer {subject}, whom an import had brought",
    owasp="sensitive_delete",
)

EXPORT_ASKED = register("export.asked", "{actor} asked for export {subject}", owasp="sensitive_read")
EXPORT_MADE = register("export.made", "Export {subject} was made", owasp="sensitive_read")
EXPORT_FAILED = register("export.failed", "Export {subject} failed", owasp="sensitive_read")
EXPORT_DOWNLOADED = register(
    "export.downloaded", "{actor} downloaded export {subject}", owasp="sensitive_read", pci="10.2.1.1"
)
EXPORT_ENDED = register(
    "export.ended", "The file of export {subject} was destroyed", owasp="sensitive_delete"
)
EXPORT_READ = register("export.read", "{actor} read about exports", owasp="sensitive_read")
EXPORTS_FROZEN = register("exports.frozen", "{actor} froze every export", owasp="sensitive_update")
EXPORTS_THAWED = register("exports.thawed", "{actor} let exports out again", owasp="sensitive_update")

TAX_RATE_CREATED = register("tax_rate.created", "{actor} added tax rate {subject}", owasp="sensitive_create")
TAX_RATE_SUPERSEDED = register(
    "tax_rate.superseded", "{actor} replaced tax rate {subject}", owasp="sensitive_update"
)
TAX_RATE_READ = register("tax_rate.read", "{actor} read tax rates", owasp="sensitive_read")

INVOICE_CREATED = register("invoice.created", "{actor} drafted invoice {subject}", owasp="sensitive_create")
INVOICE_UPDATED = register("invoice.updated", "{actor} changed draft {subject}", owasp="sensitive_update")
INVOICE_DISCARDED = register(
    "invoice.discarded", "{actor} discarded draft {subject}", owasp="sensitive_delete"
)
INVOICE_FINALIZED = register(
    "invoice.finalized", "{actor} finalized invoice {subject}", owasp="sensitive_update"
)
INVOICE_VOIDED = register("invoice.voided", "{actor} voided invoice {subject}", owasp="sensitive_update")
INVOICE_IMPORTED = register("invoice.imported", "{actor} imported invoice {subject}", owasp="upload_complete")
INVOICE_COPIED = register(
    "invoice.copied", "{actor} copied invoice {subject} to a new draft", owasp="sensitive_read"
)
INVOICE_READ = register(
    "invoice.read", "{actor} read invoice {subject}", owasp="sensitive_read", pci="10.2.1.1"
)
INVOICE_LISTED = register(
    "invoice.listed", "{actor} read a list of invoices", owasp="sensitive_read", pci="10.2.1.1"
)

QUOTE_CREATED = register("quote.created", "{actor} drafted quote {subject}", owasp="sensitive_create")
QUOTE_UPDATED = register("quote.updated", "{actor} changed quote {subject}", owasp="sensitive_update")
QUOTE_OPENED = register("quote.opened", "{actor} opened quote {subject}", owasp="sensitive_update")
QUOTE_ACCEPTED = register(
    "quote.accepted", "{actor} noted that quote {subject} was accepted", owasp="sensitive_update"
)
QUOTE_DECLINED = register(
    "quote.declined", "{actor} noted that quote {subject} was declined", owasp="sensitive_update"
)
QUOTE_CANCELED = register("quote.canceled", "{actor} withdrew quote {subject}", owasp="sensitive_update")
QUOTE_EXPIRED = register(
    "quote.expired", "The last day of quote {subject} was over", owasp="sensitive_update"
)
QUOTE_CONVERTED = register(
    "quote.converted", "{actor} drafted an invoice from quote {subject}", owasp="sensitive_update"
)
QUOTE_PART_BILLED = register(
    "quote.part_billed", "{actor} drafted an invoice of a part of quote {subject}", owasp="sensitive_create"
)
DEPOSIT_BILLED = register(
    "invoice.deposit_billed", "{actor} drafted a deposit on draft {subject}", owasp="sensitive_create"
)
QUOTE_SENT = register("quote.sent", "{actor} sent quote {subject}", owasp="sensitive_update")
QUOTE_READ = register("quote.read", "{actor} read quote {subject}", owasp="sensitive_read", pci="10.2.1.1")
QUOTE_LISTED = register(
    "quote.listed", "{actor} read a list of quotes", owasp="sensitive_read", pci="10.2.1.1"
)

ATTACHMENT_ADDED = register(
    "invoice.attachment_added", "{actor} attached a file to invoice {subject}", owasp="upload_complete"
)
ATTACHMENT_READ = register(
    "invoice.attachment_read",
    "{actor} read a file of invoice {subject}",
    owasp="sensitive_read",
    pci="10.2.1.1",
)
ATTACHMENT_REMOVED = register(
    "invoice.attachment_removed", "{actor} took a file off invoice {subject}", owasp="upload_delete"
)

MESSAGE_WRITTEN = register(
    "invoice.message_written", "{actor} wrote about invoice {subject}", owasp="sensitive_create"
)
MESSAGE_ANSWERED = register(
    "invoice.message_answered", "{actor} answered a message about invoice {subject}", owasp="sensitive_create"
)
MESSAGES_READ = register(
    "invoice.messages_read",
    "{actor} read the messages about invoice {subject}",
    owasp="sensitive_read",
    pci="10.2.1.1",
)

DOCUMENT_KEPT = register("document.kept", "{actor} kept a document of {subject}", owasp="sensitive_create")
LOGO_SET = register("issuer.logo_set", "{actor} changed the logo on documents", owasp="sensitive_update")
LOOK_SET = register(
    "issuer.look_set", "{actor} changed the colour or layout of documents", owasp="sensitive_update"
)

INVOICE_PAID = register("invoice.paid", "Invoice {subject} was paid in full", owasp="sensitive_update")
INVOICE_PARTIALLY_PAID = register(
    "invoice.partially_paid", "Invoice {subject} was paid in part", owasp="sensitive_update"
)
INVOICE_REOPENED = register(
    "invoice.reopened", "Money was taken off invoice {subject}", owasp="sensitive_update"
)
CREDIT_APPLIED = register(
    "credit.applied", "{actor} put credit onto invoice {subject}", owasp="sensitive_update"
)

CREDIT_EXPIRED = register(
    "credit.expired", "{actor} let credit of a customer expire", owasp="sensitive_update"
)
CREDIT_READ = register(
    "credit.read", "{actor} read a customer's credit", owasp="sensitive_read", pci="10.2.1.1"
)
CREDIT_NOTE_ISSUED = register(
    "credit_note.issued", "{actor} issued credit note {subject}", owasp="sensitive_create"
)
CREDIT_NOTE_IMPORTED = register(
    "credit_note.imported", "{actor} imported credit note {subject}", owasp="upload_complete"
)
CREDIT_NOTE_READ = register(
    "credit_note.read", "{actor} read credit note {subject}", owasp="sensitive_read", pci="10.2.1.1"
)
CREDIT_NOTE_LISTED = register(
    "credit_note.listed", "{actor} read a list of credit notes", owasp="sensitive_read", pci="10.2.1.1"
)
INVOICE_CREDITED = register(
    "invoice.credited", "{actor} credited invoice {subject}", owasp="sensitive_update"
)
INVOICE_WRITE_OFF_ASKED = register(
    "invoice.write_off_asked", "{actor} asked to write invoice {subject} off", owasp="sensitive_update"
)
INVOICE_WRITTEN_OFF = register(
    "invoice.written_off", "{actor} wrote invoice {subject} off", owasp="sensitive_update"
)
INVOICE_REINSTATED = register(
    "invoice.reinstated",
    "Something came for invoice {subject}, which was written off",
    owasp="sensitive_update",
)
BILLING_RUN_STARTED = register(
    "billing_run.started", "{actor} started billing run {subject}", owasp="sensitive_create"
)
BILLING_RUN_FINISHED = register(
    "billing_run.finished", "{actor} finished billing run {subject}", owasp="sensitive_update"
)
BILLING_RUN_FAILED = register(
    "billing_run.failed", "{actor} could not finish billing run {subject}", owasp="sensitive_update"
)
BILLING_RUN_READ = register("billing_run.read", "{actor} read billing runs", owasp="sensitive_read")

REPORT_READ = register("report.read", "{actor} read a report", owasp="sensitive_read", pci="10.2.1.1")
REPORT_EXPORTED = register(
    "report.exported", "{actor} took a report as a file", owasp="sensitive_read", pci="10.2.1.1"
)
STATEMENT_READ = register(
    "account_statement.read",
    "{actor} read the statement of account of customer {subject}",
    owasp="sensitive_read",
    pci="10.2.1.1",
)
AUTO_BILLING_SET = register(
    "auto_billing.set", "{actor} switched billing at night on or off", owasp="sensitive_update"
)

LEDGER_CHECKED = register("ledger.checked", "{actor} proved the books", owasp="sensitive_read")
LEDGER_READ = register("ledger.read", "{actor} read the books", owasp="sensitive_read", pci="10.2.1.1")
LEDGER_EXPORTED = register(
    "ledger.exported", "{actor} took the journal of a month", owasp="sensitive_read", pci="10.2.1.1"
)
LEDGER_ACCOUNT_UPDATED = register(
    "ledger_account.updated", "{actor} changed account {subject}", owasp="sensitive_update"
)
POSTINGS_VALUED = register(
    "ledger.valued", "{actor} gave postings in foreign currencies their rates", owasp="sensitive_update"
)
EXCHANGE_RATE_ENTERED = register(
    "exchange_rate.entered", "{actor} entered exchange rate {subject}", owasp="sensitive_create"
)
EXCHANGE_RATES_UPLOADED = register(
    "exchange_rate.uploaded", "{actor} uploaded exchange rates", owasp="upload_complete"
)
EXCHANGE_RATE_READ = register("exchange_rate.read", "{actor} read exchange rates", owasp="sensitive_read")
PERIOD_CLOSED = register("period.closed", "{actor} closed month {subject}", owasp="sensitive_update")
PERIOD_REOPENED = register(
    "period.reopened", "{actor} opened month {subject} again", owasp="sensitive_update"
)
PERIOD_READ = register("period.read", "{actor} read which months are closed", owasp="sensitive_read")

BANK_ACCOUNT_SET = register(
    "bank_account.set", "{actor} set the first bank details {subject}", owasp="sensitive_create"
)
BANK_ACCOUNT_ANNOUNCED = register(
    "bank_account.announced", "{actor} announced new bank details {subject}", owasp="sensitive_update"
)
BANK_ACCOUNT_CANCELED = register(
    "bank_account.canceled", "{actor} stopped the change to bank details {subject}", owasp="sensitive_update"
)
BANK_ACCOUNT_TOOK_EFFECT = register(
    "bank_account.took_effect", "{actor} let bank details {subject} hold", owasp="sensitive_update"
)
BANK_ACCOUNT_TOLD = register(
    "bank_account.told", "{actor} told people of bank details {subject}", owasp="sensitive_update"
)
BANK_ACCOUNT_READ = register("bank_account.read", "{actor} read the bank details", owasp="sensitive_read")

PRODUCT_CREATED = register("product.created", "{actor} added product {subject}", owasp="sensitive_create")
PRODUCT_UPDATED = register("product.updated", "{actor} changed product {subject}", owasp="sensitive_update")
PRODUCT_RETIRED = register("product.retired", "{actor} retired product {subject}", owasp="sensitive_update")
PRODUCT_RESTORED = register(
    "product.restored", "{actor} took product {subject} back", owasp="sensitive_update"
)
PRODUCT_READ = register("product.read", "{actor} read products and prices", owasp="sensitive_read")
PRICE_CREATED = register("price.created", "{actor} added price {subject}", owasp="sensitive_create")
PRICE_SUPERSEDED = register("price.superseded", "{actor} replaced price {subject}", owasp="sensitive_update")
PRICE_RETIRED = register("price.retired", "{actor} retired price {subject}", owasp="sensitive_update")

METER_CREATED = register("meter.created", "{actor} added meter {subject}", owasp="sensitive_create")
METER_READ = register("meter.read", "{actor} read meters", owasp="sensitive_read")
USAGE_RECORDED = register("usage.recorded", "{actor} recorded usage", owasp="sensitive_create")
USAGE_READ = register("usage.read", "{actor} read usage of {subject}", owasp="sensitive_read")

SUBSCRIPTION_STARTED = register(
    "subscription.started", "{actor} started subscription {subject}", owasp="sensitive_create"
)
SUBSCRIPTION_CHANGED = register(
    "subscription.changed", "{actor} changed subscription {subject}", owasp="sensitive_update"
)
SUBSCRIPTION_PAUSED = register(
    "subscription.paused", "{actor} paused subscription {subject}", owasp="sensitive_update"
)
SUBSCRIPTION_RESUMED = register(
    "subscription.resumed", "{actor} resumed subscription {subject}", owasp="sensitive_update"
)
SUBSCRIPTION_CANCELED = register(
    "subscription.canceled", "{actor} canceled subscription {subject}", owasp="sensitive_update"
)
SUBSCRIPTION_KEPT = register(
    "subscription.kept", "{actor} took back the cancellation of {subject}", owasp="sensitive_update"
)
SUBSCRIPTION_ENDED = register("subscription.ended", "Subscription {subject} ended", owasp="sensitive_update")
SUBSCRIPTION_GAVE_BACK = register(
    "subscription.gave_back",
    "{actor} gave back what was paid ahead for subscription {subject}",
    owasp="sensitive_update",
)
SUBSCRIPTION_BEGAN = register(
    "subscription.began", "The trial of subscription {subject} was over", owasp="sensitive_update"
)
SUBSCRIPTION_READ = register(
    "subscription.read", "{actor} read subscription {subject}", owasp="sensitive_read", pci="10.2.1.1"
)
SUBSCRIPTION_LISTED = register(
    "subscription.listed", "{actor} read a list of subscriptions", owasp="sensitive_read", pci="10.2.1.1"
)
CHARGE_ADDED = register(
    "charge.added", "{actor} put charge {subject} onto the next invoice", owasp="sensitive_create"
)
CHARGE_WITHDRAWN = register("charge.withdrawn", "{actor} withdrew charge {subject}", owasp="sensitive_update")
CHARGE_READ = register("charge.read", "{actor} read charges", owasp="sensitive_read")
TEST_CLOCK_MOVED = register("test_clock.moved", "{actor} moved the test clock", owasp="sensitive_update")
TEST_CLOCK_READ = register("test_clock.read", "{actor} read the test clock", owasp="sensitive_read")
