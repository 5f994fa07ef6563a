"""Reports over a random history: what was owed on every day, the ledger, and the rows behind every figure agree."""

import random
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection

from billing.creditnotes import services as notes
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.ledger import queries as ledger
from billing.periods.rules import Month
from billing.reports import queries, rules, sources, statements
from billing.settlement import services as settlement
from core.errors import Refusal
from payments.services import collect
from tenancy.context import attempt
from tests.make import billing as make
from tests.make import payments

START = date(2026, 1, 5)
DAYS = 150


def moment(day: date, hour: int = 12) -> datetime:
    return make.AT.replace(year=day.year, month=day.month, day=day.day, hour=hour)


def history(seed: int) -> list[UUID]:
    """Live through five months: invoices of two currencies, money, credit, credit notes, losses and voids."""
    dice = random.Random(seed)
    rates = [make.tax_rate("20"), make.tax_rate("7", code="reduced")]
    customers = [make.customer(f"Customer {n}") for n in range(4)]
    made: list[Invoice] = []
    paid = []
    for step in range(90):
        day = START + timedelta(days=step * DAYS // 90)
        at = moment(day) + timedelta(seconds=step)
        what = dice.choice(
            ["invoice"] * 4 + ["pay"] * 4 + ["void", "note", "lose", "credit", "release", "reverse"]
        )
        one = dice.choice(made) if made else None
        try:
            with attempt():
                if what == "invoice" or one is None:
                    draft = invoices.create_draft(
                        customer_id=dice.choice(customers).pk,
                        currency=dice.choice(["EUR", "EUR", "USD"]),
                        issued_on=day,
                        due_on=day + timedelta(days=dice.choice([0, 10, 30])),
                        lines=[
                            make.line(
                                f"{dice.randrange(1, 900)}.{dice.randrange(100):02}", rate=dice.choice(rates)
                            )
                            for _ in range(dice.randrange(1, 4))
                        ],
                        actor=make.ACTOR,
                        at=at,
                    )
                    made.append(invoices.finalize(invoice_id=draft.pk, actor=make.ACTOR, at=at))
                    continue
                one = Invoice.objects.get(pk=one.pk)
                if what == "pay":
                    amount = dice.choice([one.total_minor, one.total_minor // 3 + 1, one.total_minor + 500])
                    paid.append(
                        payments.bank_payment(
                            (one, amount), of=one.customer, amount_minor=amount, currency=one.currency, at=at,
                            received_on=day - timedelta(days=dice.choice([0, 0, 2])),
                        )
                    )  # fmt: skip
                elif what == "void":
                    invoices.void(invoice_id=one.pk, reason="Wrong", actor=make.ACTOR, at=at)
                elif what == "note":
                    wanted = notes.Wanted(amount_minor=dice.randrange(1, one.total_minor + 1))
                    notes.issue(invoice_id=one.pk, wanted=wanted, issued_on=day, actor=make.ACTOR, at=at)
                elif what == "lose":
                    settlement.write_off(invoice_id=one.pk, reason="Gone", actor=make.ACTOR, at=at)
                elif what == "credit":
                    settlement.apply_credit(
                        invoice_id=one.pk, amount_minor=dice.randrange(1, 400), actor=make.ACTOR, at=at
                    )
                elif paid and what == "reverse":
                    collect.reverse(
                        payment_id=dice.choice(paid).pk, reason="Bounced", actor=make.ACTOR, at=at
                    )
                elif paid:
                    settlement.release(
                        invoice_id=one.pk,
                        payment_id=dice.choice(paid).pk,
                        amount_minor=50,
                        actor=make.ACTOR,
                        at=at,
                    )
        except Refusal:
            continue
    return [customer.pk for customer in customers]


def posted(
    account: str, currency: str, *, since: date = date.min, until: date, customer: UUID | None = None
) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(e.amount_minor), 0)::bigint FROM billing_ledgerentry e"
            " JOIN billing_ledgertransaction t ON t.tenant_id = e.tenant_id AND t.id = e.transaction_id"
            " WHERE e.account = %s AND e.currency = %s AND t.booked_on BETWEEN %s AND %s"
            " AND (%s::uuid IS NULL OR e.customer_id = %s::uuid)",
            [account, currency, since, until, customer, customer],
        )
        return int(cursor.fetchone()[0])


def walked(source: sources.Source) -> list[queries.Row]:
    """Turn every page of what is behind a figure."""
    rows, after = [], None
    while True:
        page, after = queries.page(source, after=after, limit=7)
        rows += page
        if after is None:
            return rows


@pytest.fixture(params=[1, 2, 3])
def customers(request: pytest.FixtureRequest, in_a: UUID) -> list[UUID]:
    return history(request.param)


def test_what_was_owed_on_any_day_is_what_the_ledger_says(customers: list[UUID]) -> None:
    assert ledger.check() == []
    somewhere = 0
    for days in range(0, DAYS + 40, 7):
        on = START + timedelta(days=days)
        for currency in ("EUR", "USD"):
            found = queries.aging(on=on, currency=currency)
            assert found.total.amount_minor == posted("receivable", currency, until=on) == found.ledger_minor
            assert found.is_booked
            rows = walked(sources.owed(on=on, currency=currency))
            assert found.total.count == len(rows)
            for age, each in found.ages.items():
                behind = walked(sources.owed(on=on, currency=currency).of(key=age))
                assert sum(row.amount_minor for row in behind) == each.amount_minor
                assert all(rules.age_of(row.day, on) == age for row in behind)
                somewhere += len(behind)
            owing, after = [], None
            while True:
                page, after = queries.owing(on=on, currency=currency, after=after, limit=2)
                owing += page
                if after is None:
                    break
            assert sum(each.total_minor for each in owing) == found.total.amount_minor
            for each in owing:
                assert each.total_minor == sum(each.ages.values())
                assert each.total_minor == posted("receivable", currency, until=on, customer=each.customer_id)
    assert somewhere > 20


def test_revenue_tax_and_cash_are_the_ledgers(customers: list[UUID]) -> None:
    until = START + timedelta(days=DAYS)
    for currency in ("EUR", "USD"):
        asked = {"since": START, "until": until, "currency": currency}
        for source, accounts, sign in (
            (sources.revenue(**asked), ["revenue"], -1),
            (sources.tax(**asked), ["tax"], -1),
            (sources.cash(**asked), ["bank", "gateway"], 1),
        ):
            whole = queries.total(source)
            assert whole.amount_minor == sign * sum(
                posted(account, currency, since=START, until=until) for account in accounts
            )
            assert whole.count
            for (key, month), each in queries.by_month(source).items():
                behind = walked(source.of(key=key, since=month.starts_on, until=month.ends_on))
                assert sum(row.amount_minor for row in behind) == each.amount_minor
                assert sum(row.base_minor for row in behind) == each.base_minor
                assert len(behind) == each.count
        assert (
            queries.total(sources.tax(**asked)).base_minor
            == queries.total(sources.revenue(**asked)).amount_minor
        )
        # What the overview reads of the tallies is what the report reads of lines and of the ledger.
        owed = sum(
            Invoice.objects.filter(currency=currency)
            .exclude(status="draft")
            .values_list("amount_due_minor", flat=True)
        )
        months = [Month(START.replace(month=number, day=1)) for number in range(1, 7)]
        assert [
            queries.outstanding_by_now(month, currency=currency, owed_minor=owed) for month in months
        ] == [queries.outstanding([month], currency=currency)[0] for month in months]


def test_a_statement_runs_from_ledger_to_ledger(customers: list[UUID]) -> None:
    seen = set()
    for customer in customers:
        assert set(statements.currencies(customer_id=customer)) <= {"EUR", "USD"}
        for currency in statements.currencies(customer_id=customer):
            since, until = START + timedelta(days=40), START + timedelta(days=110)
            found = statements.statement(customer_id=customer, currency=currency, since=since, until=until)
            for balance, on in (
                (found.opening_minor, since - timedelta(days=1)),
                (found.closing_minor, until),
            ):
                held = [
                    posted(account, currency, until=on, customer=customer)
                    for account in ("receivable", "customer_credit", "refunds")
                ]
                assert balance == held[0] + held[1] + min(held[2], 0)
            assert found.opening_minor + sum(row.amount_minor for row in found.rows) == found.closing_minor
            if found.rows:
                assert found.rows[-1].balance_minor == found.closing_minor
            whole = statements.statement(
                customer_id=customer, currency=currency, since=START, until=START + timedelta(days=400)
            )
            seen |= {row.what for row in whole.rows}
    assert {"invoice", "payment", "credit_note"} <= seen
    assert "other" not in seen
