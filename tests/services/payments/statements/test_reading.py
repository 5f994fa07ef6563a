"""Banks' files are read to the cent in every format, and what is no honest statement is refused unread."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import cardnumbers, ids
from core.errors import Refusal
from payments.statements import camt, csvfile, entries, guesses
from payments.statements.csvfile import Layout
from payments.statements.entries import Entry

DATA = Path(__file__).parents[3] / "data" / "statements"


def sample(name: str) -> bytes:
    return (DATA / name).read_bytes()


def table(name: str, currency: str = "EUR") -> csvfile.Table:
    return csvfile.table(sample(name), currency=currency)


def test_camt_of_version_two() -> None:
    (statement,) = camt.read(sample("camt053-02.xml"))
    assert (statement.reference, statement.iban, statement.currency) == (
        "2026-042", "DE75512108001245126199", "EUR",
    )  # fmt: skip
    assert (statement.opening_minor, statement.closing_minor) == (100_000, 142_950)
    first, ada, grace, fees, returned = statement.entries
    assert first == Entry(
        booked_on=date(2026, 3, 2),
        value_on=date(2026, 3, 3),
        currency="EUR",
        amount_minor=11_900,
        name="Blue Mill Bakery Ltd",
        iban="DE02120300000000202051",
        reference="RF18 5390 0754 7034",
        end_to_end="ORDER-77",
        bank_reference="BANK-1",
    )
    # A collected entry is taken apart; what its parts say is theirs.
    assert (ada.amount_minor, ada.name, ada.iban, ada.text, ada.end_to_end) == (
        15_000, "Ada Lovelace", "0012345678", "Invoice INV-2026-0001 thank you", "",
    )  # fmt: skip
    assert (grace.amount_minor, grace.name, grace.is_covered) == (25_000, "Grace Hopper", True)
    assert grace.text == "Paid with card •••• •••• •••• ••••"
    assert (fees.amount_minor, fees.text, fees.is_reversal) == (-3_950, "Account fees", False)
    assert (returned.amount_minor, returned.name, returned.is_reversal) == (
        -5_000,
        "Old Pier Logistics",
        True,
    )


@pytest.mark.parametrize("version", ["08", "13"])
def test_camt_of_later_versions(version: str) -> None:
    (statement,) = camt.read(sample(f"camt053-{version}.xml"))
    assert (statement.currency, statement.opening_minor, statement.closing_minor) == ("CHF", -2_000, 28_000)
    paid, charged = statement.entries
    assert (paid.amount_minor, paid.name, paid.text, paid.bank_reference, paid.end_to_end) == (
        32_000, "Müller & Söhne AG", "Rechnung 2026-7", "T-1", "E-1",
    )  # fmt: skip
    assert (charged.amount_minor, charged.name) == (-2_000, "Bank")


def test_entries_that_do_not_explain_the_balance_are_refused_by_name() -> None:
    wrong = sample("camt053-02.xml").replace(b">119.00<", b">119.01<")
    with pytest.raises(entries.BalanceWrong) as refused:
        camt.read(wrong)
    assert "2026-042" in refused.value.message
    assert "1 minor units of EUR" in refused.value.message


def test_parts_that_do_not_add_up_leave_an_entry_whole() -> None:
    data = sample("camt053-02.xml").replace(b'Ccy="EUR">250.00<', b'Ccy="USD">250.00<')
    (statement,) = camt.read(data)
    whole = statement.entries[1]
    assert (whole.amount_minor, whole.name) == (40_000, "")
    assert "INV-2026-0001" in whole.text


BOMB = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">&b;</Document>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">&a;</Document>"""
EMPTY = b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt/></Document>'


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (BOMB, "xml_entity_refused"),
        (OUTSIDE, "xml_external_entity_refused"),
        (b'<!DOCTYPE d SYSTEM "http://evil.example/d.dtd"><d/>', "xml_external_entity_refused"),
        (b"<Document>", "not_xml"),
        (b"<Document/>", "not_a_statement"),
        (EMPTY.replace(b"camt.053", b"camt.054"), "not_a_statement"),
        (EMPTY, "statement_empty"),
        (b"<a>" * 61 + b"</a>" * 61, "xml_too_large"),
        (sample("camt053-02.xml").replace(b">119.00<", b">1e9<"), "entry_unreadable"),
        (sample("camt053-02.xml").replace(b">119.00<", b">119.001<"), "entry_unreadable"),
        (sample("camt053-02.xml").replace(b">119.00<", b">-119.00<"), "entry_unreadable"),
        (sample("camt053-02.xml").replace(b"2026-03-02</Dt></BookgDt>", b"9999-12-31</Dt></BookgDt>"),
         "entry_unreadable"),
        (sample("camt053-02.xml").replace(b'"EUR">119', b'"XXX">119'), "entry_unreadable"),
    ],
)  # fmt: skip
def test_what_is_no_honest_statement_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        camt.read(data)
    assert refused.value.code == code


def test_a_german_table_with_lines_above_it_in_windows_letters() -> None:
    found = table("german.csv")
    statement = csvfile.read(found, found.guess)
    assert (found.guess.decimal_comma, found.guess.month_first, statement.unread) == (True, False, [])
    assert [(each.booked_on.day, each.amount_minor, each.name) for each in statement.entries] == [
        (2, 119_000, "Müller GmbH"), (3, -8_520, "Stadtwerke"), (31, 5, "Müller GmbH"),
    ]  # fmt: skip
    assert statement.entries[0].text == "Rechnung INV-2026-0001; danke"
    assert statement.entries[0].iban == "DE02120300000000202051"


