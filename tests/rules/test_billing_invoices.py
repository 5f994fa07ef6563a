"""What an invoice comes to: every line rounded once, nothing lost, nothing made; and how it may move."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.invoices import pricing, rules
from billing.invoices.models import Invoice
from billing.ledger import rules as books
from billing.tax.rules import Rate
from core import money, states
from core.errors import Invalid, Refusal

NUMBER = st.decimals(min_value=-(10**6), max_value=10**6, places=6)
RATE = st.sampled_from([Rate("S", Decimal(20)), Rate("S", Decimal("5.5")), Rate("Z", Decimal(0))])
CURRENCY = st.sampled_from(["EUR", "JPY", "KWD"])


def line(quantity="1", amount="1", text="Work"):
    return rules.LineInput(description=text, quantity=Decimal(quantity), unit_amount=Decimal(amount))


def total_of(amounts, currency):
    priced = [
        replace(pricing.price(line(), rate, currency), asked_minor=minor, net_minor=minor)
        for rate, minor in amounts
    ]
    return pricing.settle(priced, currency).totals


@given(NUMBER, NUMBER, CURRENCY)
def test_a_line_is_exact_and_rounded_once(quantity, amount, currency):
    priced = pricing.price(line(str(quantity), str(amount)), Rate("O", Decimal(0)), currency)
    assert priced.net_exact == quantity * amount
    assert priced.net_minor == money.to_minor(quantity * amount, currency)


@given(
    st.lists(st.tuples(RATE, st.integers(min_value=0, max_value=10**9)), min_size=1, max_size=20), CURRENCY
)
def test_a_document_adds_up(amounts, currency):
    totals = total_of(amounts, currency)
    assert (
        totals.subtotal_minor
        == sum(amount for _, amount in amounts)
        == sum(t.base_minor for t in totals.taxes)
    )
    assert totals.total_minor == totals.subtotal_minor + sum(t.tax_minor for t in totals.taxes)


@given(st.integers(min_value=-(10**12), max_value=10**12), st.integers(min_value=-(10**12), max_value=10**12))
def test_every_posting_balances_and_so_does_its_reversal(subtotal, tax):
    for sides in (books.finalized(subtotal_minor=subtotal, tax_minor=tax), books.opening(due_minor=subtotal)):
        assert sum(side.amount_minor for side in sides) == 0
        back = books.reversal(sides)
        assert [(s.account, s.amount_minor) for s in books.reversal(back)] == [
            (s.account, s.amount_minor) for s in sides
        ]
        assert all(one.amount_minor + two.amount_minor == 0 for one, two in zip(sides, back, strict=True))


def test_no_document_comes_to_less_than_nothing():
    with pytest.raises(rules.NegativeTotal):
        total_of([(Rate("S", Decimal(20)), -1)], "EUR")
    assert total_of([], "EUR").total_minor == 0


@pytest.mark.parametrize("current", Invoice.Status.values)
@pytest.mark.parametrize("to", Invoice.Status.values)
def test_a_document_moves_along_two_arrows_only(current, to):
    allowed = {("draft", "finalized"), ("finalized", "voided")}
    if (current, to) in allowed:
        assert states.move(rules.MOVES, current, to=to, refusal=Refusal) == to
    else:
        with pytest.raises(Refusal):
            states.move(rules.MOVES, current, to=to, refusal=Refusal)


def test_the_table_of_moves_names_every_state():
    assert set(rules.MOVES) == set(Invoice.Status.values)


@pytest.mark.parametrize(
    ("due", "paid", "status"),
    [(100, 0, "unpaid"), (50, 50, "partially_paid"), (0, 100, "paid"), (0, 0, "paid"), (-1, 1, "paid")],
)
def test_how_far_a_document_is_paid(due, paid, status):
    assert rules.payment_status(due_minor=due, paid_minor=paid) == status


def test_the_day_is_the_issuers():
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert rules.local_day(late, "UTC") == date(2026, 12, 31)
    assert rules.local_day(late, "Europe/Berlin") == date(2027, 1, 1)
    assert rules.due_on(date(2026, 2, 27), payment_days=2) == date(2026, 3, 1)


def test_too_many_lines_and_texts_that_cannot_be_kept_are_named():
    with pytest.raises(Invalid) as refused:
        rules.check_lines([line()] * (rules.MOST_LINES + 1))
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/lines", "too_many")]
    with pytest.raises(Invalid) as refused:
        rules.check_lines(
            [line(text="x" * 2_001), line(text="\x00"), line(amount="Infinity"), line(quantity="NaN")]
        )
    assert [(error.pointer, error.code) for error in refused.value.errors] == [
        ("/lines/0/description", "too_long"),
        ("/lines/1/description", "invalid_character"),
        ("/lines/2/unit_amount", "out_of_range"),
        ("/lines/3/quantity", "out_of_range"),
    ]
