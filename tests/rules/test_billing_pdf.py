"""Documents as PDF: what stands on them, that no text can be more than text, and that they can be archived."""

import io
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256

import pypdf
import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.documents import pdf, reference
from billing.documents.pdf import compiler, coverage, values, words
from core.money import Money

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
D = Decimal
SELLER = pdf.Party(
    name="Northwind Instruments GmbH",
    address=("Hafenstraße 12", "20457 Hamburg", "Germany"),
    tax_id="DE123456789",
    email="billing@northwind.example",
)
BUYER = pdf.Party(name="Blue Mill Bakery Ltd", address=("4 Canal Walk", "H91 X2Y3 Galway", "Ireland"))
BANK = pdf.BankDetails(
    holder="Northwind Instruments GmbH",
    iban="DE89370400440532013000",
    bic="COBADEFFXXX",
    changed_on=date(2025, 6, 3),
)
REFERENCE = f"RF{reference.check_digits('2026K7QZ0042')}2026K7QZ0042"


def line(text="Calibration", **values):
    given = {"description": text, "quantity": D("1.5"), "unit_code": "HUR", "unit_amount": D("128.5"),
             "category": "S", "percentage": D(19), "net_minor": 19_275}  # fmt: skip
    return pdf.Line(**{**given, **values})


INVOICE = pdf.InvoiceDocument(
    number="INV-2026-00042",
    at=AT,
    seller=SELLER,
    buyer=BUYER,
    issued_on=date(2026, 3, 1),
    due_on=date(2026, 3, 15),
    references=(("Your reference", "PO-7781"),),
    currency="EUR",
    lines=(line(),),
    taxes=(pdf.Tax(category="S", percentage=D(19), base_minor=19_275, tax_minor=3_662),),
    subtotal_minor=19_275,
    total_minor=22_937,
    due_minor=22_937,
    note="Thank you for your order.",
    bank=BANK,
    reference=REFERENCE,
    pay_url="https://pay.example/pay/9f3kq2v7c1x8m5d0a4b6",
    check_url="https://billing.example/p/northwind/bank-details",
)
RECEIPT = pdf.ReceiptDocument(
    number="R-0190",
    at=AT,
    seller=SELLER,
    buyer=BUYER,
    paid_on=date(2026, 3, 5),
    amount=Money(60_000, "EUR"),
    method="Visa ending 4242",
    invoices=(
        pdf.PaidInvoice(number="INV-2026-00042", amount_minor=22_937, issued_on=date(2026, 3, 1)),
        pdf.PaidInvoice(number="INV-2026-00043", amount_minor=5_000, left_minor=2_000),
    ),
    credit_minor=32_063,
    check_url="https://billing.example/p/northwind/bank-details",
)


def opened(made):
    return pypdf.PdfReader(io.BytesIO(made))


def text_of(made):
    """Return everything a reader can copy out; every kind of white space as one blank."""
    whole = "\n".join(page.extract_text() for page in opened(made).pages)
    return re.sub(r"\s+", " ", whole.replace("\u200b", ""))


def test_an_invoice_says_what_it_is_about():
    text = text_of(pdf.invoice(INVOICE))
    for said in (
        "INV-2026-00042", "1 Mar 2026", "15 Mar 2026", "PO-7781", "Blue Mill Bakery Ltd", "H91 X2Y3 Galway",
        "Calibration", "1.5 h", "128.50", "19 %", "192.75", "Tax 19 % €36.62", "Total €229.37",
        "Thank you for your order.", "Page 1 of 1", "DE123456789",
    ):  # fmt: skip
        assert said in text


def test_it_says_how_to_pay_and_where_to_check_the_details():
    text = text_of(pdf.invoice(INVOICE))
    for said in (
        "Please pay €229.37 by 15 Mar 2026", "DE89 3704 0044 0532 0130 00", "COBADEFFXXX",
        reference.printed(REFERENCE), "We never change bank details by e-mail.", "last changed on 3 Jun 2025",
        "https://billing.example/p/northwind/bank-details", "https://pay.example/pay/9f3kq2v7c1x8m5d0a4b6",
        "Scan with your bank’s app",
    ):  # fmt: skip
        # An address may break over two lines.
        assert said.replace(" ", "").replace("’", "'") in text.replace(" ", "").replace("’", "'")
    links = [
        note.get_object()["/A"]["/URI"]
        for page in opened(pdf.invoice(INVOICE)).pages
        for note in page["/Annots"]
    ]
    assert set(links) == {INVOICE.pay_url, INVOICE.check_url}


