"""The bank details that hold, and since when: where a customer checks what a letter or mail says."""

from django.http import HttpResponse

from accounts.permissions import Permission
from billing import events
from billing.bankaccounts import queries as bankaccounts
from billing.documents.pdf import words as paper_words
from billing.invoices import rules
from billing.issuer import queries as issuers
from core import clock
from edge import recording
from edge.access import access
from edge.request import Request
from web.portal import frame


@access(get=Permission.PORTAL_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show the details that hold, and a change that is announced."""
    at, zone = clock.now(), issuers.time_zone()
    current, coming = bankaccounts.current(at), bankaccounts.announced(at)
    recording.read(request, events.BANK_ACCOUNT_READ)
    context = {
        "current": current,
        "iban": paper_words.iban(current.iban).replace("\u00a0", " ") if current else "",
        "changed_on": rules.local_day(current.holds_from, zone) if current else None,
        "coming_from": coming.holds_from if coming else None,
        "coming_said": coming.announced_at if coming else None,
    }
    return frame.show(request, "portal/bank.html", context)
