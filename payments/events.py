"""What payments leave in the audit trail."""

from audit.events import register

# --- Money that moves ------------------------------------------------------------------------------

PAYMENT_STARTED = register("payment.started", "{actor} began payment {subject}", owasp="sensitive_create")
PAYMENT_OPENED = register(
    "payment.opened", "The page of payment {subject} was opened", owasp="sensitive_update"
)
PAYMENT_RECORDED = register(
    "payment.recorded", "{actor} recorded payment {subject}", owasp="sensitive_create"
)
PAYMENT_PROCESSING = register(
    "payment.processing", "Payment {subject} is on its way", owasp="sensitive_update"
)
PAYMENT_NEEDS_PAYER = register(
    "payment.needs_payer", "The bank of payment {subject} asks for its payer", owasp="sensitive_update"
)
PAYMENT_DECLINED = register(
    "payment.declined", "A try of payment {subject} was declined: {code}", owasp="sensitive_update"
)
PAYMENT_SUCCEEDED = register("payment.succeeded", "Payment {subject} arrived", owasp="sensitive_update")
PAYMENT_FAILED = register("payment.failed", "Payment {subject} failed: {code}", owasp="sensitive_update")
PAYMENT_CANCELED = register("payment.canceled", "Payment {subject} was given up", owasp="sensitive_update")
PAYMENT_UNSURE = register(
    "payment.unsure", "Nobody knows yet whether payment {subject} moved money", owasp="sensitive_update"
)
PAYMENT_DIFFERS = register(
    "payment.differs", "What was said of payment {subject} is not what was asked for", owasp="sequence_fail"
)
PAYMENT_HELD = register(
    "payment.held", "Payment {subject} came in other than asked for and is held", owasp="sequence_fail"
)
PAYMENT_DOUBLED = register(
    "payment.doubled", "Payment {subject} came in besides payment {first}", owasp="sensitive_create"
)
PAYMENT_REVERSED = register(
    "payment.reversed", "{actor} took payment {subject} back", owasp="sensitive_update"
)
PAYMENT_UNRESOLVED = register(
    "payment.unresolved",
    "Nobody could say for too long how payment {subject} ended",
    owasp="sensitive_update",
)
PAYMENT_RESOLVED = register(
    "payment.resolved", "{actor} decided about held payment {subject}: {how}", owasp="sensitive_update"
)
DISPUTE_CREATED = register(
    "dispute.created", "The payer's bank disputes a payment: {subject}", owasp="sensitive_create"
)
DISPUTE_UPDATED = register("dispute.updated", "Dispute {subject} moved on", owasp="sensitive_update")
DISPUTE_ANSWERED = register(
    "dispute.answered", "{actor} answered dispute {subject}", owasp="sensitive_update"
)
DISPUTE_ACCEPTED = register("dispute.accepted", "{actor} gave dispute {subject} up", owasp="sensitive_update")
DISPUTE_ANSWER_REFUSED = register(
    "dispute.answer_refused", "The answer to dispute {subject} was not taken", owasp="sensitive_update"
)
DISPUTE_WON = register("dispute.won", "Dispute {subject} was won", owasp="sensitive_update")
DISPUTE_LOST = register("dispute.lost", "Dispute {subject} was lost", owasp="sensitive_update")
REFUND_UNRESOLVED = register(
    "refund.unresolved",
    "Nobody could say for too long how refund {subject} ended",
    owasp="sensitive_update",
)
REFUND_REQUESTED = register(
    "refund.requested", "{actor} asked for refund {subject}", owasp="sensitive_create"
)
REFUND_APPROVED = register("refund.approved", "{actor} let refund {subject} go", owasp="sensitive_update")
REFUND_DECLINED = register(
    "refund.declined", "Nobody agreed to refund {subject}: {how}", owasp="sensitive_update"
)
REFUND_SENT = register("refund.sent", "Refund {subject} is on its way", owasp="sensitive_update")
REFUND_UNSURE = register(
    "refund.unsure", "Nobody knows yet whether refund {subject} is on its way", owasp="sensitive_update"
)
REFUND_DIFFERS = register(
    "refund.differs", "What was said of refund {subject} is not what was asked for", owasp="sequence_fail"
)
REFUND_SUCCEEDED = register("refund.succeeded", "Refund {subject} was paid out", owasp="sensitive_update")
REFUND_FAILED = register("refund.failed", "Refund {subject} failed: {code}", owasp="sensitive_update")
REFUND_CANCELED = register("refund.canceled", "{actor} gave refund {subject} up", owasp="sensitive_update")
METHOD_SAVED = register(
    "payment_method.saved", "{actor} saved payment method {subject}", owasp="sensitive_create"
)
METHOD_REMOVED = register(
    "payment_method.removed", "{actor} removed payment method {subject}", owasp="sensitive_delete"
)
METHOD_DEFAULT = register(
    "payment_method.made_default", "{actor} made {subject} the usual method", owasp="sensitive_update"
)
PAYOUTS_HELD = register("payouts.held", "{actor} held every payout", owasp="authz_admin", pci="10.2.1.2")
PAYOUTS_RELEASED = register(
    "payouts.released", "{actor} let payouts go again", owasp="authz_admin", pci="10.2.1.2"
)
PAYOUT_REFUSED = register(
    "payout.refused", "{actor} wanted money to leave while payouts are held", owasp="authz_fail"
)
AUTOPAY_SET = register(
    "autopay.set", "{actor} let invoices be collected from customer {subject}", owasp="sensitive_create"
)
AUTOPAY_ANNOUNCED = register(
    "autopay.announced", "Collecting invoice {subject} was announced", owasp="sensitive_update"
)
AUTOPAY_CHARGED = register(
    "autopay.charged", "Invoice {subject} is collected by payment {payment}", owasp="sensitive_update"
)
AUTOPAY_SKIPPED = register(
    "autopay.skipped", "Invoice {subject} is not collected: {why}", owasp="sensitive_update"
)
AUTOPAY_STOPPED = register(
    "autopay.stopped", "{actor} stopped collecting from customer {subject}", owasp="sensitive_update"
)