def test_what_people_copy_holds_no_break_that_they_cannot_see():
    made = pdf.invoice(INVOICE)
    whole = "\n".join(page.extract_text() for page in opened(made).pages)
    assert "\u200b" not in whole
    assert "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000" in whole
    assert reference.printed(REFERENCE).replace(" ", "\u00a0") in whole


def test_what_is_partly_paid_asks_for_the_rest_and_what_is_paid_for_nothing():
    part = text_of(pdf.invoice(replace(INVOICE, paid_minor=10_000, due_minor=12_937)))
    assert "Paid −€100.00" in part
    assert "Amount due €129.37" in part
    assert "Please pay €129.37" in part
    whole = text_of(pdf.invoice(replace(INVOICE, paid_minor=22_937, due_minor=0)))
    assert "Nothing is left to pay." in whole
    assert "Please pay" not in whole
    assert "DE89" not in whole


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (pdf.Mark.VOID, "Voided on 4 Mar 2026. Nothing is owed on this invoice."),
        (pdf.Mark.DRAFT, "A draft: nothing is owed yet"),
    ],
)
def test_what_is_not_to_be_paid_is_marked_and_names_no_account(mark, said):
    text = text_of(pdf.invoice(replace(INVOICE, mark=mark, voided_on=date(2026, 3, 4))))
    assert said in text
    assert f"Invoice, {mark.value}" in text
    assert mark.value.upper() in text
    assert "DE89" not in text
    assert "Please pay" not in text
    assert INVOICE.pay_url not in text


def test_without_an_account_or_a_link_no_way_to_pay_is_shown():
    text = text_of(pdf.invoice(replace(INVOICE, bank=None, pay_url="")))
    assert "Please pay" not in text
    assert "We never change bank details by e-mail." in text


def test_a_code_is_there_for_euros_only():
    assert values.of_invoice(INVOICE)["pay"]["bank"]["code"].startswith("<svg")
    francs = replace(INVOICE, currency="CHF")
    assert values.of_invoice(francs)["pay"]["bank"]["code"] == ""
    assert "Scan with" not in text_of(pdf.invoice(francs))
    assert "CHF 229.37" in text_of(pdf.invoice(francs))


def test_many_lines_go_over_pages_that_repeat_their_head_and_count():
    lines = tuple(line(f"Work number {index}") for index in range(200))
    pages = [page.extract_text() for page in opened(pdf.invoice(replace(INVOICE, lines=lines))).pages]
    assert len(pages) > 4
    for index, page in enumerate(pages, 1):
        flat = re.sub(r"\s+", " ", page)
        assert f"Page {index} of {len(pages)}" in flat
        assert "INV-2026-00042" in flat
        if "Work number" in flat:
            assert "Unit price" in flat
    # What the lines come to so far is carried from each page to the next, to the cent.
    carried = [re.findall(r"Carried forward ([\d,.]+)", re.sub(r"\s+", " ", page)) for page in pages]
    so_far = [words.amount(19_275 * page.count("Work number"), "EUR") for page in pages]
    assert carried[0] == [so_far[0]]
    assert [found[0] for found in carried[1:-1]] == [found[-1] for found in carried[:-2]]
    assert [found for found in carried if len(found) > 2] == []
    # Compact is the same on fewer sheets.
    dense = opened(pdf.invoice(replace(INVOICE, lines=lines, look=pdf.Look(layout=pdf.Layout.COMPACT))))
    assert len(dense.pages) * 4 <= len(pages) * 3
    whole = " ".join(pages)
    assert [int(found) for found in re.findall(r"Work number (\d+)", whole)] == list(range(200))


def test_long_figures_keep_to_their_columns():
    odd = line(quantity=D(3), unit_amount=D("333.333333333333"), percentage=D("5.555555"))
    (page,) = opened(pdf.invoice(replace(INVOICE, lines=(odd,)))).pages
    said = page.extract_text(extraction_mode="layout")
    assert re.search(r"3\sh +333\.333333333333 +5\.555555\s% +192\.75", said)


