"""One invoice: the document, what happened to it, who saw it, and the steps that cannot be taken back."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from audit import events as audit_events
from audit import queries as audit
from audit.queries import Filters
from billing import events
from billing.creditnotes import queries as creditnotes
from billing.customers import queries as customers
from billing.documents import papers, pdf
from billing.invoices import explanation, lists, queries, services
from billing.invoices.queries import InvoiceDetail
from billing.issuer import queries as issuers
from billing.messages import services as answers
from core import clock, ids
from edge import recording
from edge.access import Granted, access
from edge.request import Request
from payments.bulk import running
from web.billing import attachments, billed, conversation, documents, kept_documents, rows
from web.console import trail
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb, Tab

# Lines of which a page shows how they were computed; the API explains all of them.
_MOST_EXPLAINED = 100
_CONTENT = ["seller", "buyer", "lines", "note"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at before an invoice becomes final. `tint` is ok, warn or bad."""

    tint: str
    sentence: str
    detail: str = ""
    url: str = ""


class ReasonForm(Form):
    """Why: it stands in the record for good."""

    reason = forms.CharField(
        label="Why is it void?",
        max_length=1_000,
        help_text="Kept with the invoice, encrypted. The customer does not see it.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )


@access(get=Granted(Permission.INVOICE_READ))
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show the document, and what its customer wrote about it."""
    return _page(request, slug, pk, conversation.AnswerForm())


@access(post=Permission.INVOICE_SEND)
def answer_customer(request: Request, slug: str, pk: str) -> HttpResponse:
    """Answer what a customer wrote about the invoice."""
    form = conversation.AnswerForm(request.POST)
    if form.is_valid():
        with attempting(request, form):
            answers.answer(
                invoice_id=queries.get(ids.decode("invoice", pk)).id,
                text=form.cleaned_data["text"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "Answered. The customer is told by mail.")
            return redirect(reverse("billing:invoice", args=[slug, pk]) + "#messages")
    return _page(request, slug, pk, form)


def _page(request: Request, slug: str, pk: str, form: conversation.AnswerForm) -> HttpResponse:
    found = opened(request, pk)
    draft = found.status == "draft"
    context = {
        **context_of(request, slug, pk, found, "document"),
        "document": documents.document(found, lines=request.GET.get("lines", "")),
        "intact": None if draft else queries.content_is_intact(found.id),
        "facts": found,
        "documents": None if draft else kept_documents.of_invoice(found.id, slug=slug, pk=pk),
        "credit_notes": [
            (reverse("billing:credit_note", args=[slug, ids.encode("credit_note", each.id)]), each)
            for each in creditnotes.of_invoice(found.id)
        ]
        if found.noted_minor
        else [],
        "attachments": attachments.of_invoice(
            found, may_write=Permission.INVOICE_WRITE in request.permissions
        )
        if Permission.INVOICE_READ in request.permissions
        else None,
        "twins": _twins(found, slug) if draft else [],
        "held": running.held(invoice_id=found.id, actor=request.actor, at=clock.now())
        if not draft and Permission.INVOICE_SEND in request.permissions
        else None,
        "billed": billed.ahead(found, slug=slug) if draft and found.plan_id == found.id else None,
        # Who a customer wrote to is who may read every invoice; a grant opens the document alone.
        "said": conversation.of(request, found.id) if Permission.INVOICE_READ in request.permissions else [],
        "may_answer": Permission.INVOICE_SEND in request.permissions,
    }
    return answer(request, "billing/invoice.html", context, form=form)


@access(get=Granted(Permission.INVOICE_READ))
def explained(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show how each amount was computed."""
    found = opened(request, pk)
    told = explanation.explain(found)
    context = {
        **context_of(request, slug, pk, found, "explanation"),
        "told": told,
        "currency": found.currency,
        "steps": [step for step in told.steps if step.position is None or step.position <= _MOST_EXPLAINED],
        "more": max(0, len(found.lines) - _MOST_EXPLAINED),
    }
    return render(request, "billing/invoice_explanation.html", context)


@access(get=Granted(Permission.INVOICE_READ))
def download(request: Request, slug: str, pk: str) -> HttpResponse:
    """Answer with the document as PDF; it is set once the transaction is over."""
    found = opened(request, pk)
    paper = papers.document_of(found, at=clock.now())
    name = f'attachment; filename="{papers.file_name(found)}"'
    file = HttpResponse(content_type=pdf.MEDIA_TYPE, headers={"Content-Disposition": name})

    def fill() -> HttpResponse:
        file.content = pdf.invoice(paper)
        return file

    request.afterwards = fill
    return file


@access(get=Permission.INVOICE_READ)
def timeline(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show what happened to the invoice."""
    found = opened(request, pk)
    page = audit.events(Filters(subject=found.id), limit=audit.MOST_A_PAGE)
    acts = [
        row
        for row in trail.rows(page.events, slug=slug, permissions=request.permissions)
        if row.operation != "access"
    ]
    recording.read(request, audit_events.AUDIT_READ, subject=("invoice", found.id))
    context = {
        **context_of(request, slug, pk, found, "timeline"),
        "entries": trail.entries(acts, linked=Permission.AUDIT_READ in request.permissions),
    }
    return render(request, "billing/invoice_timeline.html", context)


@access(get=Permission.INVOICE_READ)
def access_history(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show who opened the invoice, and from where."""
    found = opened(request, pk)
    page = audit.access_history(found.id, at=clock.now(), cursor=request.GET.get("cursor", ""))
    recording.read(request, audit_events.AUDIT_READ, subject=("invoice", found.id))
    context = {
        **context_of(request, slug, pk, found, "access"),
        "seen": trail.rows(page.events, slug=slug, permissions=request.permissions),
        "next_url": f"?cursor={page.next_cursor}" if page.next_cursor else "",
        "search_url": trail.search_url(slug, subject=str(found.id)),
        "may_audit": Permission.AUDIT_READ in request.permissions,
    }
    return render(request, "billing/invoice_access.html", context)


@access(get=Permission.INVOICE_FINALIZE, post=Permission.INVOICE_FINALIZE)
def finalize(request: Request, slug: str, pk: str) -> HttpResponse:
    """Review a draft and give it its number."""
    found = opened(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            done = services.finalize(invoice_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, f"Invoice {done.number} is final.")
            return redirect("billing:invoice", slug, pk)
    checks = _checks(found, slug)
    context = {
        **context_of(request, slug, pk, found, ""),
        "crumbs": crumbs(slug, found),
        "document": documents.document(found, lines=request.GET.get("lines", "")),
        "checks": checks,
        "blocked": any(check.tint == "bad" for check in checks),
        "label": f"Finalize invoice, {formats.money(found.payable_minor, found.currency)}",
    }
    return answer(request, "billing/finalize.html", context, form=form)


@access(get=Permission.INVOICE_VOID, post=Permission.INVOICE_VOID)
def void(request: Request, slug: str, pk: str) -> HttpResponse:
    """Void a finalized invoice."""
    found = opened(request, pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.void(
                invoice_id=found.id, reason=form.cleaned_data["reason"], actor=request.actor, at=clock.now()
            )
        if not form.errors:
            messages.success(request, f"Invoice {found.number} is void.")
            return redirect("billing:invoice", slug, pk)
    context = {
        **context_of(request, slug, pk, found, ""),
        "crumbs": crumbs(slug, found),
        "possible": found.status == "finalized" and _is_untouched(found),
        "label": f"Void {found.number}, {formats.money(found.payable_minor, found.currency)}",
    }
    return answer(request, "billing/void.html", context, form=form)


@access(get=Permission.INVOICE_WRITE, post=Permission.INVOICE_WRITE)
def discard(request: Request, slug: str, pk: str) -> HttpResponse:
    """Discard a draft."""
    found = opened(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.discard_draft(invoice_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "The draft is discarded. It had no number, so none is missing.")
            return redirect("billing:invoices", slug)
    context = {**context_of(request, slug, pk, found, ""), "crumbs": crumbs(slug, found)}
    return answer(request, "billing/discard.html", context, form=form)


@access(post=Permission.INVOICE_WRITE)
def copy(request: Request, slug: str, pk: str) -> HttpResponse:
    """Draft another invoice with the same lines."""
    form = Form(request.POST)
    with attempting(request, form):
        made = services.copy(invoice_id=ids.decode("invoice", pk), actor=request.actor, at=clock.now())
    if form.errors:
        messages.warning(request, " ".join(str(error) for error in form.non_field_errors()))
        return redirect("billing:invoice", slug, pk)
    messages.success(request, "This is the copy, a new draft.")
    return redirect("billing:invoice", slug, ids.encode("invoice", made.pk))


def opened(request: Request, pk: str) -> InvoiceDetail:
    """Return an invoice and record that it was opened."""
    found = queries.get(ids.decode("invoice", pk), within=request.granted_customers)
    recording.read(request, events.INVOICE_READ, subject=("invoice", found.id), fields=_CONTENT)
    return found


def context_of(request: Request, slug: str, pk: str, found: InvoiceDetail, current: str) -> dict[str, Any]:
    """Return what every side of an invoice shows around itself; a tab that cannot be opened is absent."""
    held = request.permissions
    draft, final = found.status == "draft", found.status == "finalized"
    reads_payments = Permission.PAYMENT_READ in held
    return {
        "pk": pk,
        "invoice": rows.row(found, slug=slug, on=rows.today()),
        "role_title": papers.TITLES[found.role],
        "quote_url": reverse("billing:quote", args=[slug, ids.encode("quote", found.quote_id)])
        if found.quote_id
        else "",
        "plan_url": reverse("billing:invoice", args=[slug, ids.encode("invoice", found.plan_id)])
        if found.plan_id is not None and found.plan_id != found.id
        else "",
        "title": f"Invoice {found.number}" if found.number else "Draft",
        "tabs": [
            Tab(label, reverse(name, args=[slug, pk]), key == current)
            for key, label, name in (
                ("document", "Document", "billing:invoice"),
                ("explanation", "Amounts", "billing:invoice_explanation"),
                ("payments", "Payments", "payments:invoice_payments"),
                ("timeline", "Timeline", "billing:invoice_timeline"),
                ("access", "Access", "billing:invoice_access"),
            )
            # What happened to it and who looked names colleagues: a grant opens the document alone.
            if key in ("document", "explanation")
            or (Permission.INVOICE_READ in held and (key != "payments" or reads_payments))
        ],
        "sees_access": Permission.INVOICE_READ in held,
        "crumbs": crumbs(slug),
        "may_edit": draft
        and Permission.INVOICE_WRITE in held
        and found.imported_number is None
        and not found.role,
        "may_bill_ahead": Permission.INVOICE_WRITE in held and may_bill_ahead(found),
        "may_copy": Permission.INVOICE_WRITE in held and found.imported_number is None,
        "may_discard": draft and Permission.INVOICE_WRITE in held,
        "may_send": final and Permission.INVOICE_SEND in held,
        "may_promise": final and found.amount_due_minor > 0 and Permission.INVOICE_SEND in held,
        "may_remind": final
        and found.amount_due_minor > 0
        and found.due_on is not None
        and found.due_on < rows.today()
        and Permission.INVOICE_SEND in held,
        "may_finalize": draft and Permission.INVOICE_FINALIZE in held,
        "may_record": final and found.amount_due_minor > 0 and Permission.PAYMENT_WRITE in held,
        "may_void": final and Permission.INVOICE_VOID in held and _is_untouched(found),
        "may_credit": final
        and Permission.CREDIT_NOTE_WRITE in held
        and found.noted_minor < found.total_minor,
        "may_write_off": final and found.amount_due_minor > 0 and Permission.INVOICE_WRITE_OFF in held,
    }


def may_bill_ahead(found: InvoiceDetail) -> bool:
    """Tell whether a deposit can be billed on an invoice: a draft of our own that is no part of anything else."""
    mine = found.imported_number is None and (not found.role or found.plan_id == found.id)
    return found.status == "draft" and mine and bool(found.lines)


def crumbs(slug: str, found: InvoiceDetail | None = None) -> list[Crumb]:
    """Return the way back from a page of one invoice, or from the invoice itself."""
    way = [Crumb("Invoices", reverse("billing:invoices", args=[slug]))]
    if found is not None:
        url = reverse("billing:invoice", args=[slug, ids.encode("invoice", found.id)])
        way.append(Crumb(found.number or "Draft", url))
    return way


def _is_untouched(found: InvoiceDetail) -> bool:
    return not (found.amount_paid_minor or found.noted_minor or found.written_off_minor)


def _twins(found: InvoiceDetail, slug: str) -> list[rows.Row]:
    similar = lists.twins(
        customer_id=found.customer_id,
        total_minor=found.total_minor,
        currency=found.currency,
        since=clock.now() - timedelta(days=lists.TWIN_DAYS),
        but=found.id,
    )
    return rows.rows(similar, slug=slug, on=rows.today())


def _checks(found: InvoiceDetail, slug: str) -> list[Check]:
    """Look at what can still be mended before the document is final."""
    paper, issuer = documents.document(found), issuers.get()
    checks = []
    if found.imported_number is None and issuer is None:
        checks.append(Check("bad", "Nobody has entered who bills", "An invoice names its seller."))
    elif found.imported_number is None and issuer is not None and not issuer.address:
        checks.append(
            Check("warn", f"{issuer.name} has no address", "Enter it under Settings, Organization.")
        )
    if not found.lines:
        checks.append(Check("bad", "It has no line", "An invoice needs at least one."))
    checks.append(
        Check("ok", f"Goes to {paper.buyer.name}", ", ".join(paper.buyer.address))
        if paper.buyer.address
        else Check("warn", f"{paper.buyer.name} has no address", "Most tax laws want one on the invoice.")
    )
    if not paper.buyer.tax_id and any(tax.category in ("AE", "K") for tax in found.taxes):
        checks.append(
            Check("warn", "The customer’s tax id is missing", "These rates need it on the invoice.")
        )
    if found.due_on is not None:
        late = found.due_on < rows.today()
        checks.append(
            Check(
                "warn" if late else "ok",
                f"Due on {formats.day(found.due_on)}",
                "That day is over." if late else "",
            )
        )
    elif issuer is not None:
        agreed = customers.get(found.customer_id).payment_days
        days = issuer.payment_days if agreed is None else agreed
        checks.append(Check("ok", f"Due {formats.count(days, 'day')} after it is issued"))
    for twin in _twins(found, slug):
        said = f"{twin.number}, {formats.money(twin.total_minor, twin.currency)}"
        again = "The same customer was billed the same amount within 30 days"
        checks.append(Check("warn", again, said, twin.url))
    if not found.total_minor:
        checks.append(Check("warn", "It comes to nothing"))
    return checks
