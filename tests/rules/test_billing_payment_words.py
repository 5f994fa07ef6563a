"""What a customer gives to their bank: the creditor reference and the QR code, judged by others' readers."""

import re
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iso11649

from billing.documents import epc, reference
from core import ids, qr

SERIES = UUID("019a0000-0000-7000-8000-0000000abcde")
YEAR = st.integers(min_value=1990, max_value=9999)
SEQUENCE = st.integers(min_value=1, max_value=2**31 - 1)
IBAN = "DE89370400440532013000"
BIC = "COBADEFFXXX"


def compose(series_id=SERIES, fiscal_year=2026, sequence=42):
    return reference.compose(series_id=series_id, fiscal_year=fiscal_year, sequence=sequence)


def test_a_reference_says_year_series_and_number():
    written = compose()
    assert written == f"RF{reference.check_digits('2026NF6Y0042')}2026NF6Y0042"
    assert ids.base32(SERIES).endswith("nf6y")
    assert reference.printed(written) == f"{written[:4]} 2026 NF6Y 0042"


@pytest.mark.parametrize("base", ["539007547034", "712348231", "2026NF6Y0042"])
def test_the_check_digits_are_those_of_the_standard(base):
    assert iso11649.is_valid(f"RF{reference.check_digits(base)}{base}")


def test_a_draft_has_no_reference():
    draft = SimpleNamespace(series_id=None, fiscal_year=None, sequence=None)
    assert reference.reference_of(draft) == ""


@settings(deadline=None)
@given(st.uuids(), YEAR, SEQUENCE)
def test_every_reference_is_one_of_the_standard_and_reads_back(series_id, fiscal_year, sequence):
    written = compose(series_id, fiscal_year, sequence)
    assert iso11649.is_valid(written)
    assert len(written) <= 25
    assert reference.printed(written) == iso11649.format(written)
    assert reference.read(reference.printed(written).lower()) == written
    assert (int(written[4:8]), int(written[12:])) == (fiscal_year, sequence)


@settings(deadline=None)
@given(st.uuids(), YEAR, SEQUENCE, st.data())
def test_one_wrong_character_or_two_swapped_are_told(series_id, fiscal_year, sequence, data):
    """A digit for a digit and a letter for a letter always; one for the other in 96 of 97 (ISO/IEC 7064)."""
    written = compose(series_id, fiscal_year, sequence)
    place = data.draw(st.integers(min_value=4, max_value=len(written) - 1))
    kind = "0123456789" if written[place].isdigit() else "ABCDEFGHJKMNPQRSTVWXYZ"
    other = data.draw(st.sampled_from(sorted(set(kind) - {written[place]})))
    assert reference.read(written[:place] + other + written[place + 1 :]) == ""
    following = written[place + 1 : place + 2]
    if following and following != written[place] and following.isdigit() == written[place].isdigit():
        swapped = written[:place] + following + written[place] + written[place + 2 :]
        assert reference.read(swapped) == ""


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_other_text_is_none_of_ours(text):
    read = reference.read(text)
    assert read == "" or iso11649.is_valid(read)


@pytest.mark.parametrize("base", ["2026NF6Y00042", "2026NF6Y0000", "2026NF6Y9999999999", "2026NF6Y42"])
def test_a_number_has_one_way_of_being_written(base):
    assert reference.read(f"RF{reference.check_digits(base)}{base}") == ""


def payload(**values):
    given = {"holder": "Acme GmbH", "iban": IBAN, "bic": BIC, "amount_minor": 123_456, "currency": "EUR",
             "reference": compose()}  # fmt: skip
    return epc.payload(**{**given, **values})


def test_a_code_holds_the_ten_lines_of_the_guideline():
    assert payload().split("\n") == [
        "BCD", "002", "1", "SCT", BIC, "Acme GmbH", IBAN, "EUR1234.56", "", compose(),
    ]  # fmt: skip
    assert payload(bic="").split("\n")[4] == ""


@pytest.mark.parametrize(("minor", "written"), [(1, "EUR0.01"), (10, "EUR0.1"), (100, "EUR1"), (120_000, "EUR1200"),
                                                (99_999_999_999, "EUR999999999.99")])  # fmt: skip
def test_an_amount_is_written_to_the_cent(minor, written):
    assert payload(amount_minor=minor).split("\n")[7] == written


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"currency": "CHF"}, "currency"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": 100_000_000_000}, "amount_minor"),
        ({"holder": ""}, "holder"),
        ({"holder": "x" * 71}, "holder"),
        ({"holder": "Acme\nEUR9999"}, "holder"),
        ({"holder": "株式会社"}, "holder"),
        ({"iban": "DE89 3704"}, "iban"),
        ({"iban": IBAN + "\n"}, "iban"),
        ({"bic": "COBA"}, "bic"),
        ({"reference": "Invoice 7"}, "reference"),
        ({"reference": ""}, "reference"),
    ],
)
def test_what_a_code_cannot_say_is_refused_and_draws_none(values, field):
    with pytest.raises(epc.NoCode) as refused:
        payload(**values)
    assert refused.value.field == field
    whole = {"holder": "Acme", "iban": IBAN, "bic": BIC, "amount_minor": 1, "currency": "EUR",
             "reference": compose(), **values}  # fmt: skip
    assert epc.code(**whole) is None


@settings(deadline=None)
@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=80),
    st.integers(min_value=-10, max_value=10**12),
    SEQUENCE,
)
def test_whatever_is_asked_a_code_keeps_the_guideline(holder, minor, sequence):
    try:
        written = payload(holder=holder, amount_minor=minor, reference=compose(sequence=sequence))
    except epc.NoCode:
        return
    lines = written.split("\n")
    assert len(lines) == 10
    assert len(written.encode()) <= 331
    assert len(lines[5]) <= 70
    assert Decimal(lines[7].removeprefix("EUR")) * 100 == minor
    assert segno.make(written, error="m", micro=False, boost_error=False, encoding="utf-8").version <= 13


def test_the_longest_payload_still_fits_the_largest_code():
    written = payload(holder="ü" * 70, amount_minor=99_999_999_999, iban="MT84MALT011000012345MTLCAST001S",
                      reference=compose(sequence=2**31 - 1))  # fmt: skip
    made = segno.make(written, error="m", micro=False, boost_error=False, encoding="utf-8")
    assert (made.error, made.version <= 13) == ("M", True)


def test_a_code_is_drawn_as_one_path_of_its_dark_modules():
    drawn = epc.code(
        holder="Grüße AG", iban=IBAN, bic="", amount_minor=1_00, currency="EUR", reference=compose()
    )
    made = segno.make(payload(holder="Grüße AG", bic="", amount_minor=1_00), error="m", micro=False,
                      boost_error=False, encoding="utf-8")  # fmt: skip
    assert drawn.side == made.symbol_size(border=4)[0]
    wide = sum(int(run) for run in re.findall(r"h(\d+)v1", drawn.path))
    assert wide == sum(sum(row) for row in made.matrix_iter(border=0))
    assert drawn == qr.draw(payload(holder="Grüße AG", bic="", amount_minor=1_00))
    assert drawn.svg().startswith(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawn.side} {drawn.side}">'
    )
