"""Tax is computed once per rate on the sum, never line by line (EN 16931 BR-CO-17)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.tax import rules
from core import money

PERCENT = st.sampled_from([Decimal(text) for text in ("0", "5", "7", "7.7", "19", "20", "25.5", "9.975")])
AMOUNTS = st.lists(
    st.tuples(PERCENT, st.integers(min_value=-(10**9), max_value=10**9)), min_size=1, max_size=30
)


def rate(percentage, category=None):
    return rules.Rate(category or ("S" if percentage else "Z"), Decimal(percentage))


def test_one_rate_has_one_form():
    assert (
        rules.Rate("S", Decimal("19.00")) == rules.Rate("S", Decimal(19)) == rules.Rate("S", Decimal("1.9E1"))
    )
    assert str(rules.Rate("S", Decimal("1E+1")).percentage) == "10"
    assert len({rules.Rate("S", Decimal("7.70")), rules.Rate("S", Decimal("7.7"))}) == 1


@pytest.mark.parametrize(
    ("base", "percentage", "currency", "tax"),
    [(9999, "19", "EUR", 1900), (50, "1", "EUR", 1), (49, "1", "EUR", 0), (-50, "1", "EUR", -1),
     (105, "10", "JPY", 11), (1005, "5", "KWD", 50), (31486, "7", "EUR", 2204)],
)  # fmt: skip
def test_tax_is_rounded_once_half_away_from_zero(base, percentage, currency, tax):
    assert rules.tax_minor(base, Decimal(percentage), currency) == tax


@given(AMOUNTS)
def test_every_amount_is_in_exactly_one_base(amounts):
    taxes = rules.per_rate([(rate(percentage), amount) for percentage, amount in amounts], "EUR")
    assert sum(item.base_minor for item in taxes) == sum(amount for _, amount in amounts)
    assert len({item.rate for item in taxes}) == len(taxes) == len({percentage for percentage, _ in amounts})


@given(AMOUNTS)
def test_order_and_splitting_change_nothing(amounts):
    pairs = [(rate(percentage), amount) for percentage, amount in amounts]
    halves = [(r, part) for r, amount in pairs for part in money.allocate(amount, [1, 2])]
    assert (
        rules.per_rate(pairs, "EUR")
        == rules.per_rate(reversed(pairs), "EUR")
        == rules.per_rate(halves, "EUR")
    )


@given(AMOUNTS)
def test_the_tax_is_within_half_a_minor_unit_of_the_exact_one(amounts):
    for item in rules.per_rate([(rate(percentage), amount) for percentage, amount in amounts], "EUR"):
        assert abs(item.base_minor * item.rate.percentage / 100 - item.tax_minor) <= Decimal("0.5")


@pytest.mark.parametrize(
    ("category", "percentage", "refusal"),
    [
        ("S", "0", rules.PercentageNotAllowed),
        ("Z", "1", rules.PercentageNotAllowed),
        ("AE", "19", rules.PercentageNotAllowed),
        ("O", "19", rules.PercentageNotAllowed),
        ("S", "100.1", rules.PercentageNotAllowed),
        ("L", "-1", rules.PercentageNotAllowed),
        ("X", "19", rules.UnknownTaxCategory),
        ("", "0", rules.UnknownTaxCategory),
    ],
)
def test_a_category_and_a_percentage_must_go_together(category, percentage, refusal):
    with pytest.raises(refusal):
        rules.check(rules.Rate(category, Decimal(percentage)))


@pytest.mark.parametrize(
    ("category", "percentage"), [("S", "19"), ("Z", "0"), ("AE", "0"), ("L", "0"), ("M", "7")]
)
def test_the_allowed_ones_pass(category, percentage):
    wanted = rules.Rate(category, Decimal(percentage))
    assert rules.check(wanted) is wanted
