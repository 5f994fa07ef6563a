"""The authority model on one page: every right, the built-in roles, and what each way of signing in may use.

Promise kept: a right that is not named here does not exist; a right that is not in `METHODS` for the way
somebody signed in is refused, whatever their role says. A role is a set of rights; a sign-in method narrows
it.

What a signed-in person does to their own record (their password, factors, sessions, activity) is no
permission: routes declare it as `Own(…)`, apart from this page, and no role can give or take it.
"""

from collections.abc import Mapping
from enum import StrEnum

from core.actor import SignInMethod


class Permission(StrEnum):
    """One right, as `noun:verb`, in alphabetical order."""

    ALERT_CONTAIN = "alert:contain"
    ALERT_MANAGE = "alert:manage"
    ALERT_READ = "alert:read"
    ALERT_WRITE = "alert:write"
    APIKEY_MANAGE = "apikey:manage"
    APPROVAL_DECIDE = "approval:decide"
    APPROVAL_READ = "approval:read"
    AUDIT_EXPORT = "audit:export"
    AUDIT_READ = "audit:read"
    BANK_ACCOUNT_MANAGE = "bank_account:manage"
    BILLING_RUN = "billing:run"
    BREACH_MANAGE = "breach:manage"
    COMPLIANCE_READ = "compliance:read"
    COMPLIANCE_WRITE = "compliance:write"
    CREDIT_WRITE = "credit:write"
    CREDIT_NOTE_WRITE = "credit_note:write"
    CUSTOMER_GRANT = "customer:grant"
    CUSTOMER_INVITE = "customer:invite"
    CUSTOMER_MERGE = "customer:merge"
    CUSTOMER_READ = "customer:read"
    CUSTOMER_WRITE = "customer:write"
    DISPUTE_WRITE = "dispute:write"
    EVENT_READ = "event:read"
    EXCHANGE_RATE_WRITE = "exchange_rate:write"
    EXPORT_RUN = "export:run"
    GATEWAY_MANAGE = "gateway:manage"
    IMPORT_RUN = "import:run"
    INVOICE_FINALIZE = "invoice:finalize"
    INVOICE_READ = "invoice:read"
    INVOICE_SEND = "invoice:send"
    INVOICE_VOID = "invoice:void"
    INVOICE_WRITE = "invoice:write"
    INVOICE_WRITE_OFF = "invoice:write_off"
    JOB_READ = "job:read"
    KEYS_ROTATE = "keys:rotate"
    LEDGER_READ = "ledger:read"
    MEMBER_MANAGE = "member:manage"
    MEMBER_READ = "member:read"
    OPS_AUDIT = "ops:audit"
    OPS_BACKUPS = "ops:backups"
    OPS_KEYS = "ops:keys"
    OPS_ORGANIZATIONS = "ops:organizations"
    OPS_PATCHES = "ops:patches"
    OPS_RESTORE = "ops:restore"
    ORGANIZATION_READ = "organization:read"
    ORGANIZATION_WRITE = "organization:write"
    PAYMENT_READ = "payment:read"
    PAYMENT_WRITE = "payment:write"
    PERIOD_CLOSE = "period:close"
    PORTAL_PAY = "portal:pay"
    PORTAL_READ = "portal:read"
    PRIVACY_MANAGE = "privacy:manage"
    PRIVACY_READ = "privacy:read"
    PRODUCT_READ = "product:read"
    PRODUCT_WRITE = "product:write"
    QUOTE_WRITE = "quote:write"
    REFUND_WRITE = "refund:write"
    REMINDER_MANAGE = "reminder:manage"
    REPORT_READ = "report:read"
    RETENTION_MANAGE = "retention:manage"
    ROLE_MANAGE = "role:manage"
    SECURITY_READ = "security:read"
    SUBSCRIPTION_READ = "subscription:read"
    SUBSCRIPTION_WRITE = "subscription:write"
    TAX_RATE_READ = "tax_rate:read"
    TAX_RATE_WRITE = "tax_rate:write"
    TRAINING_MANAGE = "training:manage"
    TRAINING_READ = "training:read"
    USAGE_WRITE = "usage:write"
    WEBHOOK_MANAGE = "webhook:manage"