def test_a_fingerprint_and_a_signature_stay_on_the_paper_and_leave_their_labels_room():
    facts = pdf.ReportTable(
        title="What it says",
        head=("Of what", "Value"),
        rows=(("Newest known at folder", "manifest " + "f8bd867b" * 8), ("Result", "Passed")),
    )
    made = pdf.report(
        pdf.ReportDocument(
            at=AT, seller=SELLER, title="Restore drill", about="", note="2cc278f2" * 16, tables=(facts,)
        )
    )
    said = opened(made).pages[0].extract_text(extraction_mode="layout").replace("\u200b", "")
    assert "Newest known at folder" in said
    assert "2cc278f2" * 16 not in said
    assert "2cc278f2" * 16 in re.sub(r"\s", "", said)


def test_a_rate_that_charges_nothing_says_why():
    reverse = (pdf.Tax(category="AE", percentage=D(0), base_minor=19_275, tax_minor=0),)
    text = text_of(
        pdf.invoice(replace(INVOICE, taxes=reverse, lines=(line(category="AE", percentage=D(0)),)))
    )
    assert "Reverse charge: the customer owes the tax." in text
    worded = (replace(reverse[0], reason="§ 13b UStG"),)
    assert "§ 13b UStG" in text_of(pdf.invoice(replace(INVOICE, taxes=worded)))


def test_several_taxes_say_what_each_is_computed_from():
    both = (
        pdf.Tax(category="S", percentage=D(19), base_minor=19_275, tax_minor=3_662),
        pdf.Tax(category="S", percentage=D(7), base_minor=10_000, tax_minor=700),
    )
    text = text_of(pdf.invoice(replace(INVOICE, taxes=both)))
    assert "Tax Net Tax amount Tax 19 % 192.75 36.62 Tax 7 % 100.00 7.00" in text.replace("\u202f", " ")
    assert "Tax amount" not in text_of(pdf.invoice(INVOICE))


def test_a_receipt_says_what_was_paid_and_what_became_of_it():
    text = text_of(pdf.receipt(RECEIPT))
    for said in (
        "We received €600.00", "Visa ending 4242", "5 Mar 2026", "R-0190", "INV-2026-00042", "229.37",
        "INV-2026-00043", "50.00", "20.00", "Kept as credit €320.63", "We never change bank details by e-mail.",
    ):  # fmt: skip
        assert said in text
    assert "Refunded since −€5.00" in text_of(pdf.receipt(replace(RECEIPT, refunded_minor=500)))


def test_the_same_document_is_the_same_bytes_in_every_thread():
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: pdf.invoice(INVOICE), range(12)))
    assert set(made) == {pdf.invoice(INVOICE)}
    assert pdf.receipt(RECEIPT) == pdf.receipt(RECEIPT)
    assert pdf.invoice(replace(INVOICE, note="Another")) != pdf.invoice(INVOICE)


@pytest.mark.parametrize("made", [pdf.invoice(INVOICE), pdf.receipt(RECEIPT)], ids=["invoice", "receipt"])
def test_a_document_can_be_archived_and_read_aloud(made):
    file = opened(made)
    about = file.xmp_metadata.stream.get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in about
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in about
    assert "<pdfuaid:part>1</pdfuaid:part>" in about
    root = file.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en"
    assert file.metadata.title in ("Invoice INV-2026-00042", "Receipt R-0190")
    assert file.metadata.author == SELLER.name
    assert not {"/OpenAction", "/AA", "/AcroForm"} & set(root)
    for page in file.pages:
        for font in page["/Resources"]["/Font"].values():
            (drawn,) = font.get_object()["/DescendantFonts"]
            assert {"/FontFile2", "/FontFile3"} & set(drawn.get_object()["/FontDescriptor"])


