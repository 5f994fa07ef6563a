"""A customer's quotes: what was offered, and their answer."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop

from accounts.permissions import Permission
from billing import events
from billing.documents import pdf
from billing.quotes import papers, queries, services
from billing.quotes.queries import QuoteDetail, QuoteRow
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import billed, rows
from web.forms import attempting
from web.kit.forms import Form
from web.pay.page import as_file
from web.portal import frame

_MOST = 100
_ANSWERS: Mapping[str, tuple[Callable[..., Any], str]] = MappingProxyType(
    {
        "accept": (services.accept, gettext_noop("You have accepted it.")),
        "decline": (services.decline, gettext_noop("You have declined it.")),
    }
)
_SHOWN = ("open", "accepted", "declined", "expired")


@access(get=Permission.PORTAL_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List what was offered, what can still be accepted first."""
    found = queries.page(customer_id=frame.customer_of(request), limit=_MOST, with_names=False)
    shown = [row for row in found.rows if row.status in _SHOWN]
    recording.read(request, events.QUOTE_LISTED, subjects=[row.id for row in shown])
    written = [_row(row, slug) for row in shown]
    context = {
        "groups": [
            (gettext("To answer"), [row for row in written if row["answerable"]]),
            (gettext("Before"), [row for row in written if not row["answerable"]]),
        ]
    }
    return frame.show(request, "portal/quotes.html", context)


@access(get=Permission.PORTAL_READ, post=Permission.PORTAL_PAY)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show one quote; take the answer to it."""
    found = _found(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        act, said = _ANSWERS.get(request.POST.get("answer", ""), (None, ""))
        if act is None:
            form.add_error(None, gettext("Choose whether you accept or decline it."))
        else:
            with attempting(request, form):
                act(quote_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, gettext(said))
            return redirect("portal:quote", slug, pk)
    row = _row(found, slug)
    context = {
        "quote": row,
        "title": gettext("Quote {number}").format(number=found.number),
        "paper_title": gettext("Quote"),
        "document": billed.document(found),
        "invoice": found,
        "facts": found,
        "may_answer": row["answerable"] and Permission.PORTAL_PAY in request.permissions,
    }
    return frame.show(request, "portal/quote.html", context, form=form)


@access(get=Permission.PORTAL_READ)
def quote_pdf(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Hand out the document."""
    found = _found(request, pk)
    document, name = papers.document_of(found), papers.file_name(found)
    request.afterwards = lambda: as_file(pdf.invoice(document), name)
    return HttpResponse(status=200)


def _found(request: Request, pk: str) -> QuoteDetail:
    """Return a quote that was offered to this customer, and record that it was opened."""
    found = queries.get(ids.decode("quote", pk))
    if found.customer_id != frame.customer_of(request) or found.status not in _SHOWN:
        raise NotFound
    recording.read(request, events.QUOTE_READ, subject=("quote", found.id))
    return found


def _row(row: QuoteRow, slug: str) -> dict[str, Any]:
    late = row.valid_until is not None and row.valid_until < rows.today()
    pk = ids.encode("quote", row.id)
    return {
        "pk": pk,
        "url": reverse("portal:quote", args=[slug, pk]),
        "number": row.number,
        "status": "expired" if late and row.status == "open" else row.status,
        "answerable": row.status == "open" and not late,
        "issued_on": row.issued_on,
        "valid_until": row.valid_until,
        "currency": row.currency,
        "total_minor": row.total_minor,
    }
