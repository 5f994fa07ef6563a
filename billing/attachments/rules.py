"""Which files may be attached to an invoice, told by their bytes and never by what they are called. Pure."""

import io
import unicodedata
import zipfile
from pathlib import PurePosixPath

from core import cardnumbers, characters
from core.errors import Refusal

MOST_BYTES = 10 * 1024 * 1024
MOST_FILES = 10
NAME_LENGTH = 120
PDF, PNG, JPEG, CSV = "application/pdf", "image/png", "image/jpeg", "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ENDINGS = {PDF: (".pdf",), PNG: (".png",), JPEG: (".jpg", ".jpeg"), CSV: (".csv",), XLSX: (".xlsx",)}


class AttachmentRefused(Refusal):
    """Attach a PDF, PNG, JPEG, CSV or XLSX file of at most 10 MB."""

    code = "attachment_refused"


def media_type(content: bytes) -> str:
    """Return what a file is by its bytes.

    Raises:
        AttachmentRefused: it is nothing that can be attached, or it is empty or too large.
    """
    if not 0 < len(content) <= MOST_BYTES:
        raise AttachmentRefused(field="file")
    for start, kind in ((b"%PDF-", PDF), (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG)):
        if content.startswith(start):
            return kind
    if content.startswith(b"PK\x03\x04"):
        return _workbook(content)
    return _table(content)


def file_name(name: str, kind: str) -> str:
    """Return the name a file is kept under: its last part, with an ending that says what it is.

    Raises:
        CharacterRefused, CardNumberRefused: it cannot be kept.
    """
    last = PurePosixPath(unicodedata.normalize("NFC", name).replace("\\", "/")).name.strip(" .")
    characters.refuse({"file": last})
    cardnumbers.refuse({"file": last})
    endings = _ENDINGS[kind]
    if last.lower().endswith(endings):
        return last[-NAME_LENGTH:]
    return f"{last[:NAME_LENGTH] or 'attachment'}{endings[0]}"


def _workbook(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError) as fault:
        raise AttachmentRefused(field="file") from fault
    macros = any(name.lower().endswith("vbaproject.bin") for name in names)
    if macros or not {"[Content_Types].xml", "xl/workbook.xml"} <= names:
        raise AttachmentRefused(field="file")
    return XLSX


def _table(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise AttachmentRefused(field="file") from fault
    controls = any(ord(letter) < 32 and letter not in "\t\r\n" for letter in text)
    first = text.splitlines()[0] if text.strip() else ""
    if controls or not any(mark in first for mark in ",;\t") or text.lstrip().startswith("<"):
        raise AttachmentRefused(field="file")
    return CSV
