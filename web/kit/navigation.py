"""The places of the staff shell. What a person cannot open is absent, and so is what has not been built.

Each face adds its pages here: a label, the name of a route that takes the organization's slug, an icon, and
the permission that opens it. The first page a person may open is where an organization greets them.
"""

from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from accounts.permissions import Permission
from web.kit.parts import NavGroup, NavItem


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    label: str
    route: str
    icon: str
    # None: every member may, whatever their role.
    permission: Permission | None
    # Also for whom a grant opens at least one customer.
    granted: bool = False
    # What follows G to come here.
    key: str = ""
    # Whoever holds this has a place of the same name that shows more.
    unless: Permission | None = None


P = Permission

GROUPS: tuple[tuple[str, tuple[Place, ...]], ...] = (
    (
        "Billing",
        (
            Place("Overview", "signin:home", "overview", P.INVOICE_READ, key="o"),
            Place("Invoices", "billing:invoices", "invoice", P.INVOICE_READ, granted=True, key="i"),
            Place("Quotes", "billing:quotes", "invoice", P.INVOICE_READ),
            Place("Credit notes", "billing:credit_notes", "refund", P.INVOICE_READ),
            Place("Subscriptions", "recurring:subscriptions", "repeat", P.SUBSCRIPTION_READ),
            Place("Products", "recurring:products", "product", P.PRODUCT_READ),
            Place("Customers", "billing:customers", "customers", P.CUSTOMER_READ, granted=True, key="c"),
            Place("Billing runs", "billing:runs", "repeat", P.BILLING_RUN),
            Place("Reminders", "reminders:reminders", "bell", P.INVOICE_READ),
            Place("Reconcile", "reconcile:lines", "compliance", P.PAYMENT_READ),
            Place("Payments", "payments:payments", "payment", P.PAYMENT_READ, key="p"),
            Place("Refunds", "payments:refunds", "refund", P.PAYMENT_READ),
            Place("Disputes", "payments:disputes", "warning", P.PAYMENT_READ),
            Place("Reports", "reports:index", "report", P.REPORT_READ),
            Place("Ledger", "books:ledger", "report", P.LEDGER_READ),
            Place("Exchange rates", "books:rates", "repeat", P.LEDGER_READ),
            Place("Month end", "books:close", "lock", P.LEDGER_READ),
            Place("Approvals", "people:approvals", "approval", P.APPROVAL_READ),
            Place("Import", "files:imports", "import", P.IMPORT_RUN),
            Place("Exports", "files:exports", "download", P.EXPORT_RUN),
        ),
    ),
    (
        "Security",
        (
            Place("Security", "console:security", "shield", P.SECURITY_READ, key="s"),
            Place("Alerts", "alerts:alerts", "bell", P.ALERT_READ),
            Place("Sign-in", "console:sign_in", "person", P.SECURITY_READ),
            Place("Sessions", "console:sessions", "clock", P.SECURITY_READ),
            Place("Encryption keys", "console:keys", "key", P.SECURITY_READ),
            Place("What is encrypted", "console:encryption", "lock", P.SECURITY_READ),
            Place("Card data", "console:gateway", "payment", P.SECURITY_READ),
            Place("Patches", "patching:evidence", "patch", P.SECURITY_READ, unless=P.OPS_PATCHES),
            Place("Where alerts go", "channels:channels", "mail", P.ALERT_READ),
            Place("Audit trail", "console:audit", "audit", P.AUDIT_READ, key="a"),
            Place("Streams", "channels:streams", "next", P.AUDIT_READ),
            Place("Backups", "backups:evidence", "download", P.SECURITY_READ, unless=P.OPS_BACKUPS),
        ),
    ),
    (
        "Installation",
        (
            Place("Organizations", "ops_organizations:index", "organization", P.OPS_ORGANIZATIONS),
            Place("Backups", "ops_backups:index", "download", P.OPS_BACKUPS),
            Place("Patches", "ops_patching:patches", "patch", P.OPS_PATCHES),
        ),
    ),
    (
        "Assurance",
        (
            Place("Compliance", "compliance:overview", "compliance", P.COMPLIANCE_READ),
            Place("Privacy requests", "privacy:requests", "person", P.PRIVACY_READ),
            Place("Training", "training:overview", "training", P.TRAINING_READ),
            Place("Retention", "privacy:retention", "clock", P.PRIVACY_READ),
            Place("Record of processing", "privacy:processing", "report", P.PRIVACY_READ),
            Place("Breaches", "privacy:breaches", "warning", P.BREACH_MANAGE),
        ),
    ),
    (
        "Settings",
        (
            Place("Organization", "billing:organization", "organization", P.ORGANIZATION_WRITE),
            Place("Documents", "billing:document_settings", "invoice", P.ORGANIZATION_WRITE),
            Place("Bank account", "billing:bank_account", "payment", P.ORGANIZATION_READ),
            Place("Card payments", "console:provider", "payment", P.GATEWAY_MANAGE),
            Place("Tax rates", "billing:tax_rates", "report", P.TAX_RATE_READ),
            Place("Number series", "billing:series", "invoice", P.ORGANIZATION_READ),
            Place("Test clock", "recurring:test_clock", "clock", P.BILLING_RUN),
            Place("Members", "people:members", "person", P.MEMBER_READ),
            Place("Roles", "people:roles", "approval", P.MEMBER_READ),
            Place("Jobs", "console:jobs", "clock", P.JOB_READ),
        ),
    ),
    (
        "Developers",
        (
            Place("First call", "developers:start", "next", P.EVENT_READ),
            Place("API keys", "developers:keys", "code", P.APIKEY_MANAGE),
            Place("Webhooks", "developers:webhooks", "repeat", P.WEBHOOK_MANAGE),
            Place("Events", "developers:events", "bell", P.EVENT_READ),
            Place("Requests", "developers:requests", "audit", P.EVENT_READ),
            Place("Sandbox", "developers:sandbox", "clock", P.EVENT_READ),
        ),
    ),
    (
        "You",
        (
            Place("Your training", "training:mine", "training", None),
            Place("Report a message", "training:report", "mail", None),
        ),
    ),
)


