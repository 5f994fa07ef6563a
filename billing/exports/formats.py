"""Writing rows as CSV or XLSX, piece by piece and in memory: no plaintext is on the disk for a moment. Pure.

Promise kept: a text that a table program would compute is kept from it (OWASP, CSV injection); numbers stay numbers, so
that a negative amount survives.
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from xml.sax.saxutils import escape

from billing.exports.kinds import Column, Shape, Value

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Where another country's table program, which parts cells at ; or at a tab, would begin a cell of its own.
_WITHIN = re.compile(r"""([;,\t\r\n])("*[=+\-@])""")
_MENDED = re.compile(r"""([;,\t\r\n])'("*[=+\-@])""")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?\Z", re.ASCII)
_PIECE = 256 * 1024
MEDIA_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
_TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_ROOT = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_BOOK = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Export" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
_BOOK_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
)
# What XML 1.0 has no way to write.
_UNWRITABLE = {code: None for code in range(32) if code not in (9, 10, 13)} | {0xFFFE: None, 0xFFFF: None}


def neutral(text: str) -> str:
    """Put an apostrophe before whatever in a text a table program would compute, at its start or behind a separator."""
    # Looked for first: a substitution costs several times as much, and hardly a text needs one.
    if _WITHIN.search(text):
        text = _WITHIN.sub(r"\1'\2", text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def cell(text: str) -> str:
    """Write a cell that may be a number, which stays one, or a text."""
    return text if _NUMBER.match(text) else neutral(text)


def as_written(text: str) -> str:
    """Take back what `neutral` put into a text."""
    text = _MENDED.sub(r"\1\2", text)
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def write(format_: str, columns: Sequence[Column], rows: Iterable[Sequence[Value]]) -> Iterator[bytes]:
    """Write a table, its first line naming the columns."""
    return (_workbook if format_ == "xlsx" else _csv)(columns, rows)


def _csv(columns: Sequence[Column], rows: Iterable[Sequence[Value]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    # The mark tells Excel that it is UTF-8.
    buffer.write("\ufeff")
    writer.writerow([each.label for each in columns])
    write_as = [_writer(each.shape) for each in columns]
    for row in rows:
        writer.writerow([say(value) for say, value in zip(write_as, row, strict=True)])
        if buffer.tell() > _PIECE:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _writer(shape: Shape) -> Callable[[Value], str]:
    return _text if shape is Shape.TEXT else _plain


def _text(value: Value) -> str:
    return "" if value is None else neutral(str(value))


def _plain(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)


class _Pipe(io.RawIOBase):
    """What a ZIP is written to: it cannot be wound back, and is emptied as it fills."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        """Say that it is written to."""
        return True

    def write(self, data: object) -> int:
        """Take a piece."""
        piece = bytes(data)  # type: ignore[call-overload]  # whatever a ZIP file writes is bytes
        self.pieces.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        """Return what came since, and forget it."""
        piece = b"".join(self.pieces)
        self.pieces.clear()
        return piece


def _workbook(columns: Sequence[Column], rows: Iterable[Sequence[Value]]) -> Iterator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as book:
        for name, text in (
            ("[Content_Types].xml", _TYPES),
            ("_rels/.rels", _ROOT),
            ("xl/workbook.xml", _BOOK),
            ("xl/_rels/workbook.xml.rels", _BOOK_RELATIONS),
        ):
            book.writestr(name, text)
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(
                f'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="{_MAIN}"><sheetData>'.encode()
            )
            shapes = [each.shape for each in columns]
            sheet.write(_line([Shape.TEXT] * len(shapes), [each.label for each in columns]))
            waiting: list[bytes] = []
            for row in rows:
                waiting.append(_line(shapes, row))
                if len(waiting) == 500:
                    sheet.write(b"".join(waiting))
                    waiting.clear()
                    if piece := pipe.taken():
                        yield piece
            sheet.write(b"".join(waiting) + b"</sheetData></worksheet>")
    yield pipe.taken()


def zipped(documents: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Write documents, each with its name, into one ZIP. A name that comes twice is told apart by a number."""
    pipe = _Pipe()
    seen: dict[str, int] = {}
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as book:
        for name, content in documents:
            seen[name] = seen.get(name, 0) + 1
            stem, dot, ending = name.rpartition(".")
            book.writestr(name if seen[name] == 1 else f"{stem}-{seen[name]}{dot}{ending}", content)
            yield pipe.taken()
    yield pipe.taken()


def _line(shapes: Sequence[Shape], row: Sequence[Value]) -> bytes:
    return f"<row>{''.join(map(_cell, shapes, row))}</row>".encode()


def _cell(shape: Shape, value: Value) -> str:
    if value is None:
        return "<c/>"
    if shape is Shape.NUMBER and isinstance(value, int | Decimal):
        return f"<c><v>{_plain(value)}</v></c>"
    text = value.isoformat() if isinstance(value, date | datetime) else neutral(str(value))
    written = escape(text.translate(_UNWRITABLE))
    return f'<c t="inlineStr"><is><t xml:space="preserve">{written}</t></is></c>'
