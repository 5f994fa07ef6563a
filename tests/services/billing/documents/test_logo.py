"""The logo: a picture by what it is; a broken one is refused in words and never keeps a document from being made."""

import struct
import zlib
from datetime import UTC, datetime

import pytest

from audit.models import Event
from billing.documents import logo, papers, pdf
from billing.documents.pdf.documents import Logo
from billing.invoices import queries
from billing.issuer import services as issuers
from billing.issuer.models import Issuer
from outbound.models import StoredFile
from tenancy import context
from tests.make import billing as make
from tests.rules.test_billing_pdf import INVOICE

AT = datetime(2026, 3, 1, tzinfo=UTC)


def png(width: int = 30, height: int = 10, *, data: bytes | None = None) -> bytes:
    """Draw a picture of one colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\x20\x40\xb0" * width for _ in range(height)))
    picture = chunk(b"IDAT", rows if data is None else data)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + picture + chunk(b"IEND", b"")


BROKEN = {
    "text": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "empty": b"",
    "cut": png()[:-20],
    "changed": png().replace(b"IDAT", b"IDAU"),
    "no picture": png(data=b"not compressed"),
    "swells": png(2_001, 2),
    "large": png() + b"\0" * logo.MOST_BYTES,
    "jpeg without end": b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\0" * 40,
    "gif": b"GIF89a" + b"\0" * 20,
    "pdf": b"%PDF-1.7",
}


@pytest.fixture
def issuer(in_a):
    issuers.set_issuer(name="Nordwind", actor=make.ACTOR, at=make.AT)
    return in_a


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_what_is_no_picture_is_refused_with_a_sentence_and_stored_nowhere(issuer, kind):
    with pytest.raises(logo.LogoUnusable) as refused, context.attempt():
        logo.set_logo(content=BROKEN[kind], actor=make.ACTOR, at=make.AT)
    assert (refused.value.code, refused.value.field) == ("logo_unusable", "logo")
    assert refused.value.message.endswith(".")
    assert (Issuer.objects.get().logo, StoredFile.objects.count()) == (None, 0)


def test_it_is_kept_encrypted_and_stands_on_documents(issuer):
    logo.set_logo(content=png(), actor=make.ACTOR, at=make.AT)
    found = logo.current()
    assert found == logo.check(png())
    paper = papers.document_of(queries.get(make.finalized().pk), at=make.AT)
    assert paper.logo == found
    with_logo, without = pdf.invoice(paper), pdf.invoice(paper.__class__(**{**_fields(paper), "logo": None}))
    assert b"/Subtype/Image" in with_logo
    assert b"/Subtype/Image" not in without
    assert pdf.version(paper) != pdf.version(paper.__class__(**{**_fields(paper), "logo": None}))
    logo.set_logo(content=png(20), actor=make.ACTOR, at=make.AT)
    logo.remove_logo(actor=make.ACTOR, at=make.AT)
    assert logo.current() is None
    assert [file.state for file in StoredFile.objects.filter(kind="logo")] == ["deleted", "deleted"]
    assert Event.objects.filter(event="issuer.logo_set").count() == 3


def _fields(paper):
    return {name: getattr(paper, name) for name in paper.__slots__}


@pytest.mark.parametrize("content", [b"", png()[:60], b"\xff\xd8\xff" + b"\0" * 80])
def test_a_broken_one_never_keeps_a_document_from_being_made(content):
    broken = Logo(content=content, media_type="image/png", width=30, height=10)
    paper = INVOICE.__class__(**{**_fields(INVOICE), "logo": broken})
    assert pdf.invoice(paper).startswith(b"%PDF")
