"""A quote as PDF, and sent by mail."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from accounts.permissions import Permission
from billing.documents import pdf
from billing.quotes import papers, sending
from core import clock
from core.errors import Refusal
from edge.access import access
from edge.request import Request
from tenancy import context as scopes
from web.billing import quotes
from web.forms import answer, attempting
from web.kit.forms import Form
from web.pay.page import as_file


@access(get=Permission.INVOICE_READ)
def download(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Answer with the quote as PDF; it is set once the transaction is over."""
    found = quotes.opened(request, pk)
    document, name = papers.document_of(found), papers.file_name(found)
    request.afterwards = lambda: as_file(pdf.invoice(document), name)
    return HttpResponse(status=200)


@access(get=Permission.INVOICE_SEND, post=Permission.INVOICE_SEND)
def send(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show the mail as it will be read, and send it."""
    found = quotes.opened(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            sending.send(quote_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, f"Quote {found.number} is on its way.")
            return redirect("billing:quote", slug, pk)
    letter, blocked = None, ""
    try:
        with scopes.attempt():
            letter = sending.preview(found.id)
    except Refusal as refusal:
        blocked = refusal.message
    context = {
        **quotes.context_of(slug, pk, found),
        "crumbs": quotes.crumbs(slug, found),
        "facts": found,
        "letter": letter,
        "blocked": blocked,
        "label": f"Send to {letter.to}" if letter else "",
    }
    return answer(request, "billing/quote_send.html", context, form=form)
