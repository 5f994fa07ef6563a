"""One invoice behind its link: what is due, to whom, and one button that pays it.

Promise kept: nothing here is believed of a payer's browser. Pressing twice, two tabs and the back button end at one
attempt; whether something was paid the provider says, when it is asked.
"""

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from billing.documents import papers, pdf
from core import clock
from core.errors import NotFound, Refusal
from core.money import Money
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events, payer, receipts, words
from payments.gateways import amounts
from payments.models import Payment
from payments.services import collect, links, mandates, payers
from tenancy import context
from web.pay import door, provider, rows
from web.pay.door import LINK, Opened
from web.pay.forms import PayForm

_SOURCE = Payment.Source.PAY_LINK
Dead = (links.LinkUnknown, links.LinkExpired)


@access(get=LINK, post=LINK)
def show(request: Request, token: str) -> HttpResponseBase:
    """Show the invoice and the ways to pay it; begin a payment."""
    try:
        opened = door.enter(request, token)
    except Dead as refusal:
        return door.closed(request, token, refusal)
    if request.method == "POST":
        return _begin(request, opened)
    door.note(request, opened)
    response = render(request, "pay/page.html", _context(request, opened))
    return provider.let_forms_lead_on(request, response)


@access(get=LINK)
def invoice_pdf(request: Request, token: str) -> HttpResponseBase:
    """Hand out the document."""
    try:
        opened = door.enter(request, token)
    except Dead as refusal:
        return door.closed(request, token, refusal)
    door.note(request, opened)
    at = clock.now()
    document = papers.document_of(opened.invoice, at=at, pay_url=links.address(opened.link))
    name = papers.file_name(opened.invoice)
    request.afterwards = lambda: as_file(pdf.invoice(document), name)
    return HttpResponse(status=200)


@access(get=LINK)
def receipt_pdf(request: Request, token: str) -> HttpResponseBase:
    """Hand out the receipt of the newest payment that was about this invoice alone."""
    try:
        opened = door.enter(request, token)
    except Dead as refusal:
        return door.closed(request, token, refusal)
    share = next((share for share in opened.standing.paid if share.alone), None)
    if share is None:
        raise NotFound
    document = receipts.document_of(share.payment_id)
    recording.read(request, events.RECEIPT_READ, subject=("payment", share.payment_id))
    name = receipts.file_name(share.payment_id)
    request.afterwards = lambda: as_file(pdf.receipt(document), name)
    return HttpResponse(status=200)


def as_file(content: bytes, name: str) -> HttpResponse:
    """Answer with a PDF under its own name."""
    response = HttpResponse(content, content_type=pdf.MEDIA_TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _begin(request: Request, opened: Opened) -> HttpResponseBase:
    """Open an attempt and send the payer on; whoever has one under way is sent to that."""
    page = reverse("pay:page", args=[opened.token])
    account = payer.card_account()
    form = PayForm(request.POST, mandate=mandates.keeping())
    if not opened.standing.payable or account is None or not _takes(opened) or not form.is_valid():
        # Paid meanwhile, in another tab or by somebody else: the page says so.
        return provider.SeeOther(page)
    at = clock.now()
    try:
        with context.attempt():
            attempt = collect.start(
                customer_id=opened.invoice.customer_id,
                items=[(opened.invoice.id, opened.invoice.amount_due_minor)],
                account_id=account,
                source=_SOURCE,
                save_method=form.cleaned_data["keep"],
                actor=request.actor,
                at=at,
            )
    except Refusal as refusal:
        request.refusal = refusal
        return provider.SeeOther(page)
    request.afterwards = provider.page_opener(
        tenant_id=opened.tenant.pk,
        attempt_id=attempt.pk,
        return_url=request.build_absolute_uri(reverse("pay:result", args=[opened.token])),
        cancel_url=request.build_absolute_uri(page) + "?back=1",
        instead=page,
        at=at,
    )
    return provider.SeeOther(page)


def _context(request: Request, opened: Opened) -> dict[str, Any]:
    bill = rows.bill(opened)
    transfer = rows.transfer(opened) if opened.standing.payable else None
    account = payer.card_account() if opened.standing.payable else None
    connected = account is not None
    cards = connected and _takes(opened)
    # What the last try ended with is over while another may be moving money.
    declined = opened.standing.declined if opened.standing.payable else ""
    return {
        "token": opened.token,
        "bill": bill,
        "transfer": transfer,
        "cards": cards,
        "keeps": account is not None
        and payers.may_keep(source=_SOURCE, account_id=account, customer_id=opened.invoice.customer_id),
        "form": PayForm(mandate=mandates.keeping()),
        "button": rows.button(bill),
        "paid": [rows.paid(share) for share in opened.standing.paid],
        "waiting": opened.standing.waiting,
        "no_card": words.no_card() if connected and not cards else "",
        "failed": words.failed(declined) if declined else "",
        "declined": words.declined(declined, transfer=transfer is not None) if declined else "",
        "came_back": "back" in request.GET and not declined,
    }


def _takes(opened: Opened) -> bool:
    """Tell whether the provider can take what is due, to the last unit."""
    return amounts.takes(Money(opened.invoice.amount_due_minor, opened.invoice.currency))
