"""How documents are numbered, and which fiscal year a day is in."""

from datetime import date

import pytest

from billing.issuer import rules


@pytest.mark.parametrize("pattern", ["INV-{year}-{sequence}", "{year}/{sequence}", "{sequence}.{year}"])
def test_a_pattern_with_year_and_sequence_passes(pattern):
    assert rules.check_pattern(pattern) == pattern


@pytest.mark.parametrize(
    "pattern",
    ["INV-{sequence}", "INV-{year}", "{year}{sequence}{sequence}", "{year}-{sequence.__class__}",
     "{year}-{sequence}{", "", "{year}-{sequence}\n", "{year}-{sequence}é", "x" * 61, "{0}{year}{sequence}"],
)  # fmt: skip
def test_a_pattern_that_could_repeat_a_number_or_break_a_document_is_refused(pattern):
    with pytest.raises(rules.BadPattern):
        rules.check_pattern(pattern)


def test_a_number_is_written_without_any_formatting_language():
    assert rules.number("INV-{year}-{sequence}", fiscal_year=2026, sequence=7, digits=5) == "INV-2026-00007"
    assert rules.number("{sequence}/{year}", fiscal_year=2026, sequence=123456, digits=5) == "123456/2026"


@pytest.mark.parametrize(
    ("day", "starts_in", "year"),
    [
        (date(2026, 1, 1), 1, 2026),
        (date(2026, 3, 31), 4, 2025),
        (date(2026, 4, 1), 4, 2026),
        (date(2026, 12, 31), 4, 2026),
        (date(2026, 11, 30), 12, 2025),
    ],
)
def test_a_day_belongs_to_the_fiscal_year_that_began_before_it(day, starts_in, year):
    assert rules.fiscal_year(day, starts_in=starts_in) == year
