"""Rows copied from a spreadsheet become lines of a draft, to be looked at and changed before they are kept."""

import csv
import io
import re
from collections.abc import Mapping, Sequence

from billing.tax.queries import TaxRateRow
from core import ids
from web.kit.forms import read_amount

FIELD = "pasted"
_MOST_CHARACTERS = 100_000
_CURRENCY = re.compile(r"[€$£]|\b[A-Z]{3}\b")


def action_of(asked: str, data: Mapping[str, str]) -> str:
    """Return what is to be done: rows that wait become lines first, for saved without them they would be gone."""
    return "paste" if asked in ("save", "review") and data.get(FIELD, "").strip() else asked


class Unreadable(ValueError):
    """What was pasted becomes no lines; the words say why."""


def lines(text: str, *, rates: Sequence[TaxRateRow], usual: str, room: int) -> list[dict[str, str]]:
    """Return the lines that rows of a spreadsheet stand for, as they are typed.

    A row holds a description; description and unit price; or description, quantity, unit price and, if there is a
    fourth, the tax in per cent. A first row of headings is left out. `usual` is the tax of a row that names none.

    Raises:
        Unreadable: nothing is in it, there are more rows than `room`, or a row names a tax that is no rate of today.
    """
    if len(text) > _MOST_CHARACTERS:
        raise Unreadable("This is more text than a draft takes. Use the import for it.")
    delimiter = "\t" if "\t" in text else ";"
    rows = [
        [" ".join(cell.split()) for cell in row]
        for row in csv.reader(io.StringIO(text.strip("\r\n"), newline=""), delimiter=delimiter)
    ]
    rows = [row for row in rows if any(row)]
    if len(rows) > 1 and _is_heading(rows[0]) and not _is_heading(rows[1]):
        rows = rows[1:]
    if not rows:
        raise Unreadable("Paste at least one row: description, quantity, unit price.")
    if len(rows) > room:
        raise Unreadable(
            f"These are {len(rows)} rows; this draft has room for {room}. Use the import for more."
        )
    return [_line(row, number, rates, usual) for number, row in enumerate(rows, start=1)]


def _line(row: list[str], number: int, rates: Sequence[TaxRateRow], usual: str) -> dict[str, str]:
    description, *numbers = row
    quantity, price = ("1", *numbers, "")[:2] if len(numbers) < 2 else numbers[:2]
    return {
        "description": description,
        "quantity": quantity or "1",
        "unit_amount": _CURRENCY.sub("", price).strip(),
        "tax_rate": _rate(numbers[2], number, rates) if len(numbers) > 2 and numbers[2] else usual,
    }


def _rate(cell: str, number: int, rates: Sequence[TaxRateRow]) -> str:
    try:
        percentage = read_amount(cell.rstrip("% "), decimals=3)
    except ValueError as fault:
        raise Unreadable(f"Row {number}: “{cell}” is no tax in per cent.") from fault
    found = next((rate for rate in rates if rate.percentage == percentage), None)
    if found is None:
        raise Unreadable(
            f"Row {number}: there is no tax rate of {cell.rstrip('% ')} %. Add it in Settings, Tax rates."
        )
    return ids.encode("tax_rate", found.id)


def _is_heading(row: list[str]) -> bool:
    """Tell whether no cell after the first is a number: "Item, Quantity, Price"."""
    return len(row) > 1 and not any(_is_number(cell) for cell in row[1:])


def _is_number(cell: str) -> bool:
    try:
        read_amount(_CURRENCY.sub("", cell).rstrip("% "), decimals=3)
    except ValueError:
        return cell.count(",") + cell.count(".") > 0 and cell.strip("0123456789.,- ") == ""
    return True
