"""A pasted id (`inv_01j…`) leads straight to its record: to its own page, or to the page of what it is a part of.

Promise kept: an id that exists nowhere, elsewhere, or behind a page that the person may not open leads nowhere, and
all three look alike.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.apps import apps
from django.utils.http import urlencode

from audit import queries as trail
from compliance.controls import registry
from core import ids
from core.errors import NotFound
from edge.request import Request
from tenancy.context import current_tenant
from web.search import hits, reach
from web.search.hits import Hit

# Kinds that have a page: its model, and the route that takes the id.
PAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "alert": ("alerts.Alert", "alerts:alert"),
        "alert_channel": ("alerts.AlertChannel", "channels:channel"),
        "approval": ("accounts.ApprovalRequest", "people:approval"),
        "audit_event": ("audit.Event", "console:audit_event"),
        "audit_stream": ("alerts.AuditStream", "channels:stream"),
        "backup": ("backups.Backup", "ops_backups:backup"),
        "billing_run": ("billing.BillingRun", "billing:run"),
        "access_review": ("compliance.AccessReview", "compliance:access_review"),
        "breach": ("compliance.Breach", "privacy:breach"),
        "export": ("billing.Export", "files:export"),
        "finding": ("patching.Finding", "ops_patching:finding"),
        "import": ("billing.Import", "files:import"),
        "job": ("tenancy.Job", "console:job"),
        "ledger_account": ("billing.LedgerAccount", "books:account"),
        "ledger_transaction": ("billing.LedgerTransaction", "books:transaction"),
        "member": ("accounts.Membership", "people:member"),
        "message_report": ("training.SuspiciousMessage", "training:message"),
        "practice": ("training.PracticeCampaign", "training:campaign"),
        "privacy_request": ("compliance.PrivacyRequest", "privacy:request"),
        "product": ("billing.Product", "recurring:product"),
        "reminder_plan": ("payments.ReminderPlan", "reminders:plan"),
        "restore_drill": ("backups.Drill", "ops_backups:drill"),
        "role": ("accounts.Role", "people:role"),
        "series": ("billing.Series", "billing:one_series"),
        "statement_line": ("payments.StatementLine", "reconcile:line"),
        "subscription": ("billing.Subscription", "recurring:subscription"),
        "tax_rate": ("billing.TaxRate", "billing:tax_rate"),
        "training_module": ("training.Module", "training:module"),
        "training_record": ("training.Assignment", "training:assignment"),
        "webhook_delivery": ("outbound.WebhookDelivery", "developers:webhook_delivery"),
        "webhook_endpoint": ("outbound.WebhookEndpoint", "developers:webhook"),
    }
)
# Kinds that are a part of others: their model, and the columns that name the whole with its kind.
PARTS: Mapping[str, tuple[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "access_line": ("compliance.AccessLine", (("review_id", "access_review"),)),
        "account": ("accounts.PortalAccess", (("customer_id", "customer"),)),
        "alert_delivery": ("alerts.AlertDelivery", (("channel_id", "alert_channel"),)),
        "allocation": ("billing.Allocation", (("payment_id", "payment"), ("invoice_id", "invoice"))),
        "attachment": ("billing.InvoiceAttachment", (("invoice_id", "invoice"),)),
        "attempt": ("payments.Attempt", (("payment_id", "payment"),)),
        "certificate": ("training.Record", (("member_id", "member"),)),
        "charge": ("billing.PendingCharge", (("subscription_id", "subscription"), ("customer_id", "customer"))),
        "contact": ("billing.Contact", (("customer_id", "customer"),)),
        "credit": ("billing.CreditEntry", (("customer_id", "customer"),)),
        "credit_note_line": ("billing.CreditNoteLine", (("credit_note_id", "credit_note"),)),
        "document": (
            "billing.DocumentFile", (("invoice_id", "invoice"), ("credit_note_id", "credit_note")),
        ),
        "invoice_line": ("billing.InvoiceLine", (("invoice_id", "invoice"),)),
        "pay_link": ("payments.PayLink", (("invoice_id", "invoice"),)),
        "payment_method": ("payments.PaymentMethod", (("customer_id", "customer"),)),
        "price": ("billing.Price", (("product_id", "product"),)),
        "quote_line": ("billing.QuoteLine", (("quote_id", "quote"),)),
        "reminder": ("payments.Reminder", (("invoice_id", "invoice"),)),
        "subscription_item": ("billing.SubscriptionItem", (("subscription_id", "subscription"),)),
        "usage_event": ("billing.UsageEvent", (("customer_id", "customer"),)),
    }
)  # fmt: skip
# Kinds without a page of their own that stand in a list: their model, and the route of the list.
LISTED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "alert_mute": ("alerts.Mute", "alerts:rules"),
        "api_key": ("accounts.ApiKey", "developers:keys"),
        "auditor_visit": ("compliance.AuditorVisit", "compliance:auditors"),
        "bank_account": ("billing.BankAccount", "billing:bank_account"),
        "control_exception": ("compliance.ControlException", "compliance:exceptions"),
        "evidence": ("compliance.Evidence", "compliance:evidence"),
        "evidence_pack": ("compliance.EvidencePack", "compliance:packs"),
        "exchange_rate": ("billing.ExchangeRate", "books:rates"),
        "gateway_account": ("payments.GatewayAccount", "console:provider"),
        "invitation": ("accounts.Invitation", "people:members"),
        "legal_hold": ("compliance.LegalHold", "privacy:retention"),
        "meter": ("billing.Meter", "recurring:products"),
        "period": ("billing.AccountingPeriod", "books:close"),
        "restore": ("backups.RestoreRequest", "ops_backups:index"),
        "statement": ("payments.Statement", "reconcile:statements"),
        "webhook_event": ("outbound.WebhookEvent", "developers:webhooks"),
    }
)
# Kinds found another way (see `_other`), and those that lead nowhere, each with why.
OTHER = frozenset({"control", "request", "user"})
NOWHERE: Mapping[str, str] = MappingProxyType(
    {
        "factor": "a person's own, on the page of their sign-in",
        "file": "bytes behind a record, which is what is looked for",
        "organization": "one is inside it",
        "practice_result": "whoever took it from the trail would learn whose it is",
        "saved_view": "a tab of its list; its own address is what is given on",
        "selection": "what was chosen for one act; its job is what is looked for",
        "session": "a person's own, on the page of where they are signed in",
    }
)
_SPELLED = MappingProxyType({"api_key": "API key"})


def target(request: Request, text: str, *, slug: str) -> Hit | None:
    """Return what an id leads to; None where there is nothing, or nothing the person may open."""
    kind = ids.kind_of(text)
    if kind is None:
        return None
    try:
        key = ids.decode(kind, text)
    except NotFound:
        return None
    found = _lead(request, kind, key, slug)
    if found is None:
        return None
    if isinstance(found, Hit):
        return found
    allowed = reach.of_address(request, found)
    if allowed is None:
        return None
    words = _SPELLED.get(kind, kind.replace("_", " ").capitalize())
    return Hit(kind=words, icon="next", title=text, url=found, id=key)


def _lead(request: Request, kind: str, key: UUID, slug: str) -> Hit | str | None:
    """Return the record itself where its line can be shown, or an address whose own rule is still to be asked."""
    if kind in hits.NOUNS:
        return next(iter(hits.by_ids(request, [(kind, key)], slug=slug)), None)
    if kind in PARTS:
        model, columns = PARTS[kind]
        row = _rows(model).filter(pk=key).values(*(column for column, _ in columns)).first()
        wholes = [(of, row[column]) for column, of in columns if row and row[column] is not None]
        return next(
            (lead for of, whole in wholes if (lead := _lead(request, of, whole, slug)) is not None), None
        )
    if kind in OTHER:
        return _other(kind, key, slug)
    if kind == "audit_event":
        # By its own query, which looks into one month's partition.
        exists = trail.event(key) is not None
    elif kind in PAGES or kind in LISTED:
        exists = _rows((PAGES.get(kind) or LISTED[kind])[0]).filter(pk=key).exists()
    else:
        return None
    if not exists:
        return None
    if kind in LISTED:
        return reach.address(LISTED[kind][1], slug)
    return reach.address(PAGES[kind][1], slug, ids.encode(kind, key))


def _other(kind: str, key: UUID, slug: str) -> str | None:
    if kind == "request":
        # A reference that an error page gave out: what the trail holds of it.
        return f"{reach.address('console:audit', slug)}?{urlencode({'request': str(key)})}"
    if kind == "user":
        member = _rows("accounts.Membership").filter(user_id=key).values_list("pk", flat=True).first()
        return reach.address("people:member", slug, ids.encode("member", member)) if member else None
    tenant = current_tenant()
    code = next((each.code for each in registry.controls() if each.id_in(tenant) == key), None)
    return reach.address("compliance:control", slug, code) if code else None


def _rows(model: str) -> Any:
    """Return the rows of a model that are the organization's, as row-level security shows them."""
    return apps.get_model(model).objects.all()
