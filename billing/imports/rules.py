"""What a customers file must look like, and what a refused row is. Pure."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from billing.customers.rules import ADDRESS_FIELDS
from core.errors import FieldError, Invalid, Refusal

MOST_ROWS = 100_000
MAX_BYTES = 50 * 1024 * 1024
# What one request may hold a thread and a connection for; the command takes in more.
MAX_BYTES_OF_A_REQUEST = 1_000_000
_FIELDS = ("name", "email", "phone", "tax_id", "reference", "notes", "currency")
COLUMNS = (*_FIELDS, *ADDRESS_FIELDS)
# What other programs call these columns.
_ALIASES = {
    "e-mail": "email",
    "email_address": "email",
    "telephone": "phone",
    "vat_id": "tax_id",
    "vat_number": "tax_id",
    "number": "reference",
    "customer_number": "reference",
    "street": "line1",
    "address": "line1",
    "address_line1": "line1",
    "address_line2": "line2",
    "zip": "postal_code",
    "postcode": "postal_code",
    "state": "region",
    "note": "notes",
}


class NotACsvFile(Refusal):
    """The file cannot be read as CSV in UTF-8 with a header line."""

    code = "not_csv"


class UnknownColumn(Refusal):
    """The file has a column that no customer has."""

    code = "unknown_column"


class MissingColumn(Refusal):
    """The file has no column for something every customer has."""

    code = "missing_column"


class TooManyRows(Refusal):
    """The file holds more than can be imported at once."""

    code = "too_many_rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One row that was not taken in: where, which field, why. It never quotes the value."""

    row: int
    field: str
    code: str
    reason: str
    existing_id: UUID | None = None
    existing_kind: str = "invoice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an import did, or with a dry run would do."""

    created: list[UUID] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    # What was created: customer, invoice or credit_note.
    kind: str = "invoice"
    # How many records the file makes, or with a dry run would make.
    ready: int = 0
    total_minor: int = 0
    currency: str = ""
    dry_run: bool = False


def refusals(row: int, refusal: Refusal) -> list[Refused]:
    """Turn a refusal into refused rows, one a fault."""
    if isinstance(refusal, Invalid):
        return [_of(row, error) for error in refusal.errors]
    return [Refused(row=row, field=refusal.field, code=refusal.code, reason=refusal.message)]


def read_customers(data: bytes) -> Iterator[tuple[int, dict[str, object]]]:
    """Read a customers file of at most 100,000 rows: line number in the file, and the values for a customer.

    Raises:
        NotACsvFile, UnknownColumn, MissingColumn, TooManyRows: the file as a whole cannot be used.
    """
    if len(data) > MAX_BYTES:
        raise TooManyRows(field="file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotACsvFile from None
    if "\x00" in text:
        raise NotACsvFile
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        columns = [_column(name) for name in next(reader, [])]
        if "name" not in columns:
            raise MissingColumn("The file has no column called name.", field="name")
        if len(set(columns)) != len(columns):
            raise NotACsvFile("Two columns of the file have one name.")
        for count, cells in enumerate(reader, start=1):
            if count > MOST_ROWS:
                raise TooManyRows(f"The file holds more than {MOST_ROWS:,} rows. Split it.", field="file")
            if any(cell.strip() for cell in cells):
                yield reader.line_num, _values(columns, cells)
    except csv.Error:
        raise NotACsvFile(f"The file stops being CSV at line {reader.line_num}.") from None


def _of(row: int, error: FieldError) -> Refused:
    return Refused(row=row, field=error.pointer.lstrip("/"), code=error.code, reason=error.detail)


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _column(name: str) -> str:
    plain = name.strip().casefold().replace(" ", "_")
    plain = _ALIASES.get(plain, plain)
    if plain in _FIELDS or plain in ADDRESS_FIELDS or plain.startswith("metadata."):
        return plain
    raise UnknownColumn(
        f"The column “{name.strip()[:40]}” belongs to no field of a customer.", field=plain[:40]
    )


def _values(columns: list[str], cells: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    address: dict[str, str] = {}
    metadata: dict[str, str] = {}
    # Cells beyond the header belong to no field: they are looked at under their own name, and refused there.
    for name, cell in zip(columns, cells, strict=False):
        text = cell.strip()
        if name in ADDRESS_FIELDS:
            address[name] = text.upper() if name == "country" else text
        elif name.startswith("metadata."):
            metadata[name.removeprefix("metadata.")] = text
        else:
            values[name] = text
    if len(cells) > len(columns):
        values["extra"] = "cells"
    return {**values, "address": address, "metadata": metadata}
