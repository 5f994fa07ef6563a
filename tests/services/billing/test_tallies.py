"""The kept totals say what counting would say, whatever happened, and melting changes nothing of it."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from billing.customers import services as customers
from billing.customers.models import Customer
from billing.invoices import lists
from billing.invoices import services as invoices
from billing.invoices.lists import Age, View, Wanted
from billing.invoices.models import Invoice
from billing.issuer import coins
from billing.ledger import queries as books
from billing.tallies import queries, services, tasks
from billing.tallies.models import Tally
from tenancy import context
from tests.make import billing as make


def counted() -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """Count the invoices themselves."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for row in Invoice.objects.values(
        "status", "payment_status", "currency", "total_minor", "amount_due_minor", "rounding_minor"
    ):
        payment = row["payment_status"] if row["status"] == "finalized" else ""
        total = sums.setdefault((row["status"], payment, row["currency"]), [0, 0, 0])
        for index, value in enumerate(
            (1, row["total_minor"] + row["rounding_minor"], row["amount_due_minor"])
        ):
            total[index] += value
    return {key: tuple(values) for key, values in sums.items()}


def kept() -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """Read the tallies."""
    rows = queries.totals("invoice")
    return {(t.state, t.payment_status, t.currency): (t.count, t.total_minor, t.due_minor) for t in rows}


def act_on_everything() -> None:
    """Do everything that moves a total."""
    ada, yen = make.customer(), make.customer("Hanako", currency="JPY")
    rate = make.tax_rate()
    drafts = [make.draft(of=ada, lines=[make.line(str(n), rate=rate)]) for n in range(1, 6)]
    make.draft(of=yen, lines=[make.line("1000")])
    make.finalized(of=yen, lines=[make.line("500")])
    # In whole coins: a final one, and one that is made larger while it is a draft.
    coins.round_totals(currencies=["CHF"], actor=make.ACTOR, at=make.AT)
    make.finalized(of=ada, lines=[make.line("10.02")], currency="CHF")
    changed = make.draft(of=ada, lines=[make.line("1.03")], currency="CHF")
    more = {"lines": [make.line("2.08")]}
    invoices.update_draft(invoice_id=changed.pk, changes=more, actor=make.ACTOR, at=make.AT)
    make.finalized(of=ada, lines=[make.line("0")])
    for draft in drafts[:3]:
        make.finalize(draft.pk)
    make.void(drafts[0].pk)
    changes = {"lines": [make.line("77")], "currency": "USD"}
    invoices.update_draft(invoice_id=drafts[3].pk, changes=changes, actor=make.ACTOR, at=make.AT)
    invoices.discard_draft(invoice_id=drafts[4].pk, actor=make.ACTOR, at=make.AT)
    customers.archive(customer_id=yen.pk, actor=make.ACTOR, at=make.AT)


def test_the_totals_are_what_counting_says(in_a):
    act_on_everything()
    assert kept() == counted()
    assert len(kept()) == 8
    states = Counter(Customer.objects.values_list("state", flat=True))
    assert {total.state: total.count for total in queries.totals("customer")} == dict(states)


def test_melting_in_any_portion_changes_no_total(in_a):
    act_on_everything()
    before = kept()
    for most in (1, 3, 7, 5_000):
        services.melt(most=most)
        assert kept() == before == counted()
    assert Tally.objects.filter(noun="invoice").count() == len(before)


@pytest.mark.django_db(transaction=True)
def test_the_task_melts_every_organization_apart(tenant_a, tenant_b):
    for tenant in (tenant_a, tenant_b):
        with context.scope(context.Scope(tenant)):
            act_on_everything()
    # Beside invoices and customers what was booked in the one month, in each of three currencies.
    assert tasks.melt_tallies() == 2 * 13
    for tenant in (tenant_a, tenant_b):
        with context.scope(context.Scope(tenant)):
            assert Tally.objects.count() == 13
            assert kept() == counted()
            assert books.check() == []


def test_ages_come_to_what_is_overdue_and_one_currency_is_read_from_the_tallies(in_a: None) -> None:
    act_on_everything()
    late = make.AT.date() + timedelta(days=60)
    asked: list[str] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, around: Any) -> Any:
        asked.append(sql)
        return execute(sql, params, many, around)

    aged = lists.aging(today=late)
    assert {age for ages in aged.values() for age in ages} == {Age.TO_60}
    assert [
        (each.currency, each.count, each.due_minor)
        for each in lists.sums(Wanted(today=late, view=View.OVERDUE))
    ] == [
        (currency, sum(each.count for each in ages.values()), sum(each.due_minor for each in ages.values()))
        for currency, ages in sorted(aged.items())
    ]
    for wanted in (
        Wanted(today=late, view=View.OVERDUE),
        Wanted(today=late, view=View.OVERDUE, currency="JPY"),
        *(Wanted(today=late, age=age) for age in Age),
        *(Wanted(today=make.AT.date(), view=View.OPEN, age=age) for age in Age),
        # Added up from the rows themselves.
        Wanted(today=late, created_before=make.AT + timedelta(days=1)),
    ):
        rows = list(wanted.rows())
        assert [
            (each.currency, each.count, each.total_minor, each.due_minor) for each in lists.sums(wanted)
        ] == [
            (
                currency,
                sum(row.currency == currency for row in rows),
                sum(row.total_minor + row.rounding_minor for row in rows if row.currency == currency),
                sum(row.amount_due_minor for row in rows if row.currency == currency),
            )
            for currency in sorted({row.currency for row in rows})
        ]
    with connection.execute_wrapper(keep):
        found = lists.sums(Wanted(today=late, view=View.OPEN, currency="EUR"))
        lists.sums(Wanted(today=late, view=View.OVERDUE))
        lists.aging(today=late)
    assert all("billing_tally" in sql for sql in asked)
    assert found == [
        each for each in lists.sums(Wanted(today=late, view=View.OPEN)) if each.currency == "EUR"
    ]
