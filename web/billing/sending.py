"""Sending an invoice to its customer, and the link by which it is paid."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.attachments import services as attachments
from billing.documents import making, mending
from billing.documents.mending import NotValid
from billing.invoices import queries
from billing.invoices.queries import InvoiceDetail
from core import clock, ids
from core.errors import Refusal
from edge import recording
from edge.access import access
from edge.request import Request
from payments.bulk import running
from payments.services import links, sending
from tenancy import context as scopes
from web.billing import invoice as pages
from web.billing import rows
from web.forms import answer, attempting
from web.kit import undo
from web.kit.forms import Form


@access(get=Permission.INVOICE_SEND, post=Permission.INVOICE_SEND)
def send(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show the mail as it will be read, and send it; for a moment it can be called back."""
    found = _found(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            running.send_later(invoice_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            undo.offer(
                request,
                f"Invoice {found.number} goes out in {running.HOLD_SECONDS} seconds.",
                url=reverse("billing:call_back", args=[slug, pk]),
            )
            return redirect("billing:invoice", slug, pk)
    letter, blocked = None, ""
    try:
        with scopes.attempt():
            letter = sending.preview(found.id, at=clock.now())
    except Refusal as refusal:
        blocked = refusal.message
    context = {
        **_context(found, slug, pk),
        "letter": letter,
        "blocked": blocked,
        "label": f"Send to {letter.to}" if letter else "",
        "attached": _attached(found),
        "files": [each.name for each in attachments.of_invoice(found.id) if each.with_mail],
        "mend": _mend(request.refusal, found, slug),
    }
    return answer(request, "billing/send.html", context, form=form)


@access(post=Permission.INVOICE_SEND)
def call_back(request: Request, slug: str, pk: str) -> HttpResponse:
    """Call back an invoice that has not gone out yet."""
    found, at = _found(request, pk), clock.now()
    waiting = running.held(invoice_id=found.id, actor=request.actor, at=at)
    try:
        if waiting is None:
            raise running.NotToBeStopped
        with scopes.attempt():
            running.stop(job_id=waiting[0], actor=request.actor, at=at)
        messages.success(request, "Nothing was sent.")
    except running.NotToBeStopped:
        messages.warning(request, "It has gone out already, or is going out right now.")
    return redirect("billing:invoice", slug, pk)


@access(get=Permission.INVOICE_SEND, post=Permission.INVOICE_SEND)
def pay_link(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show an invoice's payment links, make one, and withdraw all."""
    found = _found(request, pk, fields=["pay_link"])
    form = Form(request.POST if request.method == "POST" else None)
    at = clock.now()
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            if request.POST.get("action") == "withdraw":
                links.revoke(invoice_id=found.id, actor=request.actor, at=at)
            else:
                links.given(invoice_id=found.id, actor=request.actor, at=at)
        if not form.errors:
            return redirect("billing:pay_link", slug, pk)
    context = {
        **_context(found, slug, pk),
        "url": links.address_of(found.id, at=at),
        "links": links.of_invoice(found.id, at=at),
        "possible": found.status == "finalized",
    }
    return answer(request, "billing/pay_link.html", context, form=form)


def _attached(found: InvoiceDetail) -> str:
    """Say what goes with the mail."""
    kind = making.format_of(found)
    if kind == "facturx":
        return "The invoice as PDF, with the XML in it (Factur-X)"
    return f"The invoice as PDF, and as {mending.NAMES[kind]}" if kind else "The invoice as PDF"


def _mend(refusal: Refusal | None, found: InvoiceDetail, slug: str) -> tuple[str, str] | None:
    """Return where what an electronic invoice lacks is entered, with its address."""
    if not isinstance(refusal, NotValid):
        return None
    customer = ids.encode("customer", found.customer_id)
    places = {
        mending.CUSTOMER: ("Edit the customer", reverse("billing:edit_customer", args=[slug, customer])),
        mending.ISSUER: ("Settings, Documents", reverse("billing:document_settings", args=[slug])),
        mending.BANK: ("Settings, Bank account", reverse("billing:bank_account", args=[slug])),
    }
    return places.get(refusal.where)


def _found(request: Request, pk: str, *, fields: list[str] | None = None) -> InvoiceDetail:
    found = queries.get(ids.decode("invoice", pk))
    recording.read(request, events.INVOICE_READ, subject=("invoice", found.id), fields=fields or ["buyer"])
    return found


def _context(found: InvoiceDetail, slug: str, pk: str) -> dict[str, Any]:
    return {
        "pk": pk,
        "invoice": rows.row(found, slug=slug, on=rows.today()),
        "crumbs": pages.crumbs(slug, found),
    }
