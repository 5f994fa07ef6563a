"""A customer's invoices: what is due first, one by one, and as documents."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.permissions import Permission
from billing import events
from billing.creditnotes import queries as creditnotes
from billing.documents import credit_notes as credit_papers
from billing.documents import papers, pdf
from billing.invoices import lists, queries
from billing.invoices.lists import View, Wanted
from billing.invoices.queries import InvoiceDetail
from billing.messages import services as writing
from billing.settlement import queries as settlement
from billing.settlement import services as settling
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events as pay_events
from payments import payer, words
from payments.services import links
from web.billing import conversation, documents
from web.billing import rows as invoice_rows
from web.forms import attempting
from web.kit.forms import Form
from web.pay import rows as payer_rows
from web.pay.page import as_file
from web.portal import frame, rows, saved

_MOST_OPEN, _PAGE = 100, 25


@access(get=Permission.PORTAL_READ)
def home(request: Request, slug: str) -> HttpResponse:
    """Show what is due, late first, and what was before."""
    mine = frame.customer_of(request)
    today = invoice_rows.today()
    opened = lists.page(Wanted(today=today, view=View.OPEN, customer_ids=[mine]), limit=_MOST_OPEN)
    before = lists.page(
        Wanted(today=today, view=View.PAID, customer_ids=[mine]),
        cursor=request.GET.get("cursor", ""),
        limit=_PAGE,
    )
    bills = rows.bills(opened.rows, slug=slug)
    notes = creditnotes.page(customer_id=mine, limit=_PAGE, with_names=False)
    recording.read(request, events.INVOICE_LISTED, subjects=[row.id for row in (*opened.rows, *before.rows)])
    if notes.rows:
        recording.read(request, events.CREDIT_NOTE_LISTED, subjects=[row.id for row in notes.rows])
    ending = saved.running_out(saved.of(mine), today)
    if ending is not None:
        recording.read(request, pay_events.PAYMENT_METHOD_READ, subject=("payment_method", ending.id))
    context = {
        "ending": ending and words.method(ending.kind, ending.brand, ending.last4),
        "groups": _by_currency(bills),
        "more": bool(opened.next_cursor),
        "paid": rows.bills(before.rows, slug=slug),
        "next_url": f"?cursor={before.next_cursor}" if before.next_cursor else "",
        "previous_url": f"?cursor={before.previous_cursor}" if before.previous_cursor else "",
        "credit": [
            (currency, minor, settling.expires_on(customer_id=mine, currency=currency))
            for currency, minor in sorted(settlement.credit(customer_id=mine).items())
        ],
        "notes": rows.notes(notes.rows, slug=slug),
        "may_pay": Permission.PORTAL_PAY in request.permissions,
    }
    return frame.show(request, "portal/home.html", context)


class WriteForm(Form):
    """What a customer asks, or why they object."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What is it?"),
        choices=[
            ("question", gettext_lazy("I have a question")),
            (conversation.OBJECTS, gettext_lazy("Something is wrong with this invoice")),
        ],
        initial="question",
        widget=forms.RadioSelect,
    )
    text = forms.CharField(
        label=gettext_lazy("Your message"),
        max_length=writing.LONGEST,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
    )


@access(get=Permission.PORTAL_READ, post=Permission.PORTAL_PAY)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show one invoice, what was paid on it and what was written about it; write about it."""
    found = _found(request, pk)
    form = WriteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            writing.write(
                invoice_id=found.id,
                customer_id=found.customer_id,
                text=form.cleaned_data["text"],
                objects=form.cleaned_data["kind"] == conversation.OBJECTS,
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, _("Your message is with us. The answer stands here; a mail tells you."))
            return redirect(f"{request.path}#messages")
    standing = payer.standing(found)
    (bill,) = rows.bills([found], slug=slug)
    context = {
        "bill": bill,
        "invoice": invoice_rows.row(found, slug=slug, on=invoice_rows.today()),
        "document": documents.document(found, lines=request.GET.get("lines", "")),
        "role_title": payer_rows.title(found.role),
        "title": f"{payer_rows.title(found.role)} {found.number}",
        "paid": [
            (ids.encode("payment", share.payment_id), share, words.paid_with(share), words.paid_on(share))
            for share in standing.paid
        ],
        "waiting": standing.waiting,
        "declined": words.declined(standing.declined) if standing.declined and standing.payable else "",
        "reference": rows.printed_reference(found.id) if bill.room_minor else "",
        "may_pay": standing.payable and bill.room_minor > 0 and Permission.PORTAL_PAY in request.permissions,
        "kind": standing.kind,
        "notes": rows.notes(creditnotes.of_invoice(found.id), slug=slug) if found.noted_minor else [],
        "said": conversation.of(request, found.id),
        "may_write": Permission.PORTAL_PAY in request.permissions,
    }
    return frame.show(request, "portal/invoice.html", context, form=form)


@access(get=Permission.PORTAL_READ)
def invoice_pdf(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Hand out the document."""
    found = _found(request, pk)
    at = clock.now()
    document = papers.document_of(found, at=at, pay_url=links.address_of(found.id, at=at))
    request.afterwards = lambda: as_file(pdf.invoice(document), papers.file_name(found))
    return HttpResponse(status=200)


@access(get=Permission.PORTAL_READ)
def credit_note_pdf(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Hand out a credit note."""
    found = creditnotes.get(ids.decode("credit_note", pk), within=[frame.customer_of(request)])
    recording.read(request, events.CREDIT_NOTE_READ, subject=("credit_note", found.id))
    document = credit_papers.document_of(found)
    request.afterwards = lambda: as_file(pdf.credit_note(document), credit_papers.file_name(found))
    return HttpResponse(status=200)


def _found(request: Request, pk: str) -> InvoiceDetail:
    """Return an invoice of this customer that was issued, and record that it was opened."""
    found = queries.get(ids.decode("invoice", pk), within=[frame.customer_of(request)])
    if found.status == "draft":
        raise NotFound
    recording.read(request, events.INVOICE_READ, subject=("invoice", found.id))
    return found


def _by_currency(bills: list[rows.Bill]) -> list[dict[str, object]]:
    """Set invoices apart by currency: no payment mixes two."""
    currencies = list(dict.fromkeys(bill.currency for bill in bills))
    return [
        {
            "currency": currency,
            "bills": (own := [bill for bill in bills if bill.currency == currency]),
            "due_minor": sum(bill.due_minor for bill in own),
            "late_minor": sum(bill.due_minor for bill in own if bill.late_days),
            "payable": any(bill.room_minor for bill in own),
        }
        for currency in currencies
    ]
