"""A document adds up, whatever is on it: every policy, every currency, discounts, negative lines, stacked taxes.

The rules named BR are those of EN 16931. What is asked with the tax inside is what is owed, to the minor unit.
"""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from billing.invoices import pricing, rules
from billing.invoices.rules import Discount, LineInput
from billing.tax.rules import Component, Rate, tax_minor
from core import money
from core.errors import Refusal

CURRENCIES = ["EUR", "JPY", "ISK", "UGX", "KWD", "USD"]
PERCENTAGES = ["0.000001", "2.5", "7", "8.875", "19", "20", "25.5", "33.333333", "99.999999", "100"]
SINGLE = [Rate("S", Decimal(text)) for text in PERCENTAGES]
SINGLE += [Rate("AE", Decimal(0)), Rate("Z", Decimal(0)), Rate("O", Decimal(0))]
_STATE, _COUNTY, _CITY = (
    Component(*pair) for pair in (("State", Decimal(4)), ("County", Decimal("4.875")), ("City", Decimal(4)))
)
STACKED = [
    Rate("S", Decimal("8.875"), (_STATE, _COUNTY)),
    Rate("S", Decimal("12.875"), (_STATE, _COUNTY, _CITY)),
    Rate("S", Decimal(8), (_STATE, _CITY)),
]
RATES = {UUID(int=number): rate for number, rate in enumerate([*SINGLE, *STACKED], start=1)}
SINGLE_IDS = [key for key, rate in RATES.items() if not rate.components]
BOTH = Discount(percentage=Decimal(1), amount=Decimal(1))
FULL = settings(deadline=None, max_examples=60)

number = st.decimals(min_value=-(10**5), max_value=10**5, places=12, allow_nan=False)
percentage = st.one_of(
    st.just(Decimal(100)),
    st.decimals(min_value=Decimal("0.000001"), max_value=100, places=6, allow_nan=False),
)


@st.composite
def discounts(draw, currency, *, charges=False):
    """A percentage, also of all, or an amount that the currency has."""
    is_charge = charges and draw(st.booleans())
    if draw(st.booleans()):
        return Discount(percentage=draw(percentage), reason="Because", is_charge=is_charge)
    minor = draw(st.integers(min_value=1, max_value=5_000))
    return Discount(amount=money.from_minor(minor, currency), is_charge=is_charge)


@st.composite
def lines(draw, currency, ids):
    quantity = draw(number.filter(bool))
    line = LineInput(
        description="Work",
        quantity=quantity,
        unit_amount=draw(number),
        tax_rate_id=draw(st.sampled_from([None, *ids])),
        tax_inclusive=draw(st.booleans()),
        discount=draw(st.none() | discounts(currency)),
    )
    if line.discount is not None and line.discount.amount is not None:
        asked = money.to_minor(money.multiply(line.quantity, line.unit_amount), currency)
        if asked < money.exact_minor(line.discount.amount, currency):
            line = replace(line, discount=None)
    return line


@st.composite
def documents(draw, ids=tuple(RATES), inclusive=None):
    """Currency, lines and discounts of a document that can be billed."""
    currency = draw(st.sampled_from(CURRENCIES))
    asked = draw(st.lists(lines(currency, list(ids)), min_size=1, max_size=8))
    if inclusive is not None:
        asked = [replace(line, tax_inclusive=inclusive) for line in asked]
    return currency, asked, draw(st.lists(discounts(currency, charges=True), max_size=3))


def billed(document, *, by_line=False):
    currency, asked, off = document
    rules.check_lines(asked)
    rules.check_discounts(off, lines=len(asked))
    try:
        return pricing.bill(asked, rates=RATES, currency=currency, discounts=off, by_line=by_line)
    except (rules.NegativeTotal, money.AmountTooLarge):
        return None


def kinds(bill, *wanted):
    return [line for line in bill.lines if line.kind in wanted]


@FULL
@given(documents(), st.booleans())
def test_lines_allowances_charges_and_taxes_are_the_total(document, by_line):
    bill = billed(document, by_line=by_line)
    assume(bill is not None)
    items = sum(line.net_minor for line in kinds(bill, "item"))  # BR-CO-10
    off = sum(-line.net_minor for line in kinds(bill, "allowance"))  # BR-CO-11
    on = sum(line.net_minor for line in kinds(bill, "charge"))  # BR-CO-12
    assert bill.totals.subtotal_minor == items - off + on  # BR-CO-13
    assert bill.totals.tax_minor == sum(tax.tax_minor for tax in bill.totals.taxes)  # BR-CO-14
    assert bill.totals.total_minor == bill.totals.subtotal_minor + bill.totals.tax_minor  # BR-CO-15


