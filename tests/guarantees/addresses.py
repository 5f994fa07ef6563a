"""The address of a route with an organization's own records in it."""

import re

from tests.guarantees.world import Organization

# Which record a route's `pk` names: the nearest noun before it.
NOUNS = {
    "alerts": "alert",
    "mutes": "alert_mute",
    "controls": "control",
    "evidence": "evidence",
    "exceptions": "control_exception",
    "packs": "evidence_pack",
    "access-reviews": "access_review",
    "access_reviews": "access_review",
    "auditors": "auditor_visit",
    "contacts": "contact",
    "import": "import",
    "exports": "export",
    "charges": "charge",
    "customers": "customer",
    "documents": "document",
    "invoices": "invoice",
    "credit-notes": "credit_note",
    "credit_notes": "credit_note",
    "series": "series",
    "tax_rates": "tax_rate",
    "tax-rates": "tax_rate",
    "meters": "meter",
    "prices": "price",
    "attachments": "attachment",
    "products": "product",
    "quotes": "quote",
    "subscriptions": "subscription",
    "members": "member",
    "invitations": "invitation",
    "roles": "role",
    "approvals": "approval",
    "keys": "api_key",
    "sessions": "session",
    "jobs": "job",
    "audit_events": "audit_event",
    "audit": "audit_event",
    "allocations": "allocation",
    "disputes": "dispute",
    "payment_methods": "payment_method",
    "payments": "payment",
    "refunds": "refund",
    "lines": "statement_line",
    "plans": "reminder_plan",
    "channels": "alert_channel",
    "streams": "audit_stream",
    "privacy_requests": "privacy_request",
    "webhooks": "webhook_endpoint",
    "webhook_endpoints": "webhook_endpoint",
    "deliveries": "webhook_delivery",
    "webhook_deliveries": "webhook_delivery",
    "events": "webhook_event",
    "billing-runs": "billing_run",
    "billing_runs": "billing_run",
    "exchange_rates": "exchange_rate",
    "ledger_accounts": "ledger_account",
    "ledger_transactions": "ledger_transaction",
    "accounts": "ledger_account",
    "transactions": "ledger_transaction",
    "periods": "period",
    "certificates": "certificate",
    "assignments": "training_record",
    "messages": "message_report",
    "modules": "training_module",
    "campaigns": "practice",
    "practice": "practice_result",
    "requests": "privacy_request",
    "privacy": "privacy_request",
    "breaches": "breach",
    "holds": "legal_hold",
    "views": "saved_view",
    "selected": "selection",
}
# Arguments that name no record.
WORDS = {
    "rule": "DATA-01",
    "how": "freeze_exports",
    "framework": "gdpr",
    "kind": "facturx",
    "listing": "customers",
    "purpose": "fields",
    "month": "2019-01",
    "code": "keys.age",
    "lesson": "phishing",
    "number": "1",
    "guide": "retry-safely",
}
_NEEDS_FINALIZED = re.compile(r"invoices/<str:pk>/(void|credit|documents|write.off|answer)")


def address(path: str, organization: Organization, *, slug: str = "") -> str:
    """Fill a route's arguments with an organization's records."""
    filled = path.replace("<organization:slug>", slug or organization.slug)
    for match in re.finditer(r"<(?:\w+:)?(\w+)>", filled):
        before = filled[: match.start()].strip("/").split("/")
        noun = next((NOUNS[part] for part in reversed(before) if part in NOUNS), None)
        if match[1] in WORDS:
            return address(filled.replace(match[0], WORDS[match[1]], 1), organization)
        if match[1] != "pk" or noun is None:
            raise LookupError(f"nobody knows how to fill <{match[1]}> of {path}")
        record = "finalized" if _NEEDS_FINALIZED.search(path) else noun
        return address(filled.replace(match[0], organization.records[record], 1), organization)
    return "/" + filled