class Limit(StrEnum):
    """How far a right goes. Absent from a role means zero: every use needs a second person."""

    EXPORT_ROWS = "export_rows"
    REFUND_MINOR = "refund_minor"
    # Of keys alone: whatever a person writes off needs a second one.
    WRITE_OFF_MINOR = "write_off_minor"


P = Permission

# Host-wide controls: only members of the operator's organization can hold them, whatever a role row says.
OPERATOR_ONLY: frozenset[Permission] = frozenset(p for p in Permission if p.startswith("ops:"))
# What a customer may do through the portal; it comes from PortalAccess, never from a role.
PORTAL: frozenset[Permission] = frozenset({P.PORTAL_PAY, P.PORTAL_READ})
# Rights that can make more rights, decide for others or reach secrets: giving one needs a second person.
POWERFUL: frozenset[Permission] = OPERATOR_ONLY | {
    P.ALERT_CONTAIN,
    P.ALERT_MANAGE,
    P.APIKEY_MANAGE,
    P.APPROVAL_DECIDE,
    P.BANK_ACCOUNT_MANAGE,
    P.CUSTOMER_GRANT,
    P.GATEWAY_MANAGE,
    P.KEYS_ROTATE,
    P.MEMBER_MANAGE,
    P.ORGANIZATION_WRITE,
    P.PRIVACY_MANAGE,
    P.RETENTION_MANAGE,
    P.ROLE_MANAGE,
}

_READ_BILLING = frozenset(
    {
        P.CUSTOMER_READ,
        P.INVOICE_READ,
        P.JOB_READ,
        P.LEDGER_READ,
        P.ORGANIZATION_READ,
        P.PAYMENT_READ,
        P.PRODUCT_READ,
        P.REPORT_READ,
        P.SUBSCRIPTION_READ,
        P.TAX_RATE_READ,
    }
)
_CLERK = _READ_BILLING | {
    P.CUSTOMER_INVITE,
    P.CUSTOMER_WRITE,
    P.INVOICE_SEND,
    P.INVOICE_WRITE,
    P.PAYMENT_WRITE,
    P.QUOTE_WRITE,
    P.REFUND_WRITE,
}
_BILLING_MANAGER = _CLERK | {
    P.APPROVAL_READ,
    P.BILLING_RUN,
    P.CREDIT_NOTE_WRITE,
    P.CREDIT_WRITE,
    P.CUSTOMER_MERGE,
    P.DISPUTE_WRITE,
    P.EXCHANGE_RATE_WRITE,
    P.EXPORT_RUN,
    P.IMPORT_RUN,
    P.INVOICE_FINALIZE,
    P.INVOICE_VOID,
    P.INVOICE_WRITE_OFF,
    P.PERIOD_CLOSE,
    P.PRODUCT_WRITE,
    P.REMINDER_MANAGE,
    P.SUBSCRIPTION_WRITE,
    P.TAX_RATE_WRITE,
    P.USAGE_WRITE,
}
# What administrators and security officers have in common: they see to it that all is well.
_WATCHING = frozenset(
    {
        P.ALERT_CONTAIN,
        P.ALERT_MANAGE,
        P.ALERT_READ,
        P.ALERT_WRITE,
        P.APPROVAL_DECIDE,
        P.APPROVAL_READ,
        P.AUDIT_READ,
        P.COMPLIANCE_READ,
        P.JOB_READ,
        P.MEMBER_READ,
        P.ORGANIZATION_READ,
        P.PRIVACY_READ,
        P.SECURITY_READ,
        P.TRAINING_MANAGE,
        P.TRAINING_READ,
    }
)
_EVERYTHING_OF_A_TENANT = frozenset(Permission) - OPERATOR_ONLY - PORTAL


class RoleCode(StrEnum):
    """The roles every organization starts with."""

    OWNER = "owner"
    ADMIN = "admin"
    BILLING_MANAGER = "billing_manager"
    BILLING_CLERK = "billing_clerk"
    APPROVER = "approver"
    ACCOUNTANT = "accountant"
    SECURITY_OFFICER = "security_officer"
    AUDITOR = "auditor"
    DEVELOPER = "developer"
    OPERATOR = "operator"