@FULL
@given(documents(), st.booleans())
def test_each_tax_stands_on_exactly_the_lines_that_carry_it(document, by_line):
    bill = billed(document, by_line=by_line)
    assume(bill is not None)
    bases = {}
    for line in bill.lines:
        for part in line.rate.parts:
            key = line.rate.category, part.percentage, part.name
            bases[key] = bases.get(key, 0) + line.net_minor
    found = {(tax.rate.category, tax.rate.percentage, tax.name): tax.base_minor for tax in bill.totals.taxes}
    assert found == bases  # BR-S-08 and its kind
    assert len(found) == len(bill.totals.taxes)


@FULL
@given(documents(inclusive=True), st.booleans())
def test_what_is_asked_with_the_tax_inside_is_what_is_owed(document, by_line):
    currency, asked, off = document
    bill = billed(document, by_line=by_line)
    assume(bill is not None)
    gross = 0
    for line in asked:
        each = money.to_minor(money.multiply(line.quantity, line.unit_amount), currency)
        if line.discount is not None:
            of_it = line.discount.percentage
            each -= (
                money.exact_minor(line.discount.amount, currency)
                if of_it is None
                else money.to_minor(
                    money.multiply(money.from_minor(each, currency), of_it, Decimal("0.01")), currency
                )
            )
        gross += each
    assert gross == sum(line.gross_minor for line in kinds(bill, "item"))
    assert bill.totals.total_minor == sum(line.gross_minor for line in bill.lines)
    for place, discount in enumerate(off):
        entries = [(line.gross_minor, entry) for line in bill.lines for entry in line.adjustments]
        minor = sum(gross for gross, entry in entries if entry.get("number") == place)
        if discount.amount is not None:
            whole = money.exact_minor(discount.amount, currency)
            assert minor == (whole if discount.is_charge else -whole)


@FULL
@given(documents(ids=tuple(SINGLE_IDS), inclusive=False))
def test_tax_on_top_is_the_percentage_of_its_base_rounded_once(document):
    bill = billed(document)
    assume(bill is not None)
    for tax in bill.totals.taxes:  # BR-CO-17, to the minor unit
        assert tax.tax_minor == tax_minor(tax.base_minor, tax.rate.percentage, document[0])


@FULL
@given(documents(ids=tuple(SINGLE_IDS), inclusive=True))
def test_tax_that_is_inside_keeps_to_the_norm_wherever_a_base_does(document):
    """BR-CO-17 leaves a unit; off by one it is only where no base of whole minor units makes this gross amount."""
    bill = billed(document)
    assume(bill is not None)
    for tax in bill.totals.taxes:
        gross = tax.base_minor + tax.tax_minor
        made = [
            base
            for base in range(tax.base_minor - 2, tax.base_minor + 3)
            if base + tax_minor(base, tax.rate.percentage, document[0]) == gross
        ]
        expected = tax_minor(tax.base_minor, tax.rate.percentage, document[0])
        assert abs(tax.tax_minor - expected) <= (0 if made else 1)


@FULL
@given(documents())
def test_no_line_is_moved_by_more_than_a_minor_unit_and_no_tax_by_more_than_its_roundings(document):
    bill = billed(document)
    assume(bill is not None)
    currency = document[0]
    for line in bill.lines:
        exact = line.net_exact * 10 ** money.exponent(currency)
        slack = 1 if len(line.rate.parts) == 1 else 3
        assert abs(line.net_minor - exact) <= slack + Decimal("0.5")
    for tax in bill.totals.taxes:
        exact = money.EXACT.scaleb(tax.exact, money.exponent(currency))
        assert abs(tax.tax_minor - exact) <= 1 + len(STACKED)


@FULL
@given(documents())
def test_by_line_each_line_has_whole_taxes_of_its_own(document):
    whole = billed(document, by_line=True)
    assume(whole is not None)
    taxes = {}
    for line in whole.lines:
        alone = pricing.tax.compute(
            [pricing.tax.Amount(line.rate, line.asked_minor, line.tax_inclusive)], document[0], by_line=True
        )
        assert alone.nets == (line.net_minor,)
        for tax in alone.taxes:
            key = tax.rate, tax.name
            taxes[key] = taxes.get(key, 0) + tax.tax_minor
    assert {(tax.rate, tax.name): tax.tax_minor for tax in whole.totals.taxes} == taxes


