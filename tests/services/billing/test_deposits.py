"""Deposits on the total of a draft, and stacked taxes billed in parts: together what was planned, of each tax."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.creditnotes.services import Wanted
from billing.deposits import services as deposits
from billing.invoices import deductions, explanation, queries
from billing.invoices import services as invoices
from billing.invoices.models import Invoice, InvoiceTax
from billing.issuer import services as issuers
from billing.ledger import queries as ledger
from billing.quotes.progress import ExceedsQuote
from billing.tax import services as tax
from core.errors import Invalid
from tests.make import billing as make
from tests.services.billing.test_quote_parts import DEPOSITS, agreed, balance, billed, credit, final

BY = {"actor": make.ACTOR, "at": make.AT}


@pytest.fixture
def stacked(in_a):
    """Two groups that have two taxes in common, in a series that issues no electronic invoices."""
    issuers.set_issuer(name="Issuer", **BY)
    made = issuers.create_series(code="plain", pattern="P-{year}-{sequence}", e_invoice=False, **BY)
    issuers.choose_series(series_id=made.pk, **BY)
    own = [make.tax_rate(each, code=f"tax{n}") for n, each in enumerate(("4", "4.5", "0.375"))]
    groups = []
    for n in (3, 2):
        group = tax.create_group(
            code=f"group{n}", name=f"Group {n}", tax_rate_ids=[row.pk for row in own[:n]],
            valid_from=date(2020, 1, 1), **BY,
        )  # fmt: skip
        groups.append(group)
    return groups


def by_tax(invoice_ids) -> dict:
    sums: dict = {}
    rows = InvoiceTax.objects.filter(invoice_id__in=invoice_ids)
    for name, base, minor in rows.values_list("name", "base_minor", "tax_minor"):
        before = sums.get(name, (0, 0))
        sums[name] = before[0] + base, before[1] + minor
    return sums


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.tuples(st.integers(1, 999_999), st.integers(1, 99_999)),
    st.lists(st.integers(1, 60), min_size=1, max_size=3),
)
def test_stacked_taxes_billed_in_parts_come_to_what_was_offered(stacked, amounts, steps) -> None:
    quote = agreed(stacked, amounts=tuple(str(Decimal(minor).scaleb(-2)) for minor in amounts))
    made = []
    for percent in steps:
        try:
            with transaction.atomic():
                made.append(billed(quote, percentage=Decimal(percent)))
        except (ExceedsQuote, Invalid):
            continue
    if len(made) > 1:
        # A piece of a part that went back is not taken off.
        credit(made[0], Wanted(amount_minor=(made[0].total_minor + 1) // 2))
    done = make.finalize(final(quote).pk)
    assert explanation.explain(queries.get(done.pk)).holds
    left = sum(
        row.total_minor - row.noted_minor for row in Invoice.objects.filter(pk__in=[m.pk for m in made])
    )
    assert done.total_minor == quote.total_minor - left
    if len(made) < 2:
        offered = {each["name"]: (each["base_minor"], each["tax_minor"]) for each in quote.taxes}
        assert by_tax([*(row.pk for row in made), done.pk]) == offered
    assert balance(DEPOSITS) == 0
    assert ledger.check() == []


def test_a_deposit_on_a_draft_is_taken_off_by_it(in_a: UUID) -> None:
    full, reduced = make.tax_rate("19"), make.tax_rate("7", code="reduced")
    lines = [make.line("1000.01", rate=full), make.line("333.33", quantity="3", rate=reduced)]
    plan = make.draft(lines=lines)
    whole = plan.total_minor
    with pytest.raises(ExceedsQuote), transaction.atomic():
        deposits.bill(invoice_id=plan.pk, amount_minor=whole + 1, **BY)
    first = deposits.bill(invoice_id=plan.pk, percentage=Decimal(30), **BY)
    assert (first.role, first.plan_id, first.total_minor) == ("deposit", plan.pk, round(whole * 0.3))
    assert "invoice.deposit_billed" in make.events_of(plan.pk)
    with pytest.raises(deposits.NotPlanned), transaction.atomic():
        deposits.bill(invoice_id=first.pk, percentage=Decimal(10), **BY)
    # From now on its lines stand; and nothing is taken off that has no number.
    with pytest.raises(invoices.QuotedContentFixed), transaction.atomic():
        invoices.update_draft(invoice_id=plan.pk, changes={"lines": lines}, **BY)
    with pytest.raises(deposits.DepositsAreDrafts), transaction.atomic():
        deposits.take_off(invoice_id=plan.pk, **BY)
    make.finalize(first.pk)
    assert balance(DEPOSITS) == -first.subtotal_minor
    standing = deposits.standing(plan.pk)
    assert (standing.planned_minor, standing.left_minor, standing.is_taken_off) == (
        whole, whole - first.total_minor, False,
    )  # fmt: skip
    with pytest.raises(deductions.DeductionsChanged), transaction.atomic():
        make.finalize(plan.pk)
    with pytest.raises(deductions.BilledAhead), transaction.atomic():
        invoices.discard_draft(invoice_id=plan.pk, **BY)
    assert Invoice.objects.get(pk=plan.pk).total_minor == whole
    second = deposits.bill(invoice_id=plan.pk, amount_minor=10_000, **BY)
    invoices.discard_draft(invoice_id=second.pk, **BY)
    late = deposits.bill(invoice_id=plan.pk, amount_minor=100, **BY)
    make.void(make.finalize(late.pk).pk)
    taken = deposits.take_off(invoice_id=plan.pk, **BY)
    assert taken.total_minor == whole - first.total_minor
    assert deposits.standing(plan.pk).is_taken_off
    behind = deposits.bill(invoice_id=plan.pk, amount_minor=100, **BY)
    done = make.finalize(plan.pk)
    assert (done.role, done.total_minor) == ("final", whole - first.total_minor)
    with pytest.raises(deductions.QuoteFinallyBilled), transaction.atomic():
        make.finalize(behind.pk)
    with pytest.raises(deductions.InvoiceDeducted), transaction.atomic():
        make.void(first.pk)
    assert (balance(DEPOSITS), balance("receivable")) == (0, whole)
    assert balance("tax") == -first.tax_minor - done.tax_minor
    assert queries.content_is_intact(done.pk)
    assert ledger.check() == []


def test_a_draft_without_its_deposits_is_an_ordinary_one_again(in_a: UUID) -> None:
    plan = make.draft()
    only = deposits.bill(invoice_id=plan.pk, amount_minor=5_000, **BY)
    credit(make.finalize(only.pk))
    freed = deposits.take_off(invoice_id=plan.pk, **BY)
    assert (freed.role, freed.plan_id, freed.total_minor) == ("", None, 10_000)
    with pytest.raises(deposits.NotPlanned), transaction.atomic():
        deposits.take_off(invoice_id=plan.pk, **BY)
    invoices.update_draft(invoice_id=plan.pk, changes={"lines": [make.line("7")]}, **BY)
    make.finalize(plan.pk)
    assert ledger.check() == []