ROLES: Mapping[RoleCode, frozenset[Permission]] = {
    RoleCode.OWNER: _EVERYTHING_OF_A_TENANT,
    RoleCode.ADMIN: _WATCHING
    | {
        P.APIKEY_MANAGE,
        P.BANK_ACCOUNT_MANAGE,
        P.CUSTOMER_GRANT,
        P.CUSTOMER_READ,
        P.EVENT_READ,
        P.GATEWAY_MANAGE,
        P.MEMBER_MANAGE,
        P.ORGANIZATION_WRITE,
        P.ROLE_MANAGE,
        P.WEBHOOK_MANAGE,
    },
    RoleCode.BILLING_MANAGER: _BILLING_MANAGER,
    RoleCode.BILLING_CLERK: _CLERK,
    RoleCode.APPROVER: _READ_BILLING | {P.APPROVAL_DECIDE, P.APPROVAL_READ},
    RoleCode.ACCOUNTANT: _READ_BILLING | {P.EXPORT_RUN},
    RoleCode.SECURITY_OFFICER: _WATCHING
    | {
        P.AUDIT_EXPORT,
        P.BREACH_MANAGE,
        P.COMPLIANCE_WRITE,
        P.KEYS_ROTATE,
        P.PRIVACY_MANAGE,
        P.RETENTION_MANAGE,
    },
    RoleCode.AUDITOR: _READ_BILLING
    | {
        P.ALERT_READ,
        P.APPROVAL_READ,
        P.AUDIT_EXPORT,
        P.AUDIT_READ,
        P.COMPLIANCE_READ,
        P.MEMBER_READ,
        P.PRIVACY_READ,
        P.SECURITY_READ,
        P.TRAINING_READ,
    },
    RoleCode.DEVELOPER: frozenset(
        {P.APIKEY_MANAGE, P.EVENT_READ, P.JOB_READ, P.ORGANIZATION_READ, P.WEBHOOK_MANAGE}
    ),
    RoleCode.OPERATOR: OPERATOR_ONLY
    | {
        P.ALERT_READ,
        P.ALERT_WRITE,
        P.APPROVAL_READ,
        P.AUDIT_READ,
        P.JOB_READ,
        P.MEMBER_READ,
        P.ORGANIZATION_READ,
        P.SECURITY_READ,
    },
}
# In the operator's own organization the owner also holds the host-wide controls; see `of_role`.

ROLE_WORDS: Mapping[RoleCode, str] = {
    RoleCode.OWNER: "Owner",
    RoleCode.ADMIN: "Administrator",
    RoleCode.BILLING_MANAGER: "Billing manager",
    RoleCode.BILLING_CLERK: "Billing clerk",
    RoleCode.APPROVER: "Approver",
    RoleCode.ACCOUNTANT: "Accountant",
    RoleCode.SECURITY_OFFICER: "Security officer",
    RoleCode.AUDITOR: "Auditor",
    RoleCode.DEVELOPER: "Developer",
    RoleCode.OPERATOR: "Operator",
}

ROLE_LIMITS: Mapping[RoleCode, Mapping[Limit, int]] = {
    RoleCode.OWNER: {
        Limit.EXPORT_ROWS: 1_000_000,
        Limit.REFUND_MINOR: 10_000_000,
        Limit.WRITE_OFF_MINOR: 10_000_000,
    },
    RoleCode.BILLING_MANAGER: {Limit.EXPORT_ROWS: 10_000, Limit.REFUND_MINOR: 50_000},
    RoleCode.BILLING_CLERK: {Limit.EXPORT_ROWS: 1_000, Limit.REFUND_MINOR: 0},
    RoleCode.ACCOUNTANT: {Limit.EXPORT_ROWS: 10_000},
    RoleCode.AUDITOR: {Limit.EXPORT_ROWS: 10_000},
}

# --- Which way of signing in may use which right --------------------------------------------------

