"""The organization's logo on its documents: a PNG or JPEG by what it is, not by what it is called.

Promise kept: what is kept can be set; a picture that is broken, huge or something else is refused with a sentence; one
that cannot be read later is left out of the document, which is made all the same.
"""

import logging
import struct
import zlib
from datetime import datetime

from audit import services as audit
from billing import events
from billing.documents.pdf import compiler
from billing.documents.pdf.documents import Logo
from billing.issuer.models import Issuer
from billing.issuer.services import IssuerMissing
from core.actor import Actor
from core.errors import NotFound, Refusal
from outbound import files
from outbound.models import StoredFile
from tenancy.context import use_case

MOST_BYTES, MOST_DOTS = 256 * 1024, 2_000
_log = logging.getLogger("strongbox.documents")
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
# JPEG markers that carry the size of the picture (SOF0 to SOF15 without the tables among them).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class LogoUnusable(Refusal):
    """A logo is a PNG or JPEG of at most 256 KB and 2,000 dots on each side."""

    code = "logo_unusable"

    def __init__(self, message: str = "") -> None:
        super().__init__(message, field="logo")


@use_case
def set_logo(*, content: bytes, actor: Actor, at: datetime) -> None:
    """Set the logo of documents from now on; it is kept encrypted.

    Raises:
        LogoUnusable: it is no picture that can be set.
        IssuerMissing: nobody has said who bills.
    """
    logo = read(content)
    row = _locked()
    old = row.logo
    row.logo = files.store(
        kind="logo", name="logo", media_type=logo.media_type, chunks=[content], actor=actor, at=at
    )
    _save(row, old, actor, at)


@use_case
def remove_logo(*, actor: Actor, at: datetime) -> None:
    """Set documents without a logo from now on.

    Raises:
        IssuerMissing: nobody has said who bills.
    """
    row = _locked()
    old, row.logo = row.logo, None
    _save(row, old, actor, at)


def current() -> Logo | None:
    """Return the logo of the organization in scope; None when there is none, or it cannot be read any more."""
    row = Issuer.objects.select_related("logo").filter(logo__isnull=False).first()
    if row is None or row.logo is None:
        return None
    try:
        # Part of every document: who reads the document is recorded, and not its picture once more.
        return read(b"".join(files.plaintext(row.logo)))
    except (files.FileDamaged, NotFound, LogoUnusable):
        _log.warning("the logo cannot be read, so that documents are made without it")
        return None


def read(content: bytes) -> Logo:
    """Return a picture with its kind and size, by its own bytes.

    Raises:
        LogoUnusable: it is none that can be set.
    """
    if len(content) > MOST_BYTES:
        raise LogoUnusable
    if content.startswith(_PNG):
        media_type, size = "image/png", _png_size(content)
    elif content.startswith(_JPEG):
        media_type, size = "image/jpeg", _jpeg_size(content)
    else:
        raise LogoUnusable("This is neither a PNG nor a JPEG.")
    if size is None:
        raise LogoUnusable("This picture is broken: it cannot be read to its end.")
    width, height = size
    if not (0 < width <= MOST_DOTS and 0 < height <= MOST_DOTS):
        raise LogoUnusable
    return Logo(content=content, media_type=media_type, width=width, height=height)


def check(content: bytes) -> Logo:
    """Return a picture that the typesetter can read whole. Call it outside any transaction.

    Raises:
        LogoUnusable
    """
    logo = read(content)
    if not compiler.can_be_set(logo):
        raise LogoUnusable("This picture is broken: it cannot be read to its end.")
    return logo


def _locked() -> Issuer:
    row: Issuer | None = Issuer.objects.select_for_update(of=("self",)).select_related("logo").first()
    if row is None:
        raise IssuerMissing
    return row


def _save(row: Issuer, old: StoredFile | None, actor: Actor, at: datetime) -> None:
    row.updated_at = at
    row.save(update_fields=["logo", "updated_at"])
    if old is not None and old.state == StoredFile.State.READY:
        files.delete(file=old, actor=actor)
    audit.record(events.LOGO_SET, actor=actor, fields=["logo"])


def _png_size(content: bytes) -> tuple[int, int] | None:
    """Return the size of a PNG whose chunks are whole and whose picture does not swell."""
    at, size, swollen = len(_PNG), None, 0
    inflate = zlib.decompressobj()
    while at + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, at)
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        end = at + 12 + length
        if end > len(content) or zlib.crc32(kind + data) != struct.unpack_from(">I", content, end - 4)[0]:
            return None
        if kind == b"IHDR" and length == 13:
            size = struct.unpack_from(">II", data)
            if max(size) > MOST_DOTS:
                return size[0], size[1]
        elif kind == b"IDAT":
            try:
                swollen += len(inflate.decompress(data, 8 * MOST_DOTS * MOST_DOTS + MOST_DOTS + 1))
            except zlib.error:
                return None
        elif kind == b"IEND":
            return (size[0], size[1]) if size and swollen and inflate.eof else None
        at = end
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Return the size of a JPEG that has a frame and an end."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        if marker in _FRAMES and at + 9 <= len(content):
            height, width = struct.unpack_from(">HH", content, at + 5)
            return (width, height) if b"\xff\xd9" in content[-32:] else None
        if marker == 0xDA or length < 2:
            return None
        at += 2 + length
    return None
