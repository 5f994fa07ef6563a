"""What payments leave in the audit trail."""

from audit.events import register

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
