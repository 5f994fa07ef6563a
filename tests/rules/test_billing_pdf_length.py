"""A document of very many lines: what is set, and what is refused before anything is set."""

from dataclasses import replace

import pytest

from billing.documents import pdf
from billing.documents.pdf import values
from tests.calls import calls_of
from tests.rules.test_billing_pdf import INVOICE, line


def long(lines: int) -> pdf.InvoiceDocument:
    return replace(INVOICE, lines=tuple(line(f"Calibration {number}") for number in range(lines)))


def test_more_lines_than_paper_holds_are_refused_at_once() -> None:
    document = long(pdf.MOST_LINES + 1)
    for make in (pdf.invoice, pdf.version):
        with calls_of(values._line) as lines:
            with pytest.raises(pdf.TooManyForPaper, match=r"5,000 lines.*XML.*CSV"):
                make(document)
            assert lines == []
            make(long(1))
            assert len(lines) == 1


def test_a_thousand_lines_are_set() -> None:
    made = pdf.invoice(long(1_000))
    assert made.startswith(b"%PDF-")
    assert len(made) < 5_000_000