HOSTILE = [
    '#eval("1+1")', '#read("/etc/passwd")', '#import "@preview/cetz:0.3.0": *', "*bold* _slant_ `raw` $x^2$",
    "= Heading", "- list", "<label> @cite", '"); #panic("x")', "\\u{41}", "{{ 7*7 }}", "#sys.inputs", "// no comment",
    "/* nor this */", "#let x = 1", '#image("invoice.typ")', "https://evil.example", "~ --- ... -? '\"",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_looks_like_source_stands_there_as_it_was_written(text):
    hostile = replace(
        INVOICE,
        buyer=replace(BUYER, name=text),
        lines=(line(text, details=(text,)),),
        note=text,
        references=(("Your reference", text),),
    )
    made = pdf.invoice(hostile)
    squeezed = re.sub(r"\s+", "", text_of(made))
    assert squeezed.count(re.sub(r"\s+", "", text)) >= 4
    assert "/Annots" not in opened(made).pages[0] or len(opened(made).pages[0]["/Annots"]) <= 3


def test_a_template_reads_nothing_outside_its_folder(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    outside = typst.Compiler(
        f'#read("{tmp_path}/secret.txt")'.encode(), root=compiler.TEMPLATES, ignore_system_fonts=True
    )
    with pytest.raises(typst.TypstError):
        outside.compile(format="pdf")


TROUBLE = (
    "#$*_`\\<>@=-+/~\"'[]{}();:\u202e\u2066\u200b\u200d\ufeff\u0301\u05b0\u064e"
    "\N{GRINNING FACE}א漢\ue000\x00\x1b\n\r\t"
)
CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXT = st.one_of(
    st.text(CHARACTERS, max_size=80),
    st.text(st.sampled_from(TROUBLE), max_size=40),
    st.sampled_from(HOSTILE),
    st.integers(min_value=1, max_value=400).map(lambda count: "W" * count),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(name=TEXT, where=TEXT, what=TEXT, note=TEXT)
def test_any_text_whatever_ends_as_a_document(name, where, what, note):
    document = replace(
        INVOICE,
        seller=replace(SELLER, name=note, address=(where, what)),
        buyer=pdf.Party(name=name, address=(where, what), tax_id=note, email=what),
        references=(("Your reference", where),),
        lines=(line(what, details=(note,)), line(name)),
        taxes=(pdf.Tax(category="E", percentage=D(0), base_minor=1, tax_minor=0, reason=name),),
        note=note,
        bank=replace(BANK, holder=name),
    )
    # With one accented "0" the file says of each "0" that it has the accent; none is seen.
    text = "".join(each for each in text_of(pdf.invoice(document)) if not unicodedata.combining(each))
    assert "INV-2026-00042" in text
    assert "Total €229.37" in text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\ufeff]", text)


DRAWN = frozenset().union(
    *(coverage.characters_of((coverage.FONTS / name).read_bytes()) for name in coverage.FILES)
)


@settings(deadline=None)
@given(st.text(CHARACTERS, max_size=200))
def test_only_characters_of_our_fonts_are_left(text):
    shown = coverage.showable(text)
    assert all(letter == "\n" or ord(letter) in DRAWN for letter in shown)
    assert coverage.showable(shown) == shown


def test_what_no_font_has_is_seen_to_be_missing():
    assert coverage.showable("A 漢字 B") == "A □□ B"
    assert coverage.showable("a\u202eb\u200bc\ufeff\x07") == "abc "
    assert coverage.showable("Ärzte, Ελλάδα, Привет, שלום, مرحبا") == "Ärzte, Ελλάδα, Привет, שלום, مرحبا"
    assert coverage.showable("one\r\ntwo\rthree") == "one\ntwo\nthree"


def test_the_fonts_are_the_published_ones():
    rows = re.findall(
        r"\| `([^`]+\.ttf)` \| .* \| `([0-9a-f]{64})` \|", (coverage.FONTS / "README.md").read_text()
    )
    there = {path.name: sha256(path.read_bytes()).hexdigest() for path in coverage.FONTS.glob("*.ttf")}
    assert dict(rows) == there
    assert set(coverage.FILES) <= set(there)


def test_every_field_of_a_document_reaches_its_template():
    shown = {field.name for field in fields(pdf.InvoiceDocument)}
    source = (compiler.TEMPLATES.parent / "values.py").read_text()
    assert all(f"document.{name}" in source for name in shown - {"at", "logo"})
