"""Rows of a spreadsheet as lines of a draft: as they are copied, and what is no row."""

from decimal import Decimal
from uuid import UUID

import pytest

from billing.tax.queries import TaxRateRow
from core import ids
from web.billing import pasting

_RATE = UUID("019a0000-0000-7000-8000-000000000001")


def rates(*percentages: str) -> list[TaxRateRow]:
    known = dict.fromkeys(TaxRateRow.__dataclass_fields__)
    return [TaxRateRow(**known | {"id": _RATE, "percentage": Decimal(each)}) for each in percentages]


def lines(text: str, *, room: int = 100) -> list[tuple[str, ...]]:
    found = pasting.lines(text, rates=rates("19"), usual="usual", room=room)
    return [
        tuple(each[name] for name in ("description", "quantity", "unit_amount", "tax_rate")) for each in found
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Care plan\t2\t249,00 €\n", [("Care plan", "2", "249,00", "usual")]),
        ("Care plan\t1.234,56", [("Care plan", "1", "1.234,56", "usual")]),
        ("Care plan", [("Care plan", "1", "", "usual")]),
        ("Item\tQuantity\tPrice\r\nCare\t2\tEUR 9.50\r\n\r\n", [("Care", "2", "9.50", "usual")]),
        ("Care;2;9.50;19 %", [("Care", "2", "9.50", ids.encode("tax_rate", _RATE))]),
        ("Care\t\t9.50", [("Care", "1", "9.50", "usual")]),
        ('"Two\nlines"\t1\t5', [("Two lines", "1", "5", "usual")]),
        ("Credit\t1\t\N{MINUS SIGN}5,00", [("Credit", "1", "\N{MINUS SIGN}5,00", "usual")]),
        # A first row is only left out when what follows looks otherwise.
        ("Care\tsoon\tsoon", [("Care", "soon", "soon", "usual")]),
    ],
)
def test_rows_are_lines(text: str, expected: list[tuple[str, ...]]) -> None:
    assert lines(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one row"),
        ("\t\t\n \t", "at least one row"),
        ("a\t1\t1\nb\t1\t1\nc\t1\t1", "These are 3 rows; this draft has room for 2"),
        ("a\t1\t1\t7 %", "Row 1: there is no tax rate of 7 %"),
        ("a\t1\t1\tmuch", "Row 1: “much” is no tax in per cent"),
        ("x" * 100_001, "more text than a draft takes"),
    ],
)
def test_what_is_no_row_says_why(text: str, words: str) -> None:
    with pytest.raises(pasting.Unreadable, match=words):
        lines(text, room=2)
