"""Tables that people bring along: any usual CSV, XLSX, and what must not be opened."""

import io
import re
import zipfile
from datetime import date

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment

from billing.exports import formats
from billing.imports import mapping, rules, tables
from core.cardnumbers import CardNumberRefused
from tests.make import files

CARD = "4111 1111 1111 1111"


def read(data: bytes) -> tuple[list[str], list[tables.Row]]:
    table = tables.read(data)
    return table.heads, list(table.rows)


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(";", "utf-8"), (",", "utf-8-sig"), ("\t", "utf-16"), ("|", "cp1252")]
)
def test_any_usual_csv_reads_the_same(delimiter, encoding):
    heads, rows = read(files.csv_file(files.people(3), delimiter=delimiter, encoding=encoding))
    assert heads == list(files.HEADS)
    assert [row.cells for row in rows] == files.people(3)
    assert [row.number for row in rows] == [2, 3, 4]


def test_a_workbook_reads_as_somebody_typed_it():
    data = files.workbook(
        [
            ["=1+1", 30, 12.5, date(2026, 1, 2), True, None, "x"],
            [None] * 7,
            ["Ada", 1e3, 0.1, "", False, "", "y"],
        ],
        heads=("name", "a", "b", "c", "d", "e", "f"),
    )
    _, rows = read(data)
    # Excel keeps what a formula came to; this one was never computed, and is not computed here.
    assert rows[0].cells == ["", "30", "12.5", "2026-01-02", "yes", "", "x"]
    assert rows[1].cells == ["Ada", "1000", "0.1", "", "no", "", "y"]
    assert [row.number for row in rows] == [2, 4]


def test_what_is_stored_reads_back_in_pieces():
    _, rows = read(files.csv_file([*files.people(50), ['"with; sign"', '"two', 'lines"']]))
    pieces = b"".join(tables.write(rows))
    cut = [pieces[at : at + 7] for at in range(0, len(pieces), 7)]
    back = list(tables.stored(cut))
    assert [(row.number, row.cells) for row in back] == [(row.number, row.cells) for row in rows]


def test_a_card_number_goes_no_further():
    _, rows = read(
        files.csv_file([["Ada", CARD, "x"], ["Linz", "4020", "0664 1234567"]], heads=("a", "b", "c"))
    )
    assert [row.cards for row in rows] == [(1,), ()]
    assert not any("4111" in cell for row in rows for cell in row.cells)
    assert rows[1].cells == ["Linz", "4020", "0664 1234567"]
    with pytest.raises(CardNumberRefused):
        read(files.csv_file([["x"]], heads=(CARD,)))


def test_a_text_that_an_export_kept_from_being_computed_comes_back():
    _, rows = read(files.csv_file([["'=1+1", "'quoted'", "-5"]], heads=("a", "b", "c")))
    assert rows[0].cells == ["=1+1", "'quoted'", "-5"]
    # A table program of another country parts cells at ; or a tab, whatever is quoted.
    for text in ("a;=1+1", 'a;"=1+1', "a\t@SUM(1)", "a\n-1", "=1;+1", "Linz, -5 °C; warm"):
        written = formats.neutral(text)
        assert not re.search(r'(^|[;,\t\n])"*[=+\-@]', written)
        assert formats.as_written(written) == text
    assert formats.neutral("Linz; 5 - 3 = 2, a@b") == "Linz; 5 - 3 = 2, a@b"
    assert [formats.cell(text) for text in ("-5.00", "-5;=1")] == ["-5.00", "'-5;'=1"]


# A workbook holds the moment it was made: it is no name that two processes would give to the same test.
@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"name\n", files.workbook([])], ids=["nothing", "lines", "heads", "workbook"]
)
def test_an_empty_table_is_refused(data):
    with pytest.raises(tables.EmptyTable):
        read(data)


