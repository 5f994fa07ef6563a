"""A customer's payments and receipts, and what came of the one they have just made."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from billing.bankaccounts import queries as bankaccounts
from billing.documents import pdf
from core import clock, ids
from core.errors import Refusal
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events, lists, payer, receipts, words
from payments.lists import Place
from payments.models import Attempt, Payment
from payments.payer import Mine
from payments.services import collect, mandates
from tenancy.context import Scope, attempt, scope
from web.pay import provider
from web.pay.page import as_file
from web.pay.result import may_ask
from web.portal import frame, rows

_PAGE = 50
_CONFIRM = "authentication_required"
_LOOKS_AGAIN = frozenset({"pending", "unknown", "processing"})


@access(get=Permission.PORTAL_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List payments, newest first."""
    after = request.GET.get("after", "")
    place = Place(id=ids.decode("payment", after) if after else None, limit=_PAGE)
    listed = lists.payments(place=place, customer_ids=[frame.customer_of(request)], with_names=False)
    recording.read(request, events.PAYMENT_LISTED, subjects=[row.id for row in listed.rows])
    context = {
        # A page that was opened and left is no payment.
        "payments": [row for row in rows.payments(listed.rows, slug=slug) if row.state != "canceled"],
        "next_url": f"?after={ids.encode('payment', listed.next_after)}" if listed.next_after else "",
    }
    return frame.show(request, "portal/payments.html", context)


@access(get=Permission.PORTAL_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Show one payment; while nobody knows how it ended, ask the provider first."""
    found = _found(request, pk)
    recording.read(request, events.PAYMENT_READ, subject=("payment", found.id))
    if may_ask(found.live):
        request.afterwards = lambda: _again(request, slug, found, whole=True)
        return HttpResponse(status=200)
    return _page(request, slug, found)


@access(get=Permission.PORTAL_READ)
def state(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Answer the page's own question whether anything has changed; 304 while nothing has."""
    found = _found(request, pk)
    if request.GET.get("seen") == _context(request, slug, found)["seen"]:
        request.recorded = True  # what it shows has been recorded before
    else:
        recording.read(request, events.PAYMENT_READ, subject=("payment", found.id))
    if may_ask(found.live):
        request.afterwards = lambda: _again(request, slug, found, whole=False)
        return HttpResponse(status=200)
    return _fragment(request, slug, found)


@access(post=Permission.PORTAL_PAY)
def confirm(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Send a payer whose bank asks for them to the provider's page, for what the saved card was to pay."""
    found, account = _found(request, pk), payer.card_account()
    here = reverse("portal:payment", args=[slug, pk])
    # Sent twice, the second finds the page that the first has opened: `start` returns what runs already.
    if account is None or not (_wants_payer(found) or found.state == Payment.State.PENDING):
        return provider.SeeOther(here)
    back = (
        reverse("portal:pay", args=[slug])
        + "?"
        + "&".join(f"invoice={ids.encode('invoice', invoice_id)}" for invoice_id, _, _ in found.parts)
    )
    at = clock.now()
    try:
        with attempt():
            begun = collect.start(
                customer_id=frame.customer_of(request),
                items=[(invoice_id, amount) for invoice_id, _, amount in found.parts],
                account_id=account,
                method=found.method,
                source=Payment.Source.PORTAL,
                # What is typed there instead of the saved card is kept, in the words that stand beside the button.
                save_method=True,
                actor=request.actor,
                at=at,
            )
    except Refusal as refusal:
        # Paid, or on its way, in the meantime: the page of choice says what is left.
        request.refusal = refusal
        return provider.SeeOther(back)
    assert request.tenant is not None  # noqa: S101  the doorway found it
    tenant_id, actor, waiting = request.tenant.pk, request.actor, found.live
    result = reverse("portal:payment", args=[slug, ids.encode("payment", begun.payment_id)])
    send_on = provider.page_opener(
        tenant_id=tenant_id,
        attempt_id=begun.pk,
        return_url=request.build_absolute_uri(result),
        cancel_url=request.build_absolute_uri(back),
        instead=f"{back}&away=1",
        at=at,
    )

    def go_on() -> HttpResponseBase:
        if waiting is not None and waiting != begun.pk:
            # Where the charge without its payer still waits, it ends before another can be made.
            collect.close_page(tenant_id=tenant_id, attempt_id=waiting, actor=actor, at=at)
        return send_on()

    request.afterwards = go_on
    return HttpResponse(status=200)


@access(get=Permission.PORTAL_READ)
def receipt_pdf(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Hand out the receipt of a payment that arrived."""
    found = _found(request, pk)
    document = receipts.document_of(found.id)
    recording.read(request, events.RECEIPT_READ, subject=("payment", found.id))
    request.afterwards = lambda: as_file(pdf.receipt(document), receipts.file_name(found.id))
    return HttpResponse(status=200)


def _found(request: Request, pk: str) -> Mine:
    return payer.payment(ids.decode("payment", pk), customer_id=frame.customer_of(request))


def _again(request: Request, slug: str, found: Mine, *, whole: bool) -> HttpResponseBase:
    """Ask the provider outside any transaction, and read the payment again."""
    assert request.tenant is not None and found.live is not None  # noqa: S101  the view asked
    mine = frame.customer_of(request)
    provider.ask(tenant_id=request.tenant.pk, attempt_id=found.live, at=clock.now())
    with scope(Scope(tenant=request.tenant.pk, customer=mine)):
        now = payer.payment(found.id, customer_id=mine)
        if whole:
            return _page(request, slug, now)
        return _fragment(request, slug, now)


def _page(request: Request, slug: str, found: Mine) -> HttpResponseBase:
    shown = frame.show(request, "portal/payment.html", _context(request, slug, found))
    return provider.let_forms_lead_on(request, shown)


def _wants_payer(found: Mine) -> bool:
    """Tell whether the bank asked for the payer, who was not before any page while the saved card was charged."""
    if found.state == Payment.State.PENDING and found.live is not None:
        return Attempt.objects.filter(pk=found.live, state=Attempt.State.REQUIRES_ACTION).exists()
    return found.state == Payment.State.FAILED and found.failure_code == _CONFIRM


def _fragment(request: Request, slug: str, found: Mine) -> HttpResponseBase:
    context = _context(request, slug, found)
    if request.GET.get("seen") == context["seen"]:
        return HttpResponseNotModified()
    return render(request, "portal/_payment.html", context)


def _context(request: Request, slug: str, found: Mine) -> dict[str, Any]:
    declined = found.state == "failed" or (found.state == "pending" and found.declines > 0)
    arrived, confirms = found.state in receipts.ARRIVED, _wants_payer(found)
    return {
        "slug": slug,
        "pk": ids.encode("payment", found.id),
        "payment": found,
        "amount_minor": found.captured_minor if arrived else found.amount_minor,
        "method": words.method(found.method, found.brand, found.last4),
        "on": found.received_on or found.succeeded_at,
        "parts": [(ids.encode("invoice", pk), number, amount) for pk, number, amount in found.parts],
        "declined": _why(found.failure_code) if declined else "",
        "receipt": arrived,
        "looks_again": found.state in _LOOKS_AGAIN and found.live is not None,
        "every": "30s" if found.state == "processing" else "2s",
        "confirms": confirms and Permission.PORTAL_PAY in request.permissions and bool(payer.card_account()),
        "mandate": mandates.keeping() if confirms else "",
        "seen": f"{found.state}-{found.declines}",
    }


def _why(code: str) -> str:
    """Say why a payment failed; a transfer is a way out only where one can be made."""
    return words.declined(code, transfer=bankaccounts.current(clock.now()) is not None)
