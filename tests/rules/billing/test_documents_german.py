"""A document speaks its customer's language: words, days and amounts, and nothing of another one."""

import io
import re
from dataclasses import replace

import pypdf

from billing.documents import pdf
from billing.documents.pdf import language
from tests.rules.test_billing_pdf import INVOICE, RECEIPT


def text_of(content: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


def test_a_german_invoice_is_german_throughout():
    said = text_of(pdf.invoice(replace(INVOICE, language="de")))
    for words in (
        "Rechnung",
        "Rechnungsnummer",
        "Zahlbar bis",
        "15. März 2026",
        "229,37",
        "Gesamtbetrag",
        "Kontoinhaber",
    ):
        assert words in said
    for words in ("Invoice", "Total", "Please pay", "Account holder", "Unit price", "Page 1"):
        assert words not in said


def test_a_german_receipt_and_credit_note_are_german():
    assert "Zahlungsbeleg" in text_of(pdf.receipt(replace(RECEIPT, language="de")))
    note = replace(INVOICE, language="de", title="Credit note", due_minor=0)
    said = text_of(pdf.invoice(note))
    # Not "Gutschrift", which is the customer's own bill (§ 14 (2) UStG), and the word of the pages.
    assert "Rechnungskorrektur" in said
    assert "Nummer der Rechnungskorrektur" in said
    assert "Gutschrift" not in said
    assert "nichts mehr zu zahlen" not in said


def test_a_german_quote_names_its_own_day():
    said = text_of(pdf.invoice(replace(INVOICE, language="de", title="Quote")))
    assert "Angebotsnummer" in said
    assert "Datum" in said
    assert "Rechnungsdatum" not in said


def test_every_word_of_the_templates_has_a_german_one_or_is_the_same():
    same = {"iban", "bic", "logo"}
    german = language.labels("de")
    assert {name for name, text in language.LABELS.items() if german[name] == text} == same


def test_what_has_no_words_of_ours_stays_as_it_is():
    assert language.say("Something of the customer's", "de") == "Something of the customer's"
    assert language.say("Invoice", "fr") == "Invoice"