def test_an_english_table_with_a_mark_and_two_columns_of_money() -> None:
    found = table("english.csv", "USD")
    statement = csvfile.read(found, found.guess)
    assert (found.guess.decimal_comma, found.guess.month_first) == (False, True)
    assert [(each.booked_on, each.amount_minor) for each in statement.entries] == [
        (date(2026, 3, 25), 125_050), (date(2026, 3, 4), -200_000), (date(2026, 3, 26), 99),
    ]  # fmt: skip


def test_a_dutch_table_in_wide_letters_with_a_column_for_the_direction() -> None:
    found = table("dutch.csv")
    statement = csvfile.read(found, found.guess)
    assert [(each.amount_minor, each.name) for each in statement.entries] == [
        (25_000, "J. de Vries"), (-9_995, "Gemeente"),
    ]  # fmt: skip


def test_a_table_without_heads_is_guessed_from_what_stands_in_it() -> None:
    found = table("bare.csv")
    assert (found.guess.has_head, found.guess.columns) == (
        False, {"date": 0, "name": 1, "text": 2, "amount": 3},
    )  # fmt: skip
    assert [each.amount_minor for each in csvfile.read(found, found.guess).entries] == [11_900, 23_850]


def test_a_persons_mapping_is_followed() -> None:
    found = csvfile.table(b"When,Who,What\n01/02/2026,Ann,10\n", currency="GBP")
    mapping = Layout(
        columns={"date": 0, "name": 1, "amount": 2}, month_first=True, decimal_comma=False, currency="GBP"
    )
    (entry,) = csvfile.read(found, mapping).entries
    assert (entry.booked_on, entry.amount_minor, entry.currency) == (date(2026, 1, 2), 1_000, "GBP")


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ("31.02.2026;1,00", "date", "not_a_day"),
        ("01.01.1999;1,00", "date", "not_a_day"),
        ("01.01.2026;1,0,0", "amount", "not_an_amount"),
        ("01.01.2026;1.00,00", "amount", "not_an_amount"),
        ("01.01.2026;=1+1", "amount", "not_an_amount"),
        ("01.01.2026;1,001", "amount", "amount_too_precise"),
        ("01.01.2026;99999999999999999999", "amount", "amount_too_large"),
        ("01.01.2026;", "amount", "required"),
    ],
)
def test_a_row_that_does_not_fit_is_named_and_left_out(row: str, field: str, code: str) -> None:
    found = csvfile.table(f"Date;Amount\n02.01.2026;5,50\n{row}\n".encode(), currency="EUR")
    statement = csvfile.read(found, found.guess)
    assert [each.amount_minor for each in statement.entries] == [550]
    assert [(each.row, each.field, each.code) for each in statement.unread] == [(3, field, code)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "statement_empty"),
        (b"\n\n", "statement_empty"),
        (b"Date;Amount\n", "statement_empty"),
        (b"Date;Amount\n\x00;1\n", "not_csv"),
        (b'Date;Amount\n"2026-01-01;1', "not_csv"),
        (b"Date;Amount\n2026-01-01;0,00\n", "statement_empty"),
        (b"a;b\nc;d\n", "missing_column"),
        (b"Date;Amount\n" + b"2026-01-01;1\n" * 10_001, "too_many_entries"),
        (b";".join([b"x"] * 61) + b"\n" + b";".join([b"y"] * 61), "not_csv"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        found = csvfile.table(data, currency="EUR")
        csvfile.read(found, found.guess)
    assert refused.value.code == code


def test_ten_thousand_lines_are_read() -> None:
    rows = "".join(f"2026-01-{day % 28 + 1:02};{day},00;Customer {day}\n" for day in range(1, 10_001))
    found = csvfile.table(f"Date;Amount;Name\n{rows}".encode(), currency="EUR")
    statement = csvfile.read(found, found.guess)
    assert len(statement.entries) == 10_000
    assert sum(each.amount_minor for each in statement.entries) == 100 * sum(range(1, 10_001))


def test_letters_are_read_by_their_heads_words() -> None:
    assert guesses.by_heads(["Booking Date", "Amount (EUR)", "Counterparty name", "Memo", "Description"]) == {
        "date": 0, "amount": 1, "name": 2, "text": 4, "text_2": 3,
    }  # fmt: skip


@given(st.integers(-(10**13), 10**13), st.sampled_from([",", "."]))
def test_every_amount_is_read_as_it_was_written(minor: int, mark: str) -> None:
    whole, cents = divmod(abs(minor), 100)
    grouped = f"{whole:,}".replace(",", "." if mark == "," else ",")
    text = f"{'-' if minor < 0 else ''}{grouped}{mark}{cents:02}"
    read = csvfile._amount(text, mark == ",", "EUR", "amount")
    assert read == minor


@given(st.text(max_size=300))
def test_no_card_number_comes_through(words: str) -> None:
    assert not cardnumbers.contains_card_number(entries.cover(f"{words} 4111-1111 1111.1111 {words}"))


@given(st.binary(max_size=2_000))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (
        camt.read,
        lambda raw: csvfile.read(found := csvfile.table(raw, currency="EUR"), found.guess),
    ):
        try:
            read(data)
        except Refusal as refusal:
            assert refusal.code != "refused"
    assert ids.uuid7().version == 7