# Money out, trust and secrets: only with a factor used in the last five minutes (ASVS 7.5.3). No API key can ever
# step up: where one may do such a thing, a person who did has set how far it goes (`Limit`).
FRESH_ONLY: frozenset[Permission] = frozenset(
    {
        P.ALERT_CONTAIN,
        P.ALERT_MANAGE,
        P.APIKEY_MANAGE,
        P.APPROVAL_DECIDE,
        P.AUDIT_EXPORT,
        P.BANK_ACCOUNT_MANAGE,
        P.CUSTOMER_GRANT,
        P.CUSTOMER_INVITE,
        P.CUSTOMER_MERGE,
        P.GATEWAY_MANAGE,
        P.KEYS_ROTATE,
        P.MEMBER_MANAGE,
        P.OPS_BACKUPS,
        P.OPS_KEYS,
        P.OPS_ORGANIZATIONS,
        P.OPS_RESTORE,
        P.ORGANIZATION_WRITE,
        P.PERIOD_CLOSE,
        P.PRIVACY_MANAGE,
        P.REFUND_WRITE,
        P.RETENTION_MANAGE,
        P.ROLE_MANAGE,
        P.WEBHOOK_MANAGE,
    }
)
_OF_PEOPLE = frozenset(Permission) - PORTAL
# The scopes a key may carry are these permissions and no others.
API_KEY_SCOPES: frozenset[Permission] = frozenset(
    {
        P.ALERT_READ,
        P.ALERT_WRITE,
        P.APPROVAL_READ,
        P.AUDIT_READ,
        P.BILLING_RUN,
        P.COMPLIANCE_READ,
        P.CREDIT_NOTE_WRITE,
        P.CREDIT_WRITE,
        P.CUSTOMER_READ,
        P.CUSTOMER_WRITE,
        P.DISPUTE_WRITE,
        P.EVENT_READ,
        P.EXCHANGE_RATE_WRITE,
        P.EXPORT_RUN,
        P.IMPORT_RUN,
        P.INVOICE_FINALIZE,
        P.INVOICE_READ,
        P.INVOICE_SEND,
        P.INVOICE_VOID,
        P.INVOICE_WRITE,
        P.INVOICE_WRITE_OFF,
        P.JOB_READ,
        P.LEDGER_READ,
        P.ORGANIZATION_READ,
        P.PAYMENT_READ,
        P.PAYMENT_WRITE,
        P.PRIVACY_READ,
        P.PRODUCT_READ,
        P.PRODUCT_WRITE,
        P.QUOTE_WRITE,
        P.REFUND_WRITE,
        P.REPORT_READ,
        P.SUBSCRIPTION_READ,
        P.SUBSCRIPTION_WRITE,
        P.TAX_RATE_READ,
        P.TAX_RATE_WRITE,
        P.TRAINING_READ,
        P.USAGE_WRITE,
        P.WEBHOOK_MANAGE,
    }
)

METHODS: Mapping[SignInMethod, frozenset[Permission]] = {
    SignInMethod.SESSION: _OF_PEOPLE - FRESH_ONLY,
    SignInMethod.SESSION_FRESH: _OF_PEOPLE,
    SignInMethod.PORTAL: PORTAL,
    SignInMethod.PORTAL_FRESH: PORTAL,
    SignInMethod.API_KEY: API_KEY_SCOPES,
}


def usable(method: SignInMethod, held: frozenset[Permission]) -> frozenset[Permission]:
    """Return what of `held` this way of signing in may use; one that is not in the table, nothing."""
    return held & METHODS.get(method, frozenset())


def needs_step_up(method: SignInMethod, permission: Permission) -> bool:
    """Say whether confirming a factor would open `permission` to somebody who signed in this way."""
    return method == SignInMethod.SESSION and permission in FRESH_ONLY


def of_role(code: str, *, custom: frozenset[Permission], of_operator: bool) -> frozenset[Permission]:
    """Return what a role gives: the built-in set of that code, or `custom` when the code is no built-in one.

    Host-wide controls are dropped unless the organization is the operator's, so that no role row of another
    organization, however it came to be, can open them.
    """
    if code in ROLES:
        held = ROLES[RoleCode(code)]
        if of_operator and code == RoleCode.OWNER:
            held = held | OPERATOR_ONLY
    else:
        held = custom
    held = held - PORTAL
    return held if of_operator else held - OPERATOR_ONLY
