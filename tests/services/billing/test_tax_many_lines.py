"""An invoice of 10,000 lines is drafted, finalized, read, proved and explained like any other; one more is refused."""

from decimal import Decimal

import pytest

from billing.invoices import explanation, queries, rules
from billing.invoices.rules import Discount, LineInput
from core.errors import Invalid
from tests.make import billing as make


def test_ten_thousand_lines(in_a):
    rate = make.tax_rate("19")
    lines = [
        LineInput(
            description=f"Row {number}",
            unit_amount=Decimal("0.333333"),
            quantity=Decimal(number % 7 + 1),
            tax_rate_id=rate.pk,
            tax_inclusive=number % 2 == 0,
        )
        for number in range(rules.MOST_LINES)
    ]
    made = make.draft(lines=lines, discounts=[Discount(percentage=Decimal("12.5"))])
    make.finalize(made.pk)
    found = queries.get(made.pk)
    assert len(found.lines) == rules.MOST_LINES + 2
    assert sum(line.net_minor for line in found.lines) == found.subtotal_minor
    assert queries.content_is_intact(made.pk)
    assert explanation.explain(found).holds


def test_one_line_more_is_refused_by_name(in_a):
    with pytest.raises(Invalid) as refused:
        make.draft(lines=[make.line("1")] * (rules.MOST_LINES + 1))
    assert refused.value.errors[0].pointer == "/lines"
