"""A customer's own statement of account."""

from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.permissions import Permission
from billing import events
from billing.customers import queries as customers
from billing.reports.statements import Movement
from core import ids
from core.errors import Refusal
from edge import recording
from edge.access import access
from edge.request import Request
from web.books.trial import as_file
from web.portal import frame
from web.reports import statement


@access(get=Permission.PORTAL_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show what happened between this customer and the organization."""
    mine = frame.customer_of(request)
    try:
        wanted = _asked(request)
    except Refusal as refusal:
        request.refusal = refusal
        answer = frame.show(request, "portal/statement_refused.html", {"sentence": _(refusal.message)})
        answer.status_code = 422
        return answer
    recording.read(request, events.STATEMENT_READ, subject=("customer", mine), facts=wanted.query)
    asks = urlencode(wanted.query)
    context = {
        **statement.shown(wanted, lambda row: _url(slug, row)),
        "pdf_url": f"{reverse('portal:statement_pdf', args=[slug])}?{asks}",
        "csv_url": f"{reverse('portal:statement_csv', args=[slug])}?{asks}",
    }
    return frame.show(request, "portal/statements.html", context)


@access(get=Permission.PORTAL_READ)
def as_pdf(request: Request, slug: str) -> HttpResponseBase:
    """Hand out the statement as PDF."""
    mine = frame.customer_of(request)
    wanted = _asked(request)
    recording.read(request, events.STATEMENT_READ, subject=("customer", mine), facts=wanted.query)
    return statement.hand_out(request, wanted.found)


@access(get=Permission.PORTAL_READ)
def as_csv(request: Request, slug: str) -> HttpResponse:
    """Hand out the statement as CSV: it is the customer's own, and has a size."""
    mine = frame.customer_of(request)
    wanted = _asked(request)
    recording.read(request, events.STATEMENT_READ, subject=("customer", mine), facts=wanted.query)
    text = statement.table([[_(name) for name in statement.HEAD], *statement.written(wanted.found)])
    return as_file(text, f"statement-{wanted.found.until.isoformat()}.csv")


def _asked(request: Request) -> statement.Asked:
    mine = frame.customer_of(request)
    return statement.asked(request, mine, customers.get(mine).currency)


def _url(slug: str, row: Movement) -> str:
    """Return the page of an invoice; what else moved something has none here."""
    if row.what != "invoice" or row.invoice_id is None:
        return ""
    return reverse("portal:invoice", args=[slug, ids.encode("invoice", row.invoice_id)])