@FULL
@given(documents(), st.booleans())
def test_what_is_kept_makes_the_same_document_again(document, by_line):
    currency, asked, _ = document
    bill = billed(document, by_line=by_line)
    assume(bill is not None)
    kept = [
        replace(line, discount=pricing.asked_discount(item.adjustments[0]) if item.adjustments else None)
        for line, item in zip(asked, kinds(bill, "item"), strict=True)
    ]
    off = pricing.asked_discounts([(line.kind, line.adjustments) for line in bill.lines])
    assert pricing.bill(kept, rates=RATES, currency=currency, discounts=off, by_line=by_line) == bill


@pytest.mark.parametrize("currency", CURRENCIES)
@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("by_line", [True, False])
def test_all_off_is_nothing(currency, inclusive, by_line):
    asked = [
        LineInput(description="Work", unit_amount=Decimal("33.333333"), quantity=Decimal(3), tax_rate_id=key,
                  tax_inclusive=inclusive)
        for key in RATES
    ]  # fmt: skip
    off = [Discount(percentage=Decimal(100))]
    whole = pricing.bill(asked, rates=RATES, currency=currency, discounts=off, by_line=by_line)
    each = [replace(line, discount=off[0]) for line in asked]
    lines_off = pricing.bill(each, rates=RATES, currency=currency, by_line=by_line)
    for bill in (whole, lines_off):
        assert (bill.totals.subtotal_minor, bill.totals.tax_minor, bill.totals.total_minor) == (0, 0, 0)
        assert all(tax.tax_minor == 0 for tax in bill.totals.taxes)


@given(
    st.lists(st.decimals(min_value=-(10**9), max_value=10**9, places=9, allow_nan=False), min_size=1),
    st.integers(-3, 3),
)
@settings(deadline=None)
def test_spreading_loses_nothing(parts, more):
    total = money.to_minor(sum(parts, Decimal(0)), "JPY") + more
    found = money.spread(total, parts)
    assert sum(found) == total and len(found) == len(parts)


def test_what_cannot_be_computed_is_refused_by_name():
    line = LineInput(description="Work", unit_amount=Decimal(5))
    with pytest.raises(rules.DiscountExceedsLine) as refused:
        pricing.bill([line, replace(line, discount=Discount(amount=Decimal(6)))], rates={}, currency="EUR")
    assert refused.value.field == "lines/1/discount/amount"
    with pytest.raises(money.AmountTooPrecise) as refused:
        pricing.bill([line], rates={}, currency="JPY", discounts=[Discount(amount=Decimal("0.5"))])
    assert refused.value.field == "discounts/0/amount"
    with pytest.raises(Refusal) as refused:
        pricing.bill([replace(line, tax_rate_id=UUID(int=99))], rates={}, currency="EUR")
    assert refused.value.field == "lines/0/tax_rate"
    with pytest.raises(money.AmountTooLarge) as refused:
        pricing.bill([replace(line, unit_amount=Decimal(10) ** 11)] * 200, rates={}, currency="KWD")
    assert refused.value.field == "lines"


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"discount": Discount()}, "/lines/0/discount/percentage", "one_of_two"),
        ({"discount": BOTH}, "/lines/0/discount/percentage", "one_of_two"),
        ({"discount": Discount(percentage=Decimal("100.000001"))}, "/lines/0/discount/percentage", "out_of_range"),
        ({"discount": Discount(percentage=Decimal("1.0000001"))}, "/lines/0/discount/percentage", "too_precise"),
        ({"discount": Discount(percentage=Decimal("NaN"))}, "/lines/0/discount/percentage", "out_of_range"),
        ({"discount": Discount(amount=Decimal(-1))}, "/lines/0/discount/amount", "not_positive"),
        ({"discount": Discount(amount=Decimal("Infinity"))}, "/lines/0/discount/amount", "out_of_range"),
        ({"discount": Discount(amount=Decimal(1), reason="x" * 1_001)}, "/lines/0/discount/reason", "too_long"),
        ({"quantity": Decimal(0)}, "/lines/0/quantity", "zero"),
        ({"unit_amount": Decimal("0.0000000000001")}, "/lines/0/unit_amount", "too_precise"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_named(fields, pointer, code):
    line = replace(LineInput(description="Work", unit_amount=Decimal(5)), **fields)
    with pytest.raises(rules.Invalid) as refused:
        rules.check_lines([line])
    assert (refused.value.errors[0].pointer, refused.value.errors[0].code) == (pointer, code)
