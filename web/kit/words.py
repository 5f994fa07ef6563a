"""Rights, roles and limits in words. One map; a test fails on a right without a sentence."""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.models import Role
from accounts.permissions import POWERFUL, ROLE_WORDS, Limit, Permission, RoleCode

P = Permission

RIGHTS: dict[Permission, str] = {
    P.ALERT_CONTAIN: "Stop harm: end sessions, freeze exports, hold payouts",
    P.ALERT_MANAGE: "Change alert rules and where alerts go",
    P.ALERT_READ: "See alerts",
    P.ALERT_WRITE: "Acknowledge, assign and close alerts",
    P.APIKEY_MANAGE: "Make and revoke API keys",
    P.APPROVAL_DECIDE: "Approve or decline what others ask for",
    P.APPROVAL_READ: "See what waits for approval",
    P.AUDIT_EXPORT: "Export the audit trail",
    P.AUDIT_READ: "Read the audit trail",
    P.BANK_ACCOUNT_MANAGE: "Ask to change the organization’s bank details",
    P.BILLING_RUN: "Run the billing",
    P.BREACH_MANAGE: "Keep the register of breaches",
    P.COMPLIANCE_READ: "See controls and evidence",
    P.COMPLIANCE_WRITE: "Run controls, add evidence and exceptions",
    P.CREDIT_NOTE_WRITE: "Issue credit notes",
    P.CREDIT_WRITE: "Let customers’ credit expire",
    P.CUSTOMER_GRANT: "Open single customers to a colleague",
    P.CUSTOMER_INVITE: "Invite people to a customer’s portal",
    P.CUSTOMER_MERGE: "Merge two customers into one",
    P.CUSTOMER_READ: "See customers",
    P.CUSTOMER_WRITE: "Add and change customers",
    P.DISPUTE_WRITE: "Answer disputes",
    P.EVENT_READ: "Read what happened, over the API",
    P.EXCHANGE_RATE_WRITE: "Set exchange rates",
    P.EXPORT_RUN: "Export records",
    P.GATEWAY_MANAGE: "Connect the payment provider",
    P.IMPORT_RUN: "Import customers and invoices",
    P.INVOICE_FINALIZE: "Finalize invoices",
    P.INVOICE_READ: "See invoices",
    P.INVOICE_SEND: "Send invoices to customers",
    P.INVOICE_VOID: "Void invoices",
    P.INVOICE_WRITE: "Write drafts of invoices",
    P.INVOICE_WRITE_OFF: "Write invoices off as bad debt",
    P.JOB_READ: "See long-running work",
    P.KEYS_ROTATE: "Rotate encryption keys",
    P.LEDGER_READ: "Read the ledger",
    P.MEMBER_MANAGE: "Invite, change, suspend and remove members",
    P.MEMBER_READ: "See members and roles",
    P.OPS_AUDIT: "Read the audit of the installation",
    P.OPS_BACKUPS: "Make, verify and drill backups",
    P.OPS_KEYS: "Manage the keys of the installation",
    P.OPS_ORGANIZATIONS: "Manage organizations of the installation",
    P.OPS_PATCHES: "See to patches and components",
    P.OPS_RESTORE: "Ask for a restore",
    P.ORGANIZATION_READ: "See the organization’s details",
    P.ORGANIZATION_WRITE: "Change the organization’s details",
    P.PAYMENT_READ: "See payments, refunds and disputes",
    P.PAYMENT_WRITE: "Record, allocate and reverse payments",
    P.PERIOD_CLOSE: "Close and reopen accounting periods",
    P.PORTAL_PAY: "Pay one’s own invoices on the portal",
    P.PORTAL_READ: "See one’s own invoices on the portal",
    P.PRIVACY_MANAGE: "Answer privacy requests",
    P.PRIVACY_READ: "See privacy requests",
    P.PRODUCT_READ: "See products and prices",
    P.PRODUCT_WRITE: "Add products, supersede prices",
    P.QUOTE_WRITE: "Write and send quotes",
    P.REFUND_WRITE: "Refund payments",
    P.REMINDER_MANAGE: "Decide when customers are reminded",
    P.REPORT_READ: "Read reports",
    P.RETENTION_MANAGE: "Run retention and place legal holds",
    P.ROLE_MANAGE: "Make and change roles",
    P.SECURITY_READ: "See the state of security",
    P.SUBSCRIPTION_READ: "See subscriptions",
    P.SUBSCRIPTION_WRITE: "Start, change and cancel subscriptions",
    P.TAX_RATE_READ: "See tax rates",
    P.TAX_RATE_WRITE: "Add and change tax rates",
    P.TRAINING_MANAGE: "Assign training and write modules",
    P.TRAINING_READ: "See who is trained",
    P.USAGE_WRITE: "Report usage",
    P.WEBHOOK_MANAGE: "Send events to other systems",
}

