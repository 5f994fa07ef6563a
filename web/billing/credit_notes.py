"""Credit notes: what of an invoice is taken back, reviewed in numbers before it is issued, and listed for good.

Promise kept: what a page showed is what is credited: whoever sends it twice, or after somebody else, is asked to look
again.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.creditnotes import queries, rules
from billing.creditnotes import services as notes
from billing.creditnotes.queries import CreditNoteDetail, CreditNoteRow
from billing.documents import credit_notes as papers
from billing.documents import pdf
from billing.invoices import lists
from billing.invoices.queries import InvoiceDetail
from billing.settlement import queries as settlement
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from payments import lists as money_lists
from payments.services import crediting
from web.billing import documents, invoice, kept_documents
from web.billing.credit_form import REASONS, CreditForm
from web.forms import answer, attempting
from web.kit import cells, formats
from web.kit.forms import Form
from web.kit.parts import Chip, Crumb
from web.lists import listings, page
from web.lists.page import Empty, Shown

_PAGE = 50


class NumberForm(Form):
    """What the list can be narrowed by."""

    q = forms.CharField(
        label="Number", required=False, max_length=80, widget=forms.SearchInput(attrs={"autocomplete": "off"})
    )


@access(get=Permission.INVOICE_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List credit notes."""
    number = request.GET.get("q", "").strip()
    cursor = request.GET.get("cursor", "")
    found = queries.page(
        limit=_PAGE, after=ids.from_base32(cursor) if cursor else None, number=number or None
    )
    recording.read(
        request, events.CREDIT_NOTE_LISTED, subjects=[row.id for row in found.rows], fields=["customer.name"]
    )
    names = lists.numbers([row.invoice_id for row in found.rows if row.invoice_id is not None])
    sums = queries.sums(number=number or None)
    at = page.cursor_page(request.GET, shown=len(found.rows), next_after=found.next_after)
    why = ("No credit note has this number", "Enter the whole number, as it stands on the document.")
    none = ("No credit notes yet", "Open a finalized invoice and choose Credit.")
    title, sentence = why if number else none
    given = Shown(
        listing=listings.CREDIT_NOTES,
        rows=[_listed(row, slug, names) for row in found.rows],
        page=page.counted(at, sums),
        empty=Empty(title=title, sentence=sentence),
        chips=[Chip(f"Number: {number[:80]}", page.without(request.GET, "q"))] if number else [],
        form=NumberForm(request.GET, auto_id="filter_%s"),
        sums=page.sums(sums, "total"),
        no_sums=page.no_sums(sums),
        lead="What was taken back of invoices. A credit note begins at its invoice.",
    )
    return page.show(request, slug, given)


def _listed(row: CreditNoteRow, slug: str, numbers: Mapping[UUID, str]) -> page.Row:
    said = row_of(row, slug=slug, numbers=numbers)
    return page.Row(
        key=ids.encode("credit_note", row.id),
        url=said["url"],
        title=said["number"],
        cells={
            "customer": cells.text(said["customer"]),
            "invoice": cells.link(said["invoice"], said["invoice_url"]),
            "reason": cells.text(said["reason"]),
            "issued_on": cells.day(row.issued_on),
            "total": cells.money(row.payable_minor, row.currency),
        },
    )