# Pay links, the pay page and what is sent.
PAY_LINK_MADE = register(
    "pay_link.made", "{actor} made a payment link of invoice {subject}", owasp="authn_token_created"
)
PAY_LINK_OPENED = register(
    "pay_link.opened", "Somebody opened {subject} by its payment link", owasp="sensitive_read", pci="10.2.1.1"
)
PAY_LINK_REVOKED = register(
    "pay_link.revoked", "{actor} withdrew a payment link of invoice {subject}", owasp="authn_token_revoked"
)
PAY_LINK_RESENT = register(
    "pay_link.resent", "A new payment link of invoice {subject} was asked for", owasp="authn_token_created"
)
PAY_LINK_REFUSED = register(
    "pay_link.refused", "A payment link was refused", owasp="authz_fail", pci="10.2.1.4"
)
PAY_LINK_RETENTION = register(
    "pay_link.retention_ended",
    "{actor} removed payment links whose retention has ended",
    owasp="sensitive_delete",
    pci="10.2.1.7",
)
INVOICE_SENT = register("invoice.sent", "{actor} sent invoice {subject}", owasp="sensitive_update")
RECEIPT_SENT = register("receipt.sent", "The receipt of payment {subject} was sent", owasp="sensitive_update")
RECEIPT_READ = register(
    "receipt.read", "{actor} opened the receipt of payment {subject}", owasp="sensitive_read", pci="10.2.1.1"
)

# --- What people and programs read -----------------------------------------------------------------

PAYMENT_LISTED = register(
    "payment.listed", "{actor} read a list of payments", owasp="sensitive_read", pci="10.2.1.1"
)
PAYMENT_READ = register(
    "payment.read", "{actor} read payment {subject}", owasp="sensitive_read", pci="10.2.1.1"
)
ALLOCATION_LISTED = register(
    "allocation.listed", "{actor} read which money paid which invoice", owasp="sensitive_read", pci="10.2.1.1"
)
REFUND_LISTED = register(
    "refund.listed", "{actor} read a list of refunds", owasp="sensitive_read", pci="10.2.1.1"
)
REFUND_READ = register("refund.read", "{actor} read refund {subject}", owasp="sensitive_read", pci="10.2.1.1")
DISPUTE_LISTED = register(
    "dispute.listed", "{actor} read a list of disputes", owasp="sensitive_read", pci="10.2.1.1"
)
DISPUTE_READ = register(
    "dispute.read", "{actor} read dispute {subject}", owasp="sensitive_read", pci="10.2.1.1"
)
PAYMENT_METHOD_LISTED = register(
    "payment_method.listed", "{actor} read saved payment methods", owasp="sensitive_read", pci="10.2.1.1"
)
PAYMENT_METHOD_READ = register(
    "payment_method.read", "{actor} read payment method {subject}", owasp="sensitive_read", pci="10.2.1.1"
)
CREDIT_LISTED = register(
    "credit.listed", "{actor} read what customers have in credit", owasp="sensitive_read", pci="10.2.1.1"
)

# --- Bank statements -------------------------------------------------------------------------------

