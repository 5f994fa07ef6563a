"""Reading a table that somebody brings along, CSV in any usual spelling or XLSX, as rows of texts. Pure.

Promise kept: a workbook is opened only when what it unpacks to is small enough, no formula is computed, no reference
followed; a cell that holds a card number goes no further than this file.
"""

import codecs
import csv
import html
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, Any
from xml.etree.ElementTree import ParseError

import defusedxml

from billing.exports.formats import as_written
from core import cardnumbers, characters
from core.errors import Refusal

MOST_ROWS = 50_000
MOST_COLUMNS = 60
MAX_BYTES = 20 * 1024 * 1024
_MOST_CELL = 10_000
_UNPACKED = 100 * 1024 * 1024
_MOST_PARTS = 500
_ZIP = b"PK\x03\x04"
# A file that is no archive, or a broken one; a part that needs a password, or whose packed bytes are broken.
_NO_ZIP = (
    zipfile.BadZipFile, ValueError, EOFError, OSError, RuntimeError, zlib.error,
    NotImplementedError,  # raised by zipfile for a compression it does not know
)  # fmt: skip
_SAMPLE = 20_000
REMOVED = "[removed]"
_CARD_INSIDE = (
    "Something in it looks like a card number. Nothing was stored. Remove it, or save the sheet as CSV."
)
_PIECE, _OVERLAP = 1 << 20, 4_000
_STYLING = re.compile(
    r"</?(?:\w+:)?(?:t|r|is|rPr|b|i|u|sz|color|rFont|family|charset|scheme|strike|vertAlign)(?:\s[^<>]*)?/?>"
)
_FRACTION = re.compile(r"<v>-?\d+\.\d+(?:E-\d+)?</v>", re.ASCII)
_EXPONENT = re.compile(r"<v>(\d(?:\.\d+)?E\+?\d\d)</v>", re.ASCII)
# Twelve digits or more of any script, as far apart as `cardnumbers` takes them for one number, and what nobody sees.
_CANDIDATE = re.compile(r"\d(?:[\s\-_.·•*/|\u00ad\u200b-\u200f\u2060-\u2064\ufeff]{0,6}\d){11,}")


class UnreadableTable(Refusal):
    """The file can be read neither as CSV nor as an Excel workbook (XLSX)."""

    code = "unreadable_table"


class EmptyTable(Refusal):
    """The file holds no row below its first line."""

    code = "empty_table"


