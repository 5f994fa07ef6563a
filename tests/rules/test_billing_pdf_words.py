"""Figures, days and addresses on a document, as people write them."""

from datetime import date
from decimal import Decimal

import pytest

from billing.documents.pdf import words


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (words.money(-123_450, "EUR"), "−€1,234.50"),
        (words.money(100, "JPY"), "JP¥100"),
        (words.money(1_000, "KWD"), "KWD\u00a01.000"),
        (words.money(123_450, "EUR", "de"), "1.234,50\u00a0€"),
        (words.price(Decimal("3.4567"), "EUR"), "3.4567"),
        (words.price(Decimal(3), "EUR"), "3.00"),
        (words.quantity(Decimal("1.50").normalize(), "HUR"), "1.5\u00a0h"),
        (words.quantity(Decimal(12), "C62"), "12"),
        (words.quantity(Decimal(2), "XYZ"), "2\u00a0XYZ"),
        (words.tax("S", Decimal("5.5")), "Tax 5.5\u202f%"),
        (words.tax("AE", Decimal(0)), "Reverse charge"),
        (words.rate("Z", Decimal(0)), "–"),
        (words.decimal(Decimal("-1234567.5"), 2, language="fr"), "−1\u202f234\u202f567,50"),
        (words.day(date(2026, 8, 14)), "14 Aug 2026"),
        (words.day(None), ""),
        (words.day(date(2026, 8, 14), "de"), "14. August 2026"),
        (words.day(date(2026, 8, 14), "xx-nonsense"), "14 Aug 2026"),
        (words.address({"line1": "1 Main St", "city": "Cork", "postal_code": "T12", "country": "IE"}),
         ("1 Main St", "T12 Cork", "Ireland")),
        (words.iban("DE89370400440532013000"), "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000"),
    ],
)  # fmt: skip
def test_values_are_written_as_people_write_them(written, expected):
    assert written == expected