@access(get=Permission.INVOICE_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a credit note, and what became of what it took back."""
    found = opened(request, pk)
    numbers = lists.numbers([found.invoice_id]) if found.invoice_id else {}
    reads = Permission.PAYMENT_READ in request.permissions
    place = money_lists.Place(limit=_PAGE)
    refunds = (
        money_lists.refunds(place=place, credit_note_id=found.id, with_names=False).rows if reads else []
    )
    context = {
        "pk": pk,
        "note": row_of(found, slug=slug, numbers=numbers),
        "facts": found,
        "documents": kept_documents.of_credit_note(found.id, slug=slug, pk=pk),
        "reason": found.reason,
        "reason_words": REASONS[found.reason_code],
        "document": document(found),
        "invoice": found,
        "title": f"Credit note {found.number}",
        "paper_title": "Credit note",
        "intact": queries.content_is_intact(found.id),
        "refunds": [
            (ids.encode("refund", each.id), each.state, each.amount_minor, each.currency) for each in refunds
        ],
        "crumbs": [Crumb("Credit notes", reverse("billing:credit_notes", args=[slug]))],
    }
    return render(request, "billing/credit_note.html", context)


@access(get=Permission.INVOICE_READ)
def download(request: Request, slug: str, pk: str) -> HttpResponse:
    """Answer with the credit note as PDF; it is set once the transaction is over."""
    found = opened(request, pk)
    paper = papers.document_of(found)
    name = f'attachment; filename="{papers.file_name(found)}"'
    file = HttpResponse(content_type=pdf.MEDIA_TYPE, headers={"Content-Disposition": name})

    def fill() -> HttpResponse:
        file.content = pdf.credit_note(paper)
        return file

    request.afterwards = fill
    return file


@access(get=Permission.CREDIT_NOTE_WRITE, post=Permission.CREDIT_NOTE_WRITE)
def create(request: Request, slug: str, pk: str) -> HttpResponse:
    """Credit an invoice: first what, where to and why, then the effect in numbers, then one button."""
    found = invoice.opened(request, pk)
    standing = notes.standing(found.id)
    may_refund = Permission.REFUND_WRITE in request.permissions
    sources = crediting.sources(found.id) if may_refund else []
    explained = crediting.unexplained(found.id)
    form = CreditForm(
        request.POST if request.method == "POST" else None,
        found=found,
        left=standing.left,
        may_refund=bool(sources),
        given_back=explained,
        initial={"what": "all", "goes": "open"},
    )
    effect: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        with attempting(request, form, fields={"lines": "what"}):
            effect = _effect(found, standing, form, sources=sources, explained=explained)
            if request.POST.get("action") == "credit":
                made, asked = crediting.credit(
                    invoice_id=found.id,
                    actor=request.actor,
                    at=clock.now(),
                    seen_minor=_seen(request),
                    **effect["values"],
                )
        if not form.errors and request.POST.get("action") == "credit":
            total = formats.money(made.total_minor, made.currency)
            waits = any(each.state == "pending_approval" for each in asked)
            said = f"Credit note {made.number} over {total} is issued."
            messages.success(request, f"{said} Its refund waits for a second person." if waits else said)
            return redirect("billing:credit_note", slug, ids.encode("credit_note", made.pk))
    reviewing = bool(effect) and not form.errors
    context = {
        **invoice.context_of(request, slug, pk, found, ""),
        "crumbs": invoice.crumbs(slug, found),
        "possible": found.status == "finalized" and standing.left.total_minor > 0,
        "left_minor": standing.left.total_minor,
        "lines": _lines(form, standing.left),
        "discounted": any(line.is_allowance for line in standing.left.lines),
        "reviewing": reviewing,
        "kept": [
            (name, value) for name, values in request.POST.lists() for value in values if name in form.fields
        ],
        **(effect if reviewing else {}),
    }
    return answer(request, "billing/new_credit_note.html", context, form=form)


def row_of(row: CreditNoteRow, *, slug: str, numbers: Mapping[UUID, str]) -> dict[str, Any]:
    """Make a credit note readable."""
    invoice_url = (
        reverse("billing:invoice", args=[slug, ids.encode("invoice", row.invoice_id)])
        if row.invoice_id
        else ""
    )
    return {
        "url": reverse("billing:credit_note", args=[slug, ids.encode("credit_note", row.id)]),
        "number": row.number,
        "customer": row.customer_name,
        "customer_url": reverse("billing:customer", args=[slug, ids.encode("customer", row.customer_id)]),
        "invoice": numbers.get(row.invoice_id, "") if row.invoice_id else "",
        "invoice_url": invoice_url,
        "reason": REASONS[row.reason_code],
        "issued_on": row.issued_on,
        "currency": row.currency,
        "total_minor": row.total_minor,
    }


def document(found: CreditNoteDetail) -> documents.Document:
    """Return what a credit note says, as the paper shows it."""
    return documents.Document(
        seller=documents.party(found.seller),
        buyer=documents.party(found.buyer),
        lines=[
            documents.Line(
                position=line.position,
                description=line.description,
                quantity=documents.quantity(line.quantity, line.unit_code),
                unit=documents.unit_price(line.unit_amount, found.currency),
                tax=documents.rate(line.tax_category, line.tax_percentage),
                net_minor=line.net_minor,
            )
            for line in found.lines
        ],
        taxes=[
            documents.Tax(
                label=tax.name or documents.rate(tax.category, tax.percentage, words=True),
                base_minor=tax.base_minor,
                tax_minor=tax.tax_minor,
            )
            for tax in found.taxes
        ],
        currency=found.currency,
        subtotal_minor=found.subtotal_minor,
        total_minor=found.total_minor,
        prepaid_minor=found.prepaid_minor,
        rounding_minor=found.rounding_minor,
        paid_minor=0,
        due_minor=0,
        note=found.note,
        references=documents.worded(papers.references_of(found)),
    )


def opened(request: Request, pk: str) -> CreditNoteDetail:
    """Return a credit note and record that it was opened."""
    found = queries.get(ids.decode("credit_note", pk))
    recording.read(
        request,
        events.CREDIT_NOTE_READ,
        subject=("credit_note", found.id),
        fields=["seller", "buyer", "lines", "note", "reason"],
    )
    return found


def _effect(
    found: InvoiceDetail,
    standing: notes.Standing,
    form: CreditForm,
    *,
    sources: Sequence[crediting.Source],
    explained: Sequence[crediting.GivenBack],
) -> dict[str, Any]:
    """Say what the credit note would change, and with which values it is issued."""
    given = form.cleaned_data
    chosen = [
        each for each in explained if ids.encode("refund", each.refund_id) in (given.get("given_back") or [])
    ]
    wanted, before = form.wanted(), sum(each.amount_minor for each in chosen)
    plan = notes.planned(standing, wanted)
    payable = standing.payable_minor(plan)
    refundable = sum(each.left_minor for each in sources) if given["goes"] == "refund" else 0
    split = rules.shared(
        payable,
        open_minor=0 if given["goes"] == "credit" else standing.open_minor,
        refundable_minor=refundable,
        given_back_minor=before,
    )
    discounts = {line.id for line in standing.left.lines if line.is_allowance}
    credit = settlement.credit(customer_id=found.customer_id).get(found.currency, 0)
    return {
        "plan": plan,
        "payable_minor": payable,
        "rounding_minor": payable - plan.total_minor,
        "discount_minor": sum(part.net_minor for part in plan.lines if part.line_id in discounts),
        "split": split,
        "refund_now_minor": split.refund_minor - before,
        "before_minor": before,
        "due_after_minor": found.amount_due_minor - min(split.offset_minor, found.amount_due_minor),
        "noted_minor": found.noted_minor,
        "noted_after_minor": found.noted_minor + plan.total_minor,
        "credit_minor": credit,
        "credit_after_minor": credit + split.credit_minor,
        "left_after_minor": standing.left.total_minor - plan.total_minor,
        "reason_words": REASONS[given["reason_code"]],
        "label": f"Credit {formats.money(payable, found.currency)}",
        "values": {
            "wanted": wanted,
            "offset_minor": split.offset_minor,
            "credit_minor": split.credit_minor,
            "refund_minor": split.refund_minor - before,
            "given_back": [each.refund_id for each in chosen],
            "reason_code": given["reason_code"],
            "reason": given["reason"],
            "note": given["note"],
        },
    }


def _lines(form: CreditForm, left: queries.Left) -> list[dict[str, Any]]:
    known = {line.id: line for line in left.lines}
    return [
        {"field": form[name], "left_minor": known[line_id].left_minor, "net_minor": known[line_id].net_minor}
        for name, line_id in form.by_field.items()
    ]


def _seen(request: Request) -> int | None:
    seen = request.POST.get("seen", "")
    return int(seen) if seen.isdecimal() and len(seen) <= 18 else None