# What one can begin from anywhere, by its name.
ACTIONS: tuple[Place, ...] = (
    Place("New invoice", "billing:new_invoice", "plus", P.INVOICE_WRITE),
    Place("New customer", "billing:new_customer", "plus", P.CUSTOMER_WRITE),
    Place("Record a payment", "payments:new", "payment", P.PAYMENT_WRITE),
    Place("New quote", "billing:new_quote", "plus", P.QUOTE_WRITE),
    Place("New subscription", "recurring:new_subscription", "repeat", P.SUBSCRIPTION_WRITE),
    Place("New product", "recurring:new_product", "product", P.PRODUCT_WRITE),
    Place("Start a billing run", "billing:new_run", "repeat", P.BILLING_RUN),
    Place("Import a bank statement", "reconcile:import", "import", P.PAYMENT_WRITE),
    Place("Invite a member", "people:invite", "person", P.MEMBER_MANAGE),
    Place("New API key", "developers:new_key", "code", P.APIKEY_MANAGE),
    Place("New webhook", "developers:new_webhook", "repeat", P.WEBHOOK_MANAGE),
    Place("Report a personal data breach", "privacy:new_breach", "warning", P.BREACH_MANAGE),
)

# What a customer sees of an organization, on its portal.
PORTAL: tuple[Place, ...] = (
    Place(gettext_noop("Invoices"), "portal:home", "invoice", P.PORTAL_READ),
    Place(gettext_noop("Quotes"), "portal:quotes", "approval", P.PORTAL_READ),
    Place(gettext_noop("Payments"), "portal:payments", "payment", P.PORTAL_READ),
    Place(gettext_noop("Statements"), "portal:statements", "report", P.PORTAL_READ),
    Place(gettext_noop("Ways to pay"), "portal:methods", "key", P.PORTAL_READ),
    Place(gettext_noop("Automatic payment"), "portal:autopay", "repeat", P.PORTAL_READ),
    Place(gettext_noop("Bank details"), "portal:bank", "shield", P.PORTAL_READ),
    Place(gettext_noop("People"), "portal:contacts", "customers", P.PORTAL_READ),
    Place(gettext_noop("Your data"), "portal:privacy", "person", P.PORTAL_READ),
)


def portal(slug: str, held: frozenset[Permission], path: str) -> list[NavGroup]:
    """Return the navigation of a customer who is at `path`."""
    urls = {place: reverse(place.route, kwargs={"slug": slug}) for place in PORTAL}
    home = urls[PORTAL[0]]
    around = [url for url in urls.values() if url != home and path.startswith(url)]
    here = max(around, key=len, default=home)
    items = [
        NavItem(gettext(place.label), urls[place], place.icon, current=urls[place] == here)
        for place in PORTAL
        if place.permission in held
    ]
    return [NavGroup("", items)]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A page in a language."""

    code: str
    name: str
    url: str
    current: bool


def languages(request: HttpRequest | None) -> list[Spoken]:
    """Return a page's address in each language; none where it answers a form and cannot be gone to."""
    if request is None or getattr(request, "method", "") not in ("GET", "HEAD"):
        return []
    now, shown = translation.get_language(), []
    for code, name in settings.LANGUAGES:
        query = request.GET.copy()
        query["language"] = code
        shown.append(Spoken(code, name, f"?{query.urlencode()}", code == now))
    return shown


def groups(
    slug: str, held: frozenset[Permission], path: str, *, granted: bool = False, room: str = ""
) -> list[NavGroup]:
    """Return the navigation of a person with these permissions, and perhaps grants, who is at `path`.

    With `room`, the places of that room alone.
    """
    urls = {place: _url(place, slug) for _, places in GROUPS for place in places}
    # A page below several places belongs to the nearest of them.
    around = [url for url in urls.values() if path == url or path.startswith(url.rstrip("/") + "/")]
    here = max(around, key=len, default="")
    shown = []
    for label, places in GROUPS:
        items = [
            NavItem(place.label, urls[place], place.icon, current=urls[place] == here, keys=place.key)
            for place in places
            if place.permission is None or place.permission in held or (granted and place.granted)
            if place.unless not in held and place.route.startswith(room)
        ]
        if items:
            shown.append(NavGroup(label, items))
    return shown


def actions(slug: str, held: frozenset[Permission]) -> list[NavItem]:
    """Return what a person with these permissions can begin."""
    return [
        NavItem(place.label, _url(place, slug), place.icon)
        for place in ACTIONS
        if place.permission is None or place.permission in held
    ]


def _url(place: Place, slug: str) -> str:
    return _address(place.route, slug)


@lru_cache(maxsize=20_000)  # sixty places on every page: looking each up anew was a tenth of making one
def _address(route: str, slug: str) -> str:
    # What is the installation's stands under no organization's address.
    return reverse(route, kwargs=None if route.startswith("ops_") else {"slug": slug})


def first_page(slug: str, held: frozenset[Permission], *, granted: bool = False) -> str:
    """Return the first page a person may open; nothing when neither their role nor a grant opens one."""
    found = groups(slug, held, "", granted=granted)
    return found[0].items[0].url if found else ""
