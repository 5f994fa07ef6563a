"""Bank statements as CSV: every bank has its own, so the columns are guessed, shown, and a person's to correct.

Promise kept: nothing is guessed row by row. One reading of dates and one of amounts holds for the whole file, and a
row that does not fit it is named and left out, never bent.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from core import days, money
from core.errors import Refusal
from payments.statements import guesses
from payments.statements.entries import (
    MOST_ENTRIES,
    Entry,
    Statement,
    StatementEmpty,
    TooManyEntries,
    Unread,
    tidy,
)

MAX_BYTES = 20 * 1024 * 1024
_MOST_COLUMNS = 60
_QUOTED = re.compile(r'"[^"\n]*"')
_OUT = frozenset({"s", "d", "dr", "dbit", "debit", "af", "soll", "-", "debet", "out"})
_IN = frozenset({"h", "c", "cr", "crdt", "credit", "bij", "haben", "+", "in"})


class NotACsvFile(Refusal):
    """The file cannot be read as a table of text."""

    code = "not_csv"


class ColumnMissing(Refusal):
    """Say which column holds the booking day and which the amount."""

    code = "missing_column"


class ColumnUnknown(Refusal):
    """The table has no such column."""

    code = "unknown_column"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is read: column by field, counted from 0; the order in dates; the sign before decimals."""

    columns: dict[str, int] = field(default_factory=dict)
    month_first: bool = False
    decimal_comma: bool = True
    currency: str = "EUR"
    has_head: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A CSV file cut into cells: the heads, the rows with their line, and what was guessed about it."""

    heads: Sequence[str]
    rows: Sequence[tuple[int, list[str]]]
    guess: Layout

    def sample(self, most: int = 5) -> list[list[str]]:
        """Return the first rows, every one as long as the heads."""
        width = len(self.heads)
        return [(cells + [""] * width)[:width] for _, cells in self.rows[:most]]


def table(data: bytes, *, currency: str) -> Table:
    """Cut a file into cells and guess what its columns hold.

    Raises:
        NotACsvFile, StatementEmpty, TooManyEntries: the file as a whole cannot be used.
    """
    text = _text(data)
    found = list(_cells(text))
    found = [(line, cells) for line, cells in found if any(cell.strip() for cell in cells)]
    if not found:
        raise StatementEmpty(field="file")
    at, known = guesses.head(found)
    width = max(len(cells) for _, cells in found[at : at + guesses.LOOKED_AT])
    if width > _MOST_COLUMNS:
        raise NotACsvFile(f"The table has more than {_MOST_COLUMNS} columns.", field="file")
    has_head = known > 0
    heads = [cell.strip()[:60] for cell in found[at][1]] if has_head else []
    heads += [f"Column {number + 1}" for number in range(len(heads), width)]
    rows = found[at + 1 :] if has_head else found[at:]
    if not rows:
        raise StatementEmpty(field="file")
    if len(rows) > MOST_ENTRIES:
        raise TooManyEntries(
            f"The file holds more than {MOST_ENTRIES:,} entries. Export it in parts.", field="file"
        )
    columns = guesses.by_heads(heads) if has_head else {}
    if "date" not in columns or not columns.keys() & {"amount", "credit", "debit"}:
        columns = {**guesses.by_content(rows), **columns}
    looked_at = [cells for _, cells in rows[: guesses.LOOKED_AT]]
    guess = Layout(
        columns=columns,
        month_first=guesses.month_first(guesses.standing(looked_at, columns.get("date"))),
        decimal_comma=guesses.decimal_comma(
            [
                cell
                for name in ("amount", "credit", "debit")
                for cell in guesses.standing(looked_at, columns.get(name))
            ]
        ),
        currency=currency,
        has_head=has_head,
    )
    return Table(heads=heads, rows=rows, guess=guess)


def read(found: Table, mapping: Layout) -> Statement:
    """Read a table as a mapping says; rows that do not fit are named in `unread`.

    Raises:
        ColumnMissing, ColumnUnknown: the mapping cannot be used.
        StatementEmpty: not one row is an entry.
    """
    columns = mapping.columns
    if "date" not in columns or not columns.keys() & {"amount", "credit", "debit"}:
        raise ColumnMissing(field="date" if "date" not in columns else "amount")
    for name, column in columns.items():
        if name not in guesses.FIELDS or not 0 <= column < len(found.heads):
            raise ColumnUnknown(field=name)
    money.exponent(mapping.currency)
    entries: list[Entry] = []
    unread: list[Unread] = []
    for line, cells in found.rows:
        values = {name: cells[column].strip() for name, column in columns.items() if column < len(cells)}
        try:
            entry = _entry(values, mapping)
        except _Misfit as fault:
            unread.append(Unread(row=line, field=fault.field, code=fault.code, reason=fault.sentence))
            continue
        if entry is not None:
            entries.append(tidy(entry))
    if not entries:
        why = unread[0].reason if unread else "Every amount is zero."
        raise StatementEmpty(f"No row of the table is an entry. {why}", field="file")
    kinds = {entry.currency for entry in entries}
    return Statement(
        kind="csv",
        currency=mapping.currency if mapping.currency in kinds else min(kinds),
        entries=entries,
        unread=unread,
    )


class _Misfit(Exception):
    def __init__(self, field: str, code: str, sentence: str) -> None:
        super().__init__(code)
        self.field, self.code, self.sentence = field, code, sentence


def _entry(values: Mapping[str, str], mapping: Layout) -> Entry | None:
    booked_on = _day(values.get("date", ""), mapping.month_first, "date")
    value = values.get("value_date", "")
    currency = values.get("currency", "").upper() or mapping.currency
    if currency not in money.EXPONENTS:
        raise _Misfit("currency", "unknown_currency", "The currency is not an ISO 4217 code in use.")
    minor = _minor(values, mapping, currency)
    if minor == 0:
        return None
    return Entry(
        booked_on=booked_on,
        value_on=_day(value, mapping.month_first, "value_date") if value else None,
        currency=currency,
        amount_minor=minor,
        name=values.get("name", ""),
        iban=values.get("iban", ""),
        text=" ".join(text for text in (values.get("text", ""), values.get("text_2", "")) if text),
        reference=values.get("reference", ""),
        end_to_end=""
        if values.get("end_to_end", "").upper() == "NOTPROVIDED"
        else values.get("end_to_end", ""),
    )


def _minor(values: Mapping[str, str], mapping: Layout, currency: str) -> int:
    if values.get("amount"):
        minor = _amount(values["amount"], mapping.decimal_comma, currency, "amount")
        direction = values.get("direction", "").casefold()
        if direction in _OUT:
            return -abs(minor)
        if direction and direction not in _IN:
            raise _Misfit(
                "direction", "unknown_direction", "Nobody can tell whether this came in or went out."
            )
        return minor
    incoming = _amount(values.get("credit", "") or "0", mapping.decimal_comma, currency, "credit")
    outgoing = _amount(values.get("debit", "") or "0", mapping.decimal_comma, currency, "debit")
    if not values.get("credit") and not values.get("debit"):
        raise _Misfit("amount", "required", "There is no amount.")
    return abs(incoming) - abs(outgoing)


def _amount(text: str, decimal_comma: bool, currency: str, field: str) -> int:
    """Read an amount in minor units; a comma is what the whole file's commas are."""
    plain = text.replace("\N{MINUS SIGN}", "-").replace("\u202f", "").replace("\u00a0", "").replace(" ", "")
    plain = re.sub(r"^(?:EUR|€|CHF|GBP|£|USD|\$)|(?:EUR|€|CHF|GBP|£|USD|\$)$", "", plain)
    found = guesses.AMOUNT.match(plain)
    if found is None or (found[1] and found[3]):
        raise _Misfit(field, "not_an_amount", "This is not an amount.")
    grouping, mark = (".", ",") if decimal_comma else (",", ".")
    digits = found[2].replace("'", "")
    whole, _, fraction = digits.partition(mark)
    groups = whole.split(grouping)
    if mark in fraction or grouping in fraction or any(len(group) != 3 for group in groups[1:]):
        raise _Misfit(
            field, "not_an_amount", "The signs between the digits are not where this file has them."
        )
    try:
        size = money.exact_minor(Decimal(f"{''.join(groups) or '0'}.{fraction or '0'}"), currency)
    except money.AmountTooPrecise:
        raise _Misfit(
            field, "amount_too_precise", "The amount has more decimals than its currency."
        ) from None
    except money.AmountTooLarge:
        raise _Misfit(
            field, "amount_too_large", "The amount is larger than any that can be booked."
        ) from None
    return -size if "-" in (found[1], found[3]) else size


