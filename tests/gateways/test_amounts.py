"""Amounts as Stripe counts them: the documented special currencies, and nothing rounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import money
from core.money import Money
from payments.gateways import amounts
from payments.gateways.base import GatewayRefused, GatewayUnsure


@pytest.mark.parametrize(
    ("ours", "currency", "theirs"),
    [
        (19_99, "EUR", 19_99),
        (500, "JPY", 500),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (5_000, "HUF", 5_000),
        (5_000, "TWD", 5_000),
        (1_230, "KWD", 1_230),
        (1_500, "MGA", 15),
        (500, "XOF", 500),
    ],
)
def test_there_and_back(ours: int, currency: str, theirs: int) -> None:
    assert amounts.to_stripe(Money(ours, currency)) == theirs
    assert amounts.from_stripe(theirs, currency.lower()) == Money(ours, currency)


@pytest.mark.parametrize(("minor", "currency"), [(1_234, "KWD"), (1, "BHD"), (1_505, "OMR"), (15_50, "MGA")])
def test_an_amount_that_cards_cannot_pay_exactly_is_refused_and_never_rounded(
    minor: int, currency: str
) -> None:
    with pytest.raises(GatewayRefused) as refused:
        amounts.to_stripe(Money(minor, currency))
    assert refused.value.reason == "amount_too_precise"


@pytest.mark.parametrize(
    ("most", "currency"), [(99_999_999, "EUR"), (99_999_990, "KWD"), (999_999, "ISK"), (99_999_999, "KRW")]
)
def test_more_than_eight_digits_are_not_sent(most: int, currency: str) -> None:
    assert amounts.takes(Money(most, currency))
    with pytest.raises(GatewayRefused) as refused:
        amounts.to_stripe(Money(most + 10, currency))
    assert refused.value.reason == "amount_too_large"
    assert not amounts.takes(Money(most + 10, currency))


def test_currencies_of_small_units_may_have_more_digits() -> None:
    assert amounts.to_stripe(Money(1_000_000_000, "JPY")) == 1_000_000_000


@pytest.mark.parametrize(
    ("theirs", "currency", "reason"),
    [(550, "isk", "amount_unreadable"), (1, "ugx", "amount_unreadable"), (5, "zzz", "currency_unknown")],
)
def test_what_we_cannot_have_asked_for_is_not_read_as_something_else(
    theirs: int, currency: str, reason: str
) -> None:
    with pytest.raises(GatewayUnsure) as unsure:
        amounts.from_stripe(theirs, currency)
    assert unsure.value.reason == reason


@given(minor=st.integers(1, 10**12), currency=st.sampled_from(sorted(money.EXPONENTS)))
def test_whatever_is_sent_comes_back_the_same(minor: int, currency: str) -> None:
    try:
        theirs = amounts.to_stripe(Money(minor, currency))
    except GatewayRefused as refused:
        assert refused.reason in ("amount_too_precise", "amount_too_large")
        assert not amounts.takes(Money(minor, currency))
    else:
        assert amounts.from_stripe(theirs, currency) == Money(minor, currency)
        assert amounts.takes(Money(minor, currency))
