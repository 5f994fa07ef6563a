"""Files of invoices: what their bytes say they are, encrypted, kept with what is final, and mailed when ticked."""

import io
import zipfile
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DatabaseError, transaction

from billing.attachments import rules, services
from billing.attachments.models import InvoiceAttachment
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from core.cardnumbers import CardNumberRefused
from core.errors import NotFound
from outbound.models import StoredFile
from tenancy.context import attempt
from tests.make import billing as make

PDF = b"%PDF-1.7 a time sheet"


def workbook(*extra: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", *extra):
            archive.writestr(name, "<x/>")
    return made.getvalue()


def attach(invoice: Invoice, content: bytes = PDF, name: str = "hours.pdf", **values) -> services.Attached:
    return services.add(
        invoice_id=invoice.pk, name=name, content=content, actor=make.ACTOR, at=make.AT, **values
    )


def read(attachment_id: UUID) -> bytes:
    return b"".join(services.read(attachment_id=attachment_id, actor=make.ACTOR)[1])


@pytest.mark.parametrize(
    ("content", "name", "kind", "kept_as"),
    [
        (PDF, "C:\\work\\hours.pdf", rules.PDF, "hours.pdf"),
        (PDF, "../../etc/passwd", rules.PDF, "passwd.pdf"),
        (b"\x89PNG\r\n\x1a\nx", "a.exe", rules.PNG, "a.exe.png"),
        (b"\xff\xd8\xffx", "a.JPEG", rules.JPEG, "a.JPEG"),
        ("day;hours\nMö;8\n".encode(), "", rules.CSV, "attachment.csv"),
        (workbook(), "a.xlsx", rules.XLSX, "a.xlsx"),
    ],
)
def test_a_file_is_what_its_bytes_say(content: bytes, name: str, kind: str, kept_as: str) -> None:
    assert rules.media_type(content) == kind
    assert rules.file_name(name, kind) == kept_as


@pytest.mark.parametrize(
    "content",
    [
        b"", b"MZ\x90\x00", b"<html>,</html>", b"<svg onload=x>,", b"no table", b"\xff\xfe\x00,", b"a,\x00b",
        b"PK\x03\x04 broken", workbook("xl/vbaProject.bin"), PDF + b"x" * rules.MOST_BYTES,
    ],
)  # fmt: skip
def test_nothing_else_is_attached(content: bytes) -> None:
    with pytest.raises(rules.AttachmentRefused):
        rules.media_type(content)


def test_a_file_is_kept_encrypted_and_read_again(in_a: UUID) -> None:
    invoice = make.draft()
    made = attach(invoice, with_mail=True)
    other = attach(invoice, b"a,b\n", "x.csv")
    assert [row.name for row in services.of_invoice(invoice.pk)] == ["hours.pdf", "x.csv"]
    assert services.mailed_with(invoice.pk) == [made.id]
    assert read(made.id) == PDF
    assert read(other.id) == b"a,b\n"
    stored = StoredFile.objects.get(name__isnull=False, media_type=rules.PDF)
    on_disk = next(path for path in settings.FILES_DIR.rglob(stored.pk.hex))
    assert PDF not in on_disk.read_bytes()


def test_card_numbers_stay_outside(in_a: UUID) -> None:
    invoice = make.draft()
    for content, name in ((b"a,4242424242424242\n", "a.csv"), (PDF, "4242 4242 4242 4242.pdf")):
        with pytest.raises(CardNumberRefused), attempt():
            attach(invoice, content, name)
    assert services.of_invoice(invoice.pk) == []


def test_a_draft_lets_go_and_a_final_invoice_does_not(in_a: UUID) -> None:
    invoice = make.draft()
    made, stays = attach(invoice), attach(invoice)
    services.remove(attachment_id=made.id, actor=make.ACTOR)
    with pytest.raises(NotFound), attempt():
        read(made.id)
    make.finalize(invoice.pk)
    late = attach(invoice, name="later.pdf")
    for each in (stays, late):
        with pytest.raises(invoices.InvoiceNotDraft), attempt():
            services.remove(attachment_id=each.id, actor=make.ACTOR)
    with pytest.raises(DatabaseError), transaction.atomic():
        InvoiceAttachment.objects.filter(pk=stays.id).delete()
    make.void(invoice.pk)
    with pytest.raises(services.InvoiceVoided), attempt():
        attach(invoice)


def test_there_are_ten_at_most(in_a: UUID) -> None:
    invoice = make.draft()
    for _ in range(rules.MOST_FILES):
        attach(invoice)
    with pytest.raises(services.TooManyAttachments), attempt():
        attach(invoice)


def test_a_discarded_draft_destroys_its_files(in_a: UUID) -> None:
    invoice = make.draft()
    attach(invoice)
    invoices.discard_draft(invoice_id=invoice.pk, actor=make.ACTOR, at=make.AT)
    assert InvoiceAttachment.objects.count() == 0
    assert set(StoredFile.objects.values_list("state", flat=True)) == {"deleted"}


def test_the_mail_brings_a_file_along(in_a: UUID) -> None:
    made = attach(make.draft(), with_mail=True)
    file = services.mail_file(in_a, made.id)
    assert (file.name, file.media_type, file.content) == ("hours.pdf", rules.PDF, PDF)
