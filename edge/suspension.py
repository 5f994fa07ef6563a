"""What of a suspended organization still opens, and why; everything else gets one answer.

The operator's quarrel is with the organization. Its customers owe what they owe, people keep their rights over their
data, and what has happened to money must still be written down (docs/decisions/0039).
"""

from core.errors import ClosedForNow, Suspended
from edge.doors import DoorKind
from edge.request import Request
from tenancy.models import Tenant
from tenancy.suspension import PAYING_IN_DOUBT, REASONS

# A room whose every page goes on: requests of people within a month, breaches within 72 hours, whoever is in arrears.
ROOM = "privacy:"
ALWAYS: dict[str, str] = {
    "hooks:stripe": "what the provider says has happened: money that moved is booked, or the books are wrong",
    "asked:question": "somebody says whether it was them: watching goes on",
    "certificates:ask": "a certificate of somebody stays theirs",
    "certificates:show": "a certificate of somebody stays theirs",
    "portal:privacy": "a person's own rights over their data",
    "portal:ask_privacy": "a person's own rights over their data",
    "portal:privacy_file": "a person's own rights over their data",
    "portal:withdraw_privacy": "a person's own rights over their data",
    "portal:stop_autopay": "consent is withdrawn as easily as it was given (GDPR Article 7(3))",
    "portal:remove_method": "consent is withdrawn as easily as it was given (GDPR Article 7(3))",
}
# A customer reads what was billed and paid: they must keep it for years, and did nothing.
READING = frozenset({
    "portal:home", "portal:invoice", "portal:invoice_pdf", "portal:credit_note_pdf", "portal:quotes", "portal:quote",
    "portal:quote_pdf", "portal:payments", "portal:payment", "portal:payment_state", "portal:receipt_pdf",
    "portal:statements", "portal:statement_pdf", "portal:statement_csv", "portal:methods", "portal:autopay",
    "portal:contacts", "pay:result", "pay:state", "pay:invoice_pdf", "pay:receipt_pdf",
})  # fmt: skip
# A customer pays what they owe, so that no arrears grow from somebody else's quarrel; not while it is in doubt who gets
# the money, and then no bank details are shown either.
PAYING = frozenset({"pay:page", "portal:pay", "portal:total", "portal:confirm_payment", "portal:bank"})


def goes_on(tenant: Tenant, name: str, method: str) -> bool:
    """Tell whether a route opens in a suspended organization."""
    if name.startswith(ROOM) or name in ALWAYS:
        return True
    if name in PAYING:
        return tenant.suspended_why not in PAYING_IN_DOUBT
    return name in READING and method in ("GET", "HEAD")


def refuse(request: Request) -> None:
    """Let nothing pass in a suspended organization but what goes on.

    Raises:
        Suspended: to the organization's own it says since when, why, and what to do.
        ClosedForNow: to anybody else.
    """
    tenant, match = request.tenant, request.resolver_match
    if tenant is None or tenant.suspended_at is None:
        return
    if match is not None and goes_on(tenant, match.view_name, request.method or ""):
        return
    if request.door.kind not in (DoorKind.STAFF, DoorKind.API):
        # Why is between the organization and whoever runs the installation.
        raise ClosedForNow
    why = REASONS.get(tenant.suspended_why, tenant.suspended_why)
    raise Suspended(
        f"This organization is suspended since {tenant.suspended_at:%-d %B %Y} by whoever runs this installation. "
        f"Reason: {why}. An owner settles it with them, and they let it work again; nothing is deleted."
    )
