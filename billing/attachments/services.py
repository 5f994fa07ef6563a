"""Attaching files to invoices, reading them, and taking them off drafts.

Promise kept: a file lies encrypted and is what its bytes say it is; what a final invoice carries stays with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from audit import services as audit
from billing import events
from billing.attachments import rules
from billing.attachments.models import InvoiceAttachment
from billing.invoices.models import Invoice
from billing.invoices.services.rows import InvoiceNotDraft, locked
from core.actor import Actor
from core.errors import Conflict, NotFound
from outbound import files, mail
from tenancy.context import Scope, scope, use_case
from tenancy.models import only

MAILED = "invoice_attachment"
_KIND = "invoice_attachment"


class TooManyAttachments(Conflict):
    """An invoice carries at most ten files."""

    code = "too_many_attachments"


class InvoiceVoided(Conflict):
    """Nothing is attached to a void invoice any more."""

    code = "invoice_voided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """One attached file."""

    id: UUID
    invoice_id: UUID
    customer_id: UUID
    name: str
    media_type: str
    size_bytes: int
    with_mail: bool
    created_at: datetime


@use_case
def add(
    *, invoice_id: UUID, name: str, content: bytes, actor: Actor, at: datetime, with_mail: bool = False
) -> Attached:
    """Attach a file to an invoice; `with_mail` says whether the mail that sends it brings the file along.

    Raises:
        NotFound: there is no such invoice.
        AttachmentRefused: it is not of a kind that can be attached, or too large.
        CardNumberRefused: it is a text with a card number in it.
        TooManyAttachments, InvoiceVoided.
    """
    kind = rules.media_type(content)
    kept_as = rules.file_name(name, kind)
    invoice = locked(invoice_id)
    if invoice.status == Invoice.Status.VOIDED:
        raise InvoiceVoided
    if InvoiceAttachment.objects.filter(invoice_id=invoice.pk).count() >= rules.MOST_FILES:
        raise TooManyAttachments
    file = files.store(
        kind=_KIND,
        name=kept_as,
        media_type=kind,
        chunks=[content],
        actor=actor,
        at=at,
        most_bytes=rules.MOST_BYTES,
    )
    row = InvoiceAttachment(
        invoice=invoice, customer_id=invoice.customer_id, file=file, with_mail=with_mail, created_at=at
    )
    row.save(force_insert=True)
    audit.record(events.ATTACHMENT_ADDED, actor=actor, subject=("invoice", invoice.pk))
    return _attached(row)


@use_case
def remove(*, attachment_id: UUID, actor: Actor) -> UUID:
    """Take a file off a draft, destroy it, and return the draft's id.

    Raises:
        NotFound: there is no such attachment.
        InvoiceNotDraft: it belongs to a final invoice and stays.
    """
    row = _row(attachment_id)
    invoice = locked(row.invoice_id)
    if invoice.status != Invoice.Status.DRAFT:
        raise InvoiceNotDraft
    InvoiceAttachment.objects.filter(pk=row.pk).delete()
    files.delete(file=row.file, actor=actor)
    audit.record(events.ATTACHMENT_REMOVED, actor=actor, subject=("invoice", invoice.pk))
    return invoice.pk


@use_case
def read(*, attachment_id: UUID, actor: Actor) -> tuple[Attached, Iterator[bytes]]:
    """Return an attached file in pieces, and record the reading. Raises NotFound."""
    row = _row(attachment_id)
    audit.record(events.ATTACHMENT_READ, actor=actor, subject=("invoice", row.invoice_id))
    return _attached(row), files.read(file=row.file, actor=actor)


def get(attachment_id: UUID) -> Attached:
    """Return what is known of an attached file. Raises NotFound."""
    return _attached(_row(attachment_id))


def of_invoice(invoice_id: UUID) -> list[Attached]:
    """Return what is attached to an invoice, the oldest first."""
    rows = InvoiceAttachment.objects.filter(invoice_id=invoice_id).select_related("file").order_by("id")
    return [_attached(row) for row in rows]


def mailed_with(invoice_id: UUID) -> list[UUID]:
    """Return the attachments that go with the mail of an invoice; nothing is decrypted."""
    rows = InvoiceAttachment.objects.filter(invoice_id=invoice_id, with_mail=True).order_by("id")
    return list(rows.values_list("id", flat=True))


def mail_file(tenant_id: UUID, attachment_id: UUID) -> mail.Attachment:
    """Read an attached file for a mail that leaves."""
    with scope(Scope(tenant_id)):
        row, pieces = read(attachment_id=attachment_id, actor=Actor.system("mail"))
        return mail.Attachment(row.name, row.media_type, b"".join(pieces))


def _row(attachment_id: UUID) -> InvoiceAttachment:
    row: InvoiceAttachment | None = only(
        InvoiceAttachment.objects.select_related("file").filter(pk=attachment_id)
    )
    if row is None:
        raise NotFound
    return row


def _attached(row: InvoiceAttachment) -> Attached:
    return Attached(
        id=row.pk,
        invoice_id=row.invoice_id,
        customer_id=row.customer_id,
        name=row.file.name or "attachment",
        media_type=row.file.media_type,
        size_bytes=row.file.size_bytes,
        with_mail=row.with_mail,
        created_at=row.created_at,
    )
