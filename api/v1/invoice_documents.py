"""Invoices as documents: for people as PDF, for programs as XML, for both as Factur-X."""

from collections.abc import Sequence

from django.http import HttpResponseBase
from rest_framework.request import Request

from accounts.permissions import Permission
from api import schema
from api.endpoint import Endpoint
from billing import events
from billing.creditnotes.queries import CreditNoteDetail
from billing.documents import making, pdf
from billing.documents.mending import NotValid
from billing.invoices import queries
from billing.invoices.queries import InvoiceDetail
from core import clock, ids
from edge import recording
from edge.access import access


@access(get=Permission.INVOICE_READ)
class Pdf(Endpoint):
    """An invoice as the document it is."""

    filters = frozenset({"format"})

    @schema.describe_file(
        "invoices_pdf", "Read an invoice as PDF", media_type=pdf.MEDIA_TYPE, formats=("pdf", "facturx")
    )
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the PDF (PDF/A-3a), made on demand; as Factur-X with the invoice as XML in it."""
        return _document(self, pk, kinds=("pdf", "facturx"))


@access(get=Permission.INVOICE_READ)
class Xml(Endpoint):
    """An invoice for programs."""

    filters = frozenset({"format"})

    @schema.describe_file(
        "invoices_xml", "Read an invoice as XML", media_type="application/xml", formats=making.XML_KINDS
    )
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the invoice as UBL, CII or XRechnung, once it keeps their rules; a broken rule is named."""
        return _document(self, pk, kinds=making.XML_KINDS)


def _document(endpoint: Endpoint, pk: str, *, kinds: Sequence[str]) -> HttpResponseBase:
    """Answer with a document of one of these kinds; the first is what nobody asks for by name."""
    given = {name: str(value) for name, value in endpoint.request.query_params.items()}
    kind = endpoint.choice(given, "format", kinds) or kinds[0]
    found = queries.get(ids.decode("invoice", pk))
    recording.read(endpoint.edge, events.INVOICE_READ, subject=("invoice", found.id), fields=[kind])
    return document(endpoint, found, kind)


def document(endpoint: Endpoint, found: InvoiceDetail | CreditNoteDetail, kind: str) -> HttpResponseBase:
    """Answer with an invoice or credit note as a document of a kind, checked and kept where programs read it."""
    prepared = making.prepare(found, kind=kind, at=clock.now())
    tenant_id, actor = endpoint.tenant_id, endpoint.actor

    def make() -> bytes:
        if kind == "pdf":
            return making.make(prepared).content
        made = making.made_and_kept(tenant_id, prepared, actor=actor, at=clock.now())
        if not made.is_valid:
            raise NotValid(kind, made.problems)
        return made.content

    return endpoint.made(make, media_type=prepared.media_type, name=prepared.name, version=prepared.version)
