"""An invoice's documents: made, checked and kept on demand, and handed out again as they were kept."""

from datetime import timedelta
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.creditnotes import queries as credit_notes
from billing.creditnotes.queries import CreditNoteDetail
from billing.documents import archive, making, papers
from billing.exports import formats
from billing.exports.kinds import Column, Shape, Value
from billing.invoices import queries
from billing.invoices.queries import InvoiceDetail, LineRow
from core import clock, ids, money
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import credit_notes as credit_pages
from web.billing import invoice as pages
from web.billing import kept_documents as kept_rows

_COLUMNS = [
    Column(code=code, label=label, shape=shape)
    for code, label, shape in (
        ("position", "Position", Shape.NUMBER),
        ("kind", "Kind", Shape.TEXT),
        ("description", "Description", Shape.TEXT),
        ("quantity", "Quantity", Shape.NUMBER),
        ("unit_code", "Unit", Shape.TEXT),
        ("unit_amount", "Unit price", Shape.NUMBER),
        ("net", "Net", Shape.NUMBER),
        ("currency", "Currency", Shape.TEXT),
        ("tax_category", "Tax category", Shape.TEXT),
        ("tax_percentage", "Tax %", Shape.NUMBER),
        ("period_from", "From", Shape.DAY),
        ("period_through", "Through", Shape.DAY),
    )
]


@access(get=Permission.INVOICE_READ)
def made(request: Request, slug: str, pk: str, kind: str) -> HttpResponse:
    """Make an invoice for programs, check it, keep it, and answer with it; or go back with what it breaks."""
    found = pages.opened(request, pk)
    return _made(request, found, kind, reverse("billing:invoice", args=[slug, pk]))


@access(get=Permission.INVOICE_READ)
def made_of_credit(request: Request, slug: str, pk: str, kind: str) -> HttpResponse:
    """Make a credit note for programs, as an invoice is made."""
    found = credit_pages.opened(request, pk)
    return _made(request, found, kind, reverse("billing:credit_note", args=[slug, pk]))


def _made(request: Request, found: InvoiceDetail | CreditNoteDetail, kind: str, back: str) -> HttpResponse:
    if kind not in kept_rows.OFFERED:
        raise NotFound
    prepared = making.prepare(found, kind=kind, at=clock.now())
    tenant_id, actor = _tenant(request), request.actor

    def answer() -> HttpResponse:
        document = making.made_and_kept(tenant_id, prepared, actor=actor, at=clock.now())
        if not document.is_valid:
            # What it breaks is kept with it, and shown there.
            return redirect(f"{back}#documents")
        return _file(document.content, prepared.media_type, prepared.name)

    request.afterwards = answer
    return HttpResponse()


@access(get=Permission.INVOICE_READ)
def kept(request: Request, slug: str, pk: str) -> HttpResponse:
    """Answer with a kept document, byte for byte."""
    row, content = archive.read(document_id=ids.decode("document", pk), actor=request.actor)
    is_note = row.of[0] == "credit_note"
    number = credit_notes.get(row.of[1]).number if is_note else queries.get(row.of[1]).number
    event = events.CREDIT_NOTE_READ if is_note else events.INVOICE_READ
    recording.read(request, event, subject=row.of, fields=[row.kind])
    media_type = archive.MEDIA_TYPES.get(row.kind, archive.XML_MEDIA_TYPE)
    stem = "".join(letter if letter.isalnum() else "-" for letter in number or "document")
    return _file(
        content, media_type, f"{stem}-{row.kind}.{'pdf' if row.kind in archive.MEDIA_TYPES else 'xml'}"
    )


@access(get=Permission.INVOICE_READ)
def lines_csv(request: Request, slug: str, pk: str) -> HttpResponse:
    """Answer with the lines of an invoice as a table, however many they are."""
    found = pages.opened(request, pk)
    stem = papers.file_name(found).removesuffix(".pdf")
    table = formats.write("csv", _COLUMNS, (_cells(found, line) for line in found.lines))
    return _file(b"".join(table), formats.MEDIA_TYPES["csv"], f"{stem}-lines.csv")


def _cells(found: InvoiceDetail, line: LineRow) -> list[Value]:
    return [
        line.position,
        line.kind,
        line.description,
        line.quantity,
        line.unit_code,
        line.unit_amount,
        money.from_minor(line.net_minor, found.currency),
        found.currency,
        line.tax_category,
        line.tax_percentage,
        line.period_from,
        None if line.period_to is None else line.period_to - timedelta(days=1),
    ]


def _tenant(request: Request) -> UUID:
    if request.tenant is None:
        raise NotFound
    return request.tenant.pk


def _file(content: bytes, media_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=media_type, headers=headers)