STATEMENT_IMPORTED = register(
    "statement.imported", "{actor} took in bank statement {subject}", owasp="upload_complete"
)
STATEMENT_READ = register(
    "statement.read", "{actor} read lines of bank statements", owasp="sensitive_read", pci="10.2.1.1"
)
STATEMENT_LINE_BOOKED = register(
    "statement_line.booked", "{actor} booked line {subject} of a bank statement", owasp="sensitive_update"
)
STATEMENT_LINE_LINKED = register(
    "statement_line.linked",
    "{actor} said which payment line {subject} of a bank statement is",
    owasp="sensitive_update",
)
STATEMENT_LINE_IGNORED = register(
    "statement_line.ignored", "{actor} set line {subject} of a bank statement aside", owasp="sensitive_update"
)
STATEMENT_LINE_REOPENED = register(
    "statement_line.reopened",
    "{actor} opened line {subject} of a bank statement again",
    owasp="sensitive_update",
)

# --- Reminders and late fees -----------------------------------------------------------------------

REMINDER_SENT = register("reminder.sent", "{actor} reminded of invoice {subject}", owasp="sensitive_update")
REMINDER_LISTED = register(
    "reminder.listed", "{actor} read who is reminded of what", owasp="sensitive_read", pci="10.2.1.1"
)
REMINDER_PLAN_CREATED = register(
    "reminder_plan.created", "{actor} made reminder plan {subject}", owasp="sensitive_create"
)
REMINDER_PLAN_UPDATED = register(
    "reminder_plan.updated", "{actor} changed reminder plan {subject}", owasp="sensitive_update"
)
REMINDER_CHOICE_UPDATED = register(
    "reminder_choice.updated", "{actor} changed how customer {subject} is reminded", owasp="sensitive_update"
)
PROMISE_RECORDED = register(
    "promise.recorded", "{actor} noted a promise to pay invoice {subject}", owasp="sensitive_update"
)
PROMISE_ENDED = register(
    "promise.ended", "{actor} took back the promise to pay invoice {subject}", owasp="sensitive_update"
)
LATE_FEE_PROPOSED = register(
    "late_fee.proposed", "{actor} drafted a late fee for invoice {subject}", owasp="sensitive_create"
)

# --- The provider and what it tells us -------------------------------------------------------------

GATEWAY_CONNECTED = register(
    "gateway.connected",
    "{actor} connected the payment provider {subject}",
    owasp="sensitive_create",
    pci="10.2.1.2",
)
GATEWAY_DISCONNECTED = register(
    "gateway.disconnected",
    "{actor} disconnected the payment provider {subject}",
    owasp="sensitive_delete",
    pci="10.2.1.2",
)
GATEWAY_KEY_REPLACED = register(
    "gateway.key_replaced",
    "{actor} replaced the key of the payment provider {subject}",
    owasp="authn_token_created",
    pci="10.2.1.5",
)
GATEWAY_HOOK_ROTATED = register(
    "gateway.hook_rotated",
    "{actor} replaced the secret that the payment provider {subject} signs with",
    owasp="authn_token_created",
    pci="10.2.1.5",
)
GATEWAY_HOOK_RETIRED = register(
    "gateway.hook_retired",
    "{actor} ended the former secret of the payment provider {subject}",
    owasp="authn_token_revoked",
    pci="10.2.1.5",
)
HOOK_RECEIVED = register(
    "hook.received", "The payment provider said {type}", owasp="sensitive_create", pci="10.2.1.2"
)
HOOK_REFUSED = register(
    "hook.refused",
    "A message to the door of the payment provider was refused",
    owasp="authz_fail",
    pci="10.2.1.4",
)
HOOK_GIVEN_UP = register(
    "hook.given_up", "{actor} could not apply what the payment provider said", owasp="sys_crash"
)
CARDS_SCANNED = register(
    "cards.scanned",
    "{actor} looked for card numbers in what is stored",
    owasp="sensitive_read",
    pci="10.2.1.1",
)
CARD_NUMBER_FOUND = register(
    "cards.found", "{actor} found what looks like a card number in {place}", owasp="sensitive_read"
)

# --- One thing done to many -------------------------------------------------------------------------

BULK_BEGUN = register(
    "bulk.begun", "{actor} began to do something to many records: {act}, {rows}", owasp="sensitive_update"
)
BULK_ENDED = register(
    "bulk.ended", "Work on many records ended: {act}, {done} done", owasp="sensitive_update"
)
BULK_STOPPED = register("bulk.stopped", "{actor} stopped job {subject}", owasp="sensitive_update")