class TableTooLarge(Refusal):
    """The file holds more than can be imported at once: 50,000 rows, 60 columns, 20 MB."""

    code = "table_too_large"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file, its cells, and which of them held a card number and were emptied."""

    number: int
    cells: list[str]
    cards: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """The first line of a table and its rows, read once, in order."""

    heads: list[str]
    rows: Iterator[Row]


def is_workbook(data: bytes) -> bool:
    """Tell whether a file is a workbook, which takes long to read."""
    return data.startswith(_ZIP)


def check_workbook(data: bytes) -> None:
    """Let a workbook pass whose parts are as many and as large as one may unpack; none of them is unpacked.

    Raises:
        UnreadableTable, TableTooLarge
    """
    if len(data) > MAX_BYTES:
        raise TableTooLarge(field="file")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            sizes = [part.file_size for part in parts.infolist()]
    except _NO_ZIP:
        raise UnreadableTable(field="file") from None
    if len(sizes) > _MOST_PARTS or sum(sizes) > _UNPACKED:
        raise TableTooLarge(field="file")


def search_workbook(data: bytes) -> None:
    """Let a workbook pass that may be kept until it is read: no part of it, shown or not, holds a card number.

    Its parts are searched as the texts they are, a piece at a time, which takes a tenth of reading them as a table.

    Raises:
        UnreadableTable, TableTooLarge
        CardNumberRefused: it can be saved as CSV, of which the cell alone is left out.
    """
    check_workbook(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            for part in parts.infolist():
                with parts.open(part) as stream:
                    holds = any(_holds_card(text) for text in _texts(part.filename, stream))
                if holds:
                    raise cardnumbers.CardNumberRefused(_CARD_INSIDE, field="file")
    except _NO_ZIP:
        raise UnreadableTable(field="file") from None


def _texts(name: str, stream: IO[bytes]) -> Iterator[str]:
    """Decode a part piece by piece; each begins with the end of the one before, so that no number is cut."""
    piece, decoder, kept = stream.read(_PIECE), None, name
    while piece:
        if decoder is None:
            marked = piece.startswith((b"\xff\xfe", b"\xfe\xff"))
            decoder = codecs.getincrementaldecoder("utf-16" if marked else "utf-8")("replace")
        text = kept + decoder.decode(piece)
        yield text
        kept, piece = text[-_OVERLAP:], stream.read(_PIECE)


def _holds_card(text: str) -> bool:
    if "&#" in text:
        text = html.unescape(text)
    # A text is stored in runs of one style; a fraction is no card's number, and a large number has an exponent.
    text = _FRACTION.sub("", _STYLING.sub("", text))
    text = _EXPONENT.sub(lambda number: format(Decimal(number[1]), "f"), text)
    return any(cardnumbers.contains_card_number(found.group()) for found in _CANDIDATE.finditer(text))


def read(data: bytes) -> Table:
    """Open a file as a table; the first line that holds anything names the columns.

    Raises:
        UnreadableTable, EmptyTable, TableTooLarge: also while the rows are read.
        CardNumberRefused: the first line holds a card number.
    """
    if len(data) > MAX_BYTES:
        raise TableTooLarge(field="file")
    lines = _workbook(data) if is_workbook(data) else _delimited(data)
    first = next(lines, None)
    if first is None:
        raise EmptyTable(field="file")
    heads = [cell[:80] for cell in first[1]]
    while heads and not heads[-1]:
        heads.pop()
    if not heads or len(heads) > MOST_COLUMNS:
        raise TableTooLarge(field="file")
    words = {"file": "\n".join(heads)}
    cardnumbers.refuse(words)
    characters.refuse(words)
    return Table(heads, _rows(lines, len(heads)))


def write(rows: Iterable[Row]) -> Iterator[bytes]:
    """Write rows in the one spelling that is stored: UTF-8, every cell quoted, the row's number first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for row in rows:
        writer.writerow([row.number, *row.cells])
        if buffer.tell() > 64 * 1024:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def stored(chunks: Iterable[bytes]) -> Iterator[Row]:
    """Read what `write` wrote, piece by piece."""
    text = io.TextIOWrapper(io.BufferedReader(_Pieces(chunks)), encoding="utf-8", newline="")
    for number, *cells in csv.reader(text, strict=True):
        yield Row(int(number), cells)


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a file that is read forwards."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._left = iter(chunks), b""

    def readable(self) -> bool:
        """Say that it is read from."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = chunk
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)


def _rows(lines: Iterator[tuple[int, list[str]]], width: int) -> Iterator[Row]:
    count = 0
    for number, cells in lines:
        count += 1
        if count > MOST_ROWS:
            raise TableTooLarge(field="file")
        if any(len(cell) > _MOST_CELL for cell in cells) or len(cells) > MOST_COLUMNS:
            raise TableTooLarge(f"Row {number} is larger than any that can be imported.", field="file")
        # Cells beyond the first line belong to no column; one row too wide is refused when it is checked.
        cells = [*cells, *[""] * (width - len(cells))]
        cards = tuple(at for at, cell in enumerate(cells) if cardnumbers.contains_card_number(cell))
        yield Row(number, [REMOVED if at in cards else cell for at, cell in enumerate(cells)], cards)
    if not count:
        raise EmptyTable(field="file")


def _delimited(data: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _text(data)
    sample = text[:_SAMPLE]
    delimiter = max(",;\t|", key=lambda sign: _steadiness(sample, sign))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            cleaned = [_cell(cell) for cell in cells]
            if any(cleaned):
                yield reader.line_num, cleaned
    except csv.Error:
        raise UnreadableTable(f"The file stops being CSV at line {reader.line_num}.", field="file") from None


def _text(data: bytes) -> str:
    """Decode: by its mark, as UTF-8, or as Windows writes Western languages."""
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise UnreadableTable(field="file")


def _steadiness(sample: str, sign: str) -> int:
    """Tell how much like a table a sign cuts the lines: as many of it in as many lines."""
    counts = Counter(line.count(sign) for line in sample.splitlines())
    return max((lines * min(count, 8) for count, lines in counts.items() if count), default=0)


def _workbook(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Read the first sheet of a workbook. What it would unpack to is asked first, and holds: zipfile reads no more."""
    # A twentieth of what a process of the product imports, and most never see a workbook.
    import openpyxl  # noqa: PLC0415
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    check_workbook(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        if not book.worksheets:
            raise UnreadableTable(field="file")
        sheet = book.worksheets[0]
        # What a workbook says about its own size is not believed; whole columns of nothing are cut.
        sheet.reset_dimensions()
        for number, values in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1, values_only=True), start=1):
            # A row that is only counted, up to one far below, is made of sixty nothings.
            empty = values.count(None) == len(values)
            cells = [] if empty else [_cell(_said(value)) for value in values[: MOST_COLUMNS + 1]]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield number, cells
            elif number > MOST_ROWS * 2:
                return
    except (
        *_NO_ZIP, InvalidFileException, ParseError, defusedxml.DefusedXmlException,
        KeyError, TypeError, IndexError, AttributeError,
        ArithmeticError,  # a number that is none
    ) as fault:  # fmt: skip
        # A broken workbook shows in as many ways as the library reads parts of it.
        if isinstance(fault, Refusal):
            raise
        raise UnreadableTable(field="file") from None


def _said(value: object) -> str:
    """Write a cell's value as somebody would type it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, int | str | timedelta):
        return str(value)
    # A workbook keeps every number in binary; its shortest decimal spelling is what somebody typed.
    plain = format(Decimal(repr(value)), "f")
    return plain.removesuffix(".0")


def _cell(text: str) -> str:
    return as_written(text.strip())
