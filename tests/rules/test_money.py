"""Money is exact: rounding happens once, halves go away from zero, and parts always sum to their whole."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import money

MINOR = st.integers(min_value=-(10**12), max_value=10**12)
CURRENCY = st.sampled_from(["EUR", "JPY", "KWD"])


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("ISK", 0), ("HUF", 2), ("XOF", 0)],
)
def test_every_currency_has_its_own_decimals(currency, digits):
    assert money.exponent(currency) == digits


@pytest.mark.parametrize("code", ["", "eur", "EU", "EURO", "XXX", "XTS", "ABC"])
def test_what_is_no_currency_is_refused(code):
    with pytest.raises(money.UnknownCurrency) as refused:
        money.exponent(code)
    assert refused.value.code == "unknown_currency"


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("0.005", "EUR", 1),
        ("-0.005", "EUR", -1),
        ("0.0049999999999999999999999", "EUR", 0),
        ("2.675", "EUR", 268),
        ("0.5", "JPY", 1),
        ("1.0005", "KWD", 1001),
        ("12345678901.235", "EUR", 1234567890124),
    ],
)
def test_halves_are_rounded_away_from_zero(amount, currency, minor):
    assert money.to_minor(Decimal(amount), currency) == minor


@given(MINOR, CURRENCY)
def test_minor_units_survive_the_way_there_and_back(minor, currency):
    assert money.exact_minor(money.from_minor(minor, currency), currency) == minor
    assert money.Money(minor, currency).amount == money.from_minor(minor, currency)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=8), CURRENCY)
def test_rounding_is_never_off_by_more_than_half_a_minor_unit(amount, currency):
    off = abs(money.from_minor(money.to_minor(amount, currency), currency) - amount)
    assert off <= Decimal(1).scaleb(-money.exponent(currency)) / 2


def test_an_amount_finer_than_its_currency_is_refused_where_it_must_be_exact():
    with pytest.raises(money.AmountTooPrecise):
        money.exact_minor(Decimal("1.001"), "EUR")
    assert money.exact_minor(Decimal("1.100"), "EUR") == 110


def test_an_amount_beyond_any_invoice_is_refused():
    with pytest.raises(money.AmountTooLarge):
        money.to_minor(Decimal(10**14), "EUR")


def test_two_currencies_never_meet():
    for act in (
        lambda: money.Money(1, "EUR") + money.Money(1, "USD"),
        lambda: money.Money(1, "EUR") - money.Money(1, "USD"),
        lambda: money.Money(1, "EUR") < money.Money(1, "USD"),
        lambda: money.total([money.Money(1, "USD")], "EUR"),
    ):
        with pytest.raises(money.CurrenciesDiffer):
            act()


@given(MINOR, st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=40))
def test_parts_sum_to_the_whole_and_are_never_a_unit_off(total, weights):
    parts = money.allocate(total, weights)
    whole = sum(weights)
    assert sum(parts) == total
    shares = [Decimal(total) * w / whole if whole else Decimal(total) / len(weights) for w in weights]
    assert all(abs(part - share) < 1 for part, share in zip(parts, shares, strict=True))


@given(MINOR, st.lists(st.integers(min_value=0, max_value=100), min_size=1, max_size=9))
def test_a_refund_splits_as_its_charge_did(total, weights):
    assert money.allocate(-total, weights) == [-part for part in money.allocate(total, weights)]


def test_allocation_refuses_nonsense():
    assert money.allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert money.allocate(1, [0, 0]) == [1, 0]
    for weights in ([], [1, -1]):
        with pytest.raises(ValueError):
            money.allocate(1, weights)


@pytest.mark.parametrize(
    "text", ["", "1e5", "NaN", "Infinity", "1,000", "1.2.3", "０", "0x1", "--1", " ", "+", "."]
)
def test_only_plain_decimals_are_numbers(text):
    with pytest.raises(money.NotADecimal):
        money.decimal(text)


@pytest.mark.parametrize(
    ("text", "value"), [("12.50", "12.50"), ("-3", "-3"), (".5", "0.5"), ("7.", "7"), (" 1 ", "1")]
)
def test_plain_decimals_are_read(text, value):
    assert money.decimal(text) == Decimal(value)