def _day(text: str, month_first: bool, field: str) -> date:
    try:
        if (found := guesses.ISO.match(text)) or (found := guesses.COMPACT.match(text)):
            day = date(int(found[1]), int(found[2]), int(found[3]))
        elif found := guesses.PARTED.match(text):
            first, second, year = int(found[1]), int(found[2]), int(found[3])
            month, day_of_month = (first, second) if month_first else (second, first)
            day = datetime(year + 2000 if year < 100 else year, month, day_of_month).date()  # noqa: DTZ001  a day
        else:
            raise ValueError
        days.check(day, field=field)
    except (ValueError, Refusal):
        raise _Misfit(field, "not_a_day", "This is not a day as the file writes days.") from None
    return day


def _text(data: bytes) -> str:
    """Decode: by its mark, as UTF-8, or as Windows writes Western languages."""
    if len(data) > MAX_BYTES:
        raise TooManyEntries(field="file")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise NotACsvFile(field="file")


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    sample = text[:20_000]
    delimiter = max(";,\t|", key=lambda sign: _steadiness(sample, sign))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for count, cells in enumerate(reader):
            if count > MOST_ENTRIES + guesses.PREAMBLE:
                raise TooManyEntries(
                    f"The file holds more than {MOST_ENTRIES:,} entries. Export it in parts.", field="file"
                )
            yield reader.line_num, cells
    except csv.Error:
        raise NotACsvFile(f"The file stops being CSV at line {reader.line_num}.", field="file") from None


def _steadiness(sample: str, sign: str) -> int:
    """Tell how much like a table a sign cuts the lines: as many of it in as many lines; what is quoted is no cut."""
    counts = Counter(line.count(sign) for line in _QUOTED.sub("", sample).splitlines())
    return max((lines * min(count, 8) for count, lines in counts.items() if count), default=0)
