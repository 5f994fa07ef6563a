"""Making a document: what is needed is read in the organization's scope, then it is written, set and checked outside
any transaction, then it is kept.

Promise kept: an electronic invoice is checked by schema and rules before anybody gets it, and what the check said is
kept with it; the same content is checked once. A document whose check could not be made is not handed out.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from billing.creditnotes.queries import CreditNoteDetail
from billing.customers import queries as customers
from billing.documents import archive, papers, pdf
from billing.documents.archive import Kept, Subject
from billing.documents.einvoice import outgoing, validation, write_cii, write_ubl
from billing.documents.einvoice.document import Document, Problem
from billing.documents.einvoice.writing import Profile
from billing.documents.mending import NotValid
from billing.invoices.queries import InvoiceDetail
from core import primitives
from core.actor import Actor
from tenancy.context import Scope, scope

XML_KINDS = ("ubl", "cii", "xrechnung")
KINDS = ("pdf", "facturx", *XML_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """All that a document of one kind is made of. `known` is what was kept of exactly this content."""

    of: Subject
    customer_id: UUID
    kind: str
    stem: str
    paper: pdf.InvoiceDocument
    xml: bytes = b""
    profile: Profile = Profile.EN16931
    version: str = ""
    known: Kept | None = None

    @property
    def name(self) -> str:
        """The name under which it is saved."""
        return f"{self.stem}.{'pdf' if self.kind in archive.MEDIA_TYPES else 'xml'}"

    @property
    def media_type(self) -> str:
        """What it is to a browser."""
        return archive.MEDIA_TYPES.get(self.kind, archive.XML_MEDIA_TYPE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A document with what its check found."""

    prepared: Prepared
    content: bytes
    problems: tuple[Problem, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Nothing forbids sending it."""
        return not any(problem.is_error for problem in self.problems)


def prepare(
    found: InvoiceDetail | CreditNoteDetail, *, kind: str, at: datetime, pay_url: str = ""
) -> Prepared:
    """Read what a document is made of, in the organization's scope.

    Raises:
        NotFinal: it is a draft, which has no electronic form.
    """
    if isinstance(found, CreditNoteDetail):
        paper = papers.credit_note_of(found)
    else:
        paper = papers.document_of(found, at=at, pay_url=pay_url)
    stem = papers.file_name(found).removesuffix(".pdf")
    made = Prepared(of=_subject(found), customer_id=found.customer_id, kind=kind, stem=stem, paper=paper)
    if kind == "pdf":
        return replace(made, version=pdf.version(paper))
    if isinstance(found, CreditNoteDetail):
        document = outgoing.credit_note_of(found, at=at)
    else:
        document = outgoing.document_of(found, at=at)
    profile = profile_of(kind, document)
    if profile is Profile.XRECHNUNG and document.type_code == "386":
        # XRechnung knows no prepayment: to it, a deposit is a partial invoice (BR-DE-17).
        document = replace(document, type_code="326")
    xml = _write(document, kind, profile)
    version = primitives.sha256(xml).hex()
    # Factur-X carries exactly what CII is, so that one check serves both.
    known = archive.same(made.of, _checked_as(kind), version)
    if kind == "facturx":
        version = primitives.sha256(f"{version}{pdf.version(paper)}".encode()).hex()
    return replace(made, xml=xml, profile=profile, version=version, known=known)


def make(prepared: Prepared) -> Made:
    """Write, set and check a document. Call it outside any transaction.

    Raises:
        CheckUnavailable: it could not be checked.
    """
    if prepared.kind == "pdf":
        return Made(prepared=prepared, content=pdf.invoice(prepared.paper))
    if prepared.known is not None:
        problems = prepared.known.problems
    else:
        problems = validation.check(prepared.xml, profile=prepared.profile)
    if prepared.kind == "facturx":
        return Made(
            prepared=prepared, content=pdf.invoice(prepared.paper, xml=prepared.xml), problems=problems
        )
    return Made(prepared=prepared, content=prepared.xml, problems=problems)


def keep(tenant_id: UUID, made: Made, *, actor: Actor, at: datetime) -> Kept:
    """Keep a document in a transaction of its own."""
    if made.prepared.known is not None and made.prepared.kind in XML_KINDS:
        return made.prepared.known
    with scope(Scope(tenant_id)):
        return archive.keep(
            of=made.prepared.of,
            customer_id=made.prepared.customer_id,
            kind=made.prepared.kind,
            content=made.content,
            problems=made.problems,
            actor=actor,
            at=at,
        )


def assure(found: InvoiceDetail | CreditNoteDetail, *, kind: str, actor: Actor, at: datetime) -> None:
    """Let an invoice pass whose electronic form of a kind is valid; what its check said is kept.

    Where it has not been checked yet it is now, in the transaction that is open: nothing is locked by it.

    Raises:
        NotFinal: it is a draft.
        NotValid: names the rule, in words, and where it is mended.
        CheckUnavailable: it could not be checked.
    """
    prepared = prepare(found, kind=kind, at=at)
    if prepared.known is not None:
        problems = prepared.known.problems
    else:
        problems = validation.check(prepared.xml, profile=prepared.profile)
        archive.keep(
            of=prepared.of,
            customer_id=found.customer_id,
            kind=_checked_as(kind),
            content=prepared.xml,
            problems=problems,
            actor=actor,
            at=at,
        )
    if any(problem.is_error for problem in problems):
        raise NotValid(kind, problems)


def made_and_kept(tenant_id: UUID, prepared: Prepared, *, actor: Actor, at: datetime) -> Made:
    """Make a document and keep it, each outside the other's time. No scope is open when this is called."""
    made = make(prepared)
    keep(tenant_id, made, actor=actor, at=at)
    return made


def profile_of(kind: str, document: Document) -> Profile:
    """Return whose rules a document of a kind keeps; UBL is Peppol's where both parties have an address there."""
    if kind == "xrechnung":
        return Profile.XRECHNUNG
    if kind == "ubl" and document.seller.endpoint_id and document.buyer.endpoint_id:
        return Profile.PEPPOL
    return Profile.EN16931


def format_of(found: InvoiceDetail) -> str:
    """Return what its customer gets beside the PDF, or in it: a kind, or nothing."""
    chosen = customers.get(found.customer_id).einvoice_format
    return "" if chosen == "none" else chosen


def _subject(found: InvoiceDetail | CreditNoteDetail) -> Subject:
    return ("credit_note" if isinstance(found, CreditNoteDetail) else "invoice", found.id)


def _checked_as(kind: str) -> str:
    return "cii" if kind == "facturx" else kind


def _write(document: Document, kind: str, profile: Profile) -> bytes:
    if kind in ("cii", "facturx"):
        return write_cii.write(document, profile)
    return write_ubl.write(document, profile)
