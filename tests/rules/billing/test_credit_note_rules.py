"""What a credit note comes to: whatever was credited in whatever steps, the rest is exactly the rest."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from billing.creditnotes import rules
from billing.creditnotes.rules import Line, LineCredit, TaxKey, TaxLeft
from core.errors import Invalid

KEYS = [TaxKey("S", Decimal(20)), TaxKey("S", Decimal(5)), TaxKey("O", Decimal(0))]
STACKED = [TaxKey("S", Decimal(6), "State"), TaxKey("S", Decimal(2), "County")]


def document(nets: list[tuple[int, int]]) -> tuple[list[Line], list[TaxLeft]]:
    """Lines of (which taxes, net), and what their taxes come to; a line may feed two stacked taxes."""
    feeds = [frozenset({key}) for key in KEYS] + [frozenset(STACKED), frozenset(STACKED[:1])]
    lines = [
        Line(id=UUID(int=index), taxes=feeds[which], net_minor=net) for index, (which, net) in enumerate(nets)
    ]
    taxes = []
    for key in (*KEYS, *STACKED):
        fed = [line.net_minor for line in lines if key in line.taxes]
        if fed:
            base = sum(fed)
            taxes.append(TaxLeft(key=key, base_minor=base, tax_minor=round(base * key.percentage / 100)))
    return lines, taxes


def after(
    lines: list[Line], taxes: list[TaxLeft], credited: rules.Credited
) -> tuple[list[Line], list[TaxLeft]]:
    """What is left once that is credited, checking that nothing passed its limit."""
    nets = {part.line_id: part.net_minor for part in credited.lines}
    taken = {part.key: part for part in credited.taxes}
    left_lines = []
    for line in lines:
        net = nets.get(line.id, 0)
        assert min(0, line.left_minor) <= net <= max(0, line.left_minor)
        left_lines.append(
            Line(
                id=line.id,
                taxes=line.taxes,
                net_minor=line.net_minor,
                credited_minor=line.credited_minor + net,
            )
        )
    left_taxes = []
    for tax in taxes:
        part = taken.get(tax.key)
        base, minor = (part.base_minor, part.tax_minor) if part else (0, 0)
        assert base == sum(nets.get(line.id, 0) for line in lines if tax.key in line.taxes)
        assert min(0, tax.tax_minor) <= minor <= max(0, tax.tax_minor)
        left_taxes.append(
            TaxLeft(key=tax.key, base_minor=tax.base_minor - base, tax_minor=tax.tax_minor - minor)
        )
    return left_lines, left_taxes


positive = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 100_000)), min_size=1, max_size=8)
steps = st.lists(st.tuples(st.booleans(), st.integers(0, 7), st.integers(1, 100)), max_size=12)


@given(positive, steps)
def test_the_rest_leaves_nothing_of_any_line_any_tax_and_the_whole(nets, moves) -> None:
    lines, taxes = document(nets)
    whole, gone = rules.left_minor(lines, taxes), 0
    for by_line, index, percent in moves:
        left = rules.left_minor(lines, taxes)
        if left < 1:
            break
        if by_line:
            line = lines[index % len(lines)]
            net = line.left_minor * percent // 100
            if not net:
                continue
            made = rules.by_lines(lines, taxes, {line.id: net})
        else:
            made = rules.by_amount(lines, taxes, max(1, left * percent // 100))
        assert made.total_minor <= left
        gone += made.total_minor
        lines, taxes = after(lines, taxes, made)
    if rules.left_minor(lines, taxes) > 0:
        made = rules.everything(lines, taxes)
        gone += made.total_minor
        lines, taxes = after(lines, taxes, made)
    assert gone == whole
    assert [line.left_minor for line in lines] == [0] * len(lines)
    assert [(tax.base_minor, tax.tax_minor) for tax in taxes] == [(0, 0)] * len(taxes)


signed = st.lists(st.tuples(st.integers(0, 4), st.integers(-50_000, 100_000)), min_size=1, max_size=8)


@given(signed, st.integers(1, 99))
def test_an_amount_is_credited_exactly_with_discounts_among_the_lines(nets, percent: int) -> None:
    lines, taxes = document(nets)
    left = rules.left_minor(lines, taxes)
    assume(left > 1)
    amount = max(1, left * percent // 100)
    made = rules.by_amount(lines, taxes, amount)
    assert made.total_minor == amount
    lines, taxes = after(lines, taxes, made)
    assert rules.left_minor(lines, taxes) == left - amount


items = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 100_000)), min_size=1, max_size=4)


@given(items, st.integers(1, 100), st.lists(st.tuples(st.integers(0, 3), st.integers(1, 100)), max_size=6))
def test_a_piece_is_credited_at_what_was_charged_and_pieces_come_to_the_total(nets, off: int, moves) -> None:
    plain, _ = document(nets)
    sums = {key: sum(line.net_minor for line in plain if key in line.taxes) for key in KEYS[:2]}
    # One discount a rate, as a percentage of a whole invoice is kept.
    cut = [(index, -(sums[key] * off // 100)) for index, key in enumerate(KEYS[:2]) if sums[key] * off // 100]
    lines, taxes = document([*nets, *cut])
    lines = [replace(line, is_allowance=line.net_minor < 0) for line in lines]
    charged = {key: sum(line.net_minor for line in lines if key in line.taxes) for key in KEYS[:2]}
    whole, gone = rules.left_minor(lines, taxes), 0
    pieces = [(place % len(nets), percent) for place, percent in moves]
    for place, percent in [*pieces, *((place, 100) for place in range(len(nets)))]:
        line = lines[place]
        net = line.left_minor * percent // 100
        (key,) = line.taxes
        try:
            made = rules.by_lines(lines, taxes, {line.id: net})
        except rules.NothingToCredit:
            # Nothing was charged of it that would make a cent; it goes back with the rest.
            continue
        fair = Fraction(net * charged[key], sums[key])
        assert abs(made.subtotal_minor - fair) <= 1
        gone += made.total_minor
        before = {part.id: part for part in lines}
        left, taxes = after(lines, taxes, made)
        lines = [replace(before[part.id], credited_minor=part.credited_minor) for part in left]
    # What was too small for a document of its own is all that is left.
    assert gone + rules.left_minor(lines, taxes) == whole
    assert rules.left_minor(lines, taxes) == 0 or any(line.left_minor for line in lines)


@given(st.lists(st.integers(-1_000, 1_000), min_size=1, max_size=9), st.integers(0, 100))
def test_shares_come_to_the_amount_and_pass_no_weight(weights: list[int], percent: int) -> None:
    whole = sum(weights)
    assume(whole != 0)
    amount = whole * percent // 100 if whole > 0 else -(-whole * percent // 100)
    parts = rules.shares(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert min(0, weight) <= part <= max(0, weight)


def test_what_cannot_be_credited_is_refused() -> None:
    lines, taxes = document([(0, 10_000), (0, -1_000)])
    with pytest.raises(rules.CreditExceedsInvoice):
        rules.by_amount(lines, taxes, 10_801)
    with pytest.raises(rules.NothingToCredit):
        rules.by_amount(lines, taxes, 0)
    with pytest.raises(rules.CreditExceedsInvoice, match="discounts"):
        rules.by_lines(lines, taxes, {UUID(int=0): 10_000})
    allowed = [lines[0], replace(lines[1], is_allowance=True)]
    assert rules.by_lines(allowed, taxes, {UUID(int=0): 10_000}).total_minor == 10_800
    assert rules.by_lines(allowed, taxes, {UUID(int=0): 5_000, UUID(int=1): -1_000}).total_minor == 4_800
    with pytest.raises(rules.NothingToCredit):
        rules.by_lines(lines, taxes, {})
    with pytest.raises(Invalid) as refused:
        rules.by_lines(lines, taxes, {UUID(int=0): 10_001, UUID(int=9): 1})
    assert [error.pointer for error in refused.value.errors] == ["/lines/0/amount_minor", "/lines/1/line"]
    assert rules.by_lines(lines, taxes, {UUID(int=0): 10_000, UUID(int=1): -1_000}).total_minor == 10_800


def test_a_quantity_comes_to_its_share_and_the_last_takes_the_cent() -> None:
    line = Line(id=UUID(int=1), taxes=frozenset(), net_minor=100)
    assert rules.net_of(line, Decimal(1), of=Decimal(3)) == 33
    last = Line(id=UUID(int=1), taxes=frozenset(), net_minor=100, credited_minor=66)
    assert rules.net_of(last, Decimal(1), of=Decimal(3)) == 34
    assert LineCredit(line_id=UUID(int=1)).net_minor is None


def test_where_it_goes_comes_to_the_total() -> None:
    assert rules.split(
        100, open_minor=70, offset_minor=None, credit_minor=None, refund_minor=0
    ) == rules.Split(offset_minor=70, credit_minor=30)
    assert rules.split(
        100, open_minor=70, offset_minor=None, credit_minor=50, refund_minor=10
    ) == rules.Split(offset_minor=40, credit_minor=50, refund_minor=10)
    for bad in (
        {"offset_minor": 71, "credit_minor": None, "refund_minor": 0},
        {"offset_minor": 10, "credit_minor": 10, "refund_minor": 0},
        {"offset_minor": None, "credit_minor": None, "refund_minor": 101},
    ):
        with pytest.raises(rules.SplitDiffers):
            rules.split(100, open_minor=70, **bad)
    shared = rules.shared(100, open_minor=30, refundable_minor=50, given_back_minor=10)
    assert shared == rules.Split(offset_minor=30, credit_minor=10, refund_minor=60)
    with pytest.raises(rules.SplitDiffers):
        rules.shared(100, open_minor=0, refundable_minor=0, given_back_minor=101)