NOUNS: dict[str, str] = {
    "alert": "Alerts",
    "apikey": "API keys",
    "approval": "Approvals",
    "audit": "Audit trail",
    "bank_account": "Bank details",
    "billing": "Billing runs",
    "breach": "Breaches",
    "compliance": "Compliance",
    "credit": "Customer credit",
    "credit_note": "Credit notes",
    "customer": "Customers",
    "dispute": "Disputes",
    "event": "Events",
    "exchange_rate": "Exchange rates",
    "export": "Exports",
    "gateway": "Payment provider",
    "import": "Imports",
    "invoice": "Invoices",
    "job": "Jobs",
    "keys": "Encryption keys",
    "ledger": "Ledger",
    "member": "Members",
    "ops": "Installation",
    "organization": "Organization",
    "payment": "Payments",
    "period": "Accounting periods",
    "portal": "Portal",
    "privacy": "Privacy requests",
    "product": "Products and prices",
    "quote": "Quotes",
    "refund": "Refunds",
    "reminder": "Reminders",
    "report": "Reports",
    "retention": "Retention",
    "role": "Roles",
    "security": "Security",
    "subscription": "Subscriptions",
    "tax_rate": "Tax rates",
    "training": "Training",
    "usage": "Usage",
    "webhook": "Webhooks",
}

LIMITS: dict[Limit, str] = {
    Limit.EXPORT_ROWS: "Rows in one export",
    Limit.REFUND_MINOR: "Refund without a second person",
    Limit.WRITE_OFF_MINOR: "Write-off by a key without a second person",
}


@dataclass(frozen=True, slots=True)
class Right:
    """One right as people read it."""

    code: str
    sentence: str
    powerful: bool
    held: bool = False


@dataclass(frozen=True, slots=True)
class RightGroup:
    """The rights about one noun."""

    noun: str
    rights: list[Right]


def right(permission: Permission) -> str:
    """Say what a right allows."""
    return (
        RIGHTS.get(permission)
        or " ".join(reversed(permission.value.replace("_", " ").split(":"))).capitalize()
    )


def noun(permission: Permission) -> str:
    """Name what a right is about."""
    word = permission.value.partition(":")[0]
    return NOUNS.get(word) or word.replace("_", " ").capitalize()


def grouped(rights: Iterable[Permission], *, held: frozenset[Permission] = frozenset()) -> list[RightGroup]:
    """Group rights by what they are about, in alphabetical order."""
    groups: dict[str, list[Right]] = {}
    for permission in sorted(rights):
        entry = Right(permission.value, right(permission), permission in POWERFUL, permission in held)
        groups.setdefault(noun(permission), []).append(entry)
    return [RightGroup(name, groups[name]) for name in sorted(groups)]


def summary(rights: Iterable[Permission]) -> list[str]:
    """List rights as sentences, those that can harm most first."""
    return [
        right(permission)
        for permission in sorted(rights, key=lambda held: (held not in POWERFUL, held.value))
    ]


def role_name(role: Role) -> str:
    """Name a role: a built-in one in our words, an organization's own in theirs."""
    if role.builtin:
        return ROLE_WORDS[RoleCode(role.code)]
    return role.label or role.code


def limit(name: Limit, value: int) -> str:
    """Write a limit: rows as a count, money in major units of whatever currency it meets."""
    if name in (Limit.REFUND_MINOR, Limit.WRITE_OFF_MINOR):
        return f"{value // 100:,}.{value % 100:02d}"
    return f"{value:,}"