def _doctype() -> bytes:
    """A workbook whose sheet declares an entity that would grow without end."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(files.workbook([["x"]], heads=("name",)))) as good,
        zipfile.ZipFile(out, "w") as bad,
    ):
        for part in good.infolist():
            text = good.read(part)
            if part.filename.endswith("sheet1.xml"):
                text = text.replace(
                    b"<worksheet", b'<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><worksheet', 1
                )
            bad.writestr(part, text)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 broken",
        files.workbook(files.people(2))[:-200],
        b"a,b\n\"c,d",
        b"\x00\x01\x02\xff\xfe" * 20,
        _doctype(),
    ],
    ids=["no archive", "half an archive", "half a quotation", "noise", "entities"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_and_nothing_else(data):
    with pytest.raises(tables.UnreadableTable):
        read(data)


def test_a_bomb_is_not_unpacked():
    data = files.bomb(150_000_000)
    assert len(data) < 1_000_000
    with pytest.raises(tables.TableTooLarge):
        read(data)


def test_too_much_is_refused_while_it_is_read(monkeypatch):
    monkeypatch.setattr(tables, "MOST_ROWS", 5)
    with pytest.raises(tables.TableTooLarge):
        read(files.csv_file(files.people(6)))
    with pytest.raises(tables.TableTooLarge):
        read(files.csv_file([["x" * 20_000]], heads=("name",)))
    with pytest.raises(tables.TableTooLarge):
        read(files.csv_file([["x"]], heads=[f"c{n}" for n in range(100)]))


def test_columns_are_guessed_from_the_words_of_many_programs():
    assert mapping.guess(files.HEADS) == [
        "name", "email", "line1", "postal_code", "city", "country", "tax_id", "reference", "payment_days",
    ]  # fmt: skip
    assert mapping.guess(["Company", "Name", "metadata.crm", "Shipping City", "odd"]) == [
        "name", "", "metadata", "delivery_city", "",
    ]  # fmt: skip
    assert mapping.guess(["odd"], {"odd": "phone"}) == ["phone"]


def test_a_mapping_must_fit():
    heads = ["a", "b"]
    assert mapping.check(heads, ["name", "metadata"]) == ["name", "metadata"]
    for wrong in (["name"], ["name", "name"], ["name", "id"], ["name", "import_id"], ["name", "state"]):
        with pytest.raises(rules.UnknownColumn):
            mapping.check(heads, wrong)
    with pytest.raises(rules.MissingColumn):
        mapping.check(heads, ["email", ""])


def test_a_row_becomes_what_a_customer_is_made_of():
    heads = [*files.HEADS, "crm"]
    columns = [*mapping.guess(files.HEADS), "metadata"]
    values = mapping.values(heads, columns, [*files.people(1)[0], "42"])
    assert values["payment_days"] == 30
    assert values["address"] == {"line1": "Weg 1", "postal_code": "1010", "city": "Wien", "country": "AT"}
    assert values["metadata"] == {"crm": "42"}


def _styled() -> bytes:
    made = openpyxl.Workbook()
    runs = [
        TextBlock(InlineFont(b=bold), text) for bold, text in ((True, "4111 1111 "), (False, "1111 1111"))
    ]
    made.active["A1"], made.active["A2"] = "name", CellRichText(*runs)
    return _saved(made)


def _beside(change) -> bytes:
    made = openpyxl.Workbook()
    made.active.append(["name"])
    made.active.append(["Ada"])
    change(made)
    return _saved(made)


def _saved(made: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda book: book.active.append([CARD]),
        lambda book: book.active.append([4111111111111111]),
        lambda book: book.active.append(["４１１１\u200b-1111-1111-1111"]),
        lambda book: book.create_sheet("Another").append(["x", CARD]),
        lambda book: setattr(book.active["A2"], "comment", Comment(CARD, "Ada")),
        lambda book: setattr(book.properties, "subject", CARD),
        lambda book: setattr(book.active, "title", CARD),
    ],
    ids=["text", "number", "other digits", "another sheet", "comment", "property", "name of a sheet"],
)
def test_a_workbook_with_a_card_number_anywhere_is_not_kept(change):
    with pytest.raises(CardNumberRefused):
        tables.search_workbook(_beside(change))


def test_a_card_number_in_two_styles_is_one_and_across_a_piece_too(monkeypatch):
    for piece in (1 << 20, 61):
        monkeypatch.setattr(tables, "_PIECE", piece)
        with pytest.raises(CardNumberRefused):
            tables.search_workbook(_styled())


def test_numbers_that_are_no_cards_do_not_keep_a_workbook_out():
    # Neighbours that would make one together, an IBAN, a fraction of sixteen digits, and one mark for all texts.
    rows = [["4111", "1111"], ["1111", "1111"], ["DE89 3704 0044 0532 0130 00"], [4111111.111111111]]
    tables.search_workbook(files.workbook(rows, heads=("name", "b")))
    with pytest.raises(tables.UnreadableTable):
        tables.search_workbook(b"PK\x03\x04 and no more")
