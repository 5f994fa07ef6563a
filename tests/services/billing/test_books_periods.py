"""A closed month takes nothing more, whoever asks; what comes late is booked on the first open day."""

from datetime import date

import pytest
from django.db import connection

from accounts import queries as people
from accounts.models import ApprovalRequest, Membership
from accounts.services import approvals
from audit.models import Event
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.ledger import queries as ledger
from billing.ledger import trial
from billing.ledger.models import LedgerTransaction
from billing.periods import checks, queries, services, valuation
from billing.periods.models import AccountingPeriod, LedgerBalance
from billing.settlement.models import Allocation
from core.errors import Refusal
from payments.models import Payment
from payments.services import collect
from tenancy.context import attempt
from tests.make import billing, books

ANA = "Ana Ruiz"


def refused(function, **given) -> Refusal:
    with pytest.raises(Refusal) as caught, attempt():
        function(**given)
    return caught.value


@pytest.fixture
def july(in_a):
    """An invoice of July, and July closed by somebody."""
    invoice = books.invoice("2026-07-10", "100.00", of=billing.customer(), currency="EUR")
    ana = books.person(ANA)
    row = books.close("2026-07", by=ana)
    return invoice, ana, row


def codes(event: str) -> list[dict]:
    return [found.facts for found in Event.objects.filter(event=event)]


def test_a_document_of_a_closed_month_is_refused_with_the_way_out(july):
    draft = billing.draft(of=billing.customer("B"), issued_on=date(2026, 7, 31))
    with pytest.raises(Refusal) as caught, attempt():
        invoices.finalize(invoice_id=draft.pk, actor=books.ACTOR, at=books.at("2026-08-20"))
    assert (caught.value.code, caught.value.field, caught.value.status) == ("period_closed", "issued_on", 422)
    assert str(caught.value) == (
        "July is closed since 4 August. Date this 1 August or later, or ask Ana Ruiz to reopen July."
    )
    draft.refresh_from_db()
    assert (draft.status, draft.number) == ("draft", None)
    # and no number was lost
    made = books.invoice("2026-08-02", "1.00", of=billing.customer("C"), currency="EUR")
    assert made.sequence == july[0].sequence + 1


def test_what_lies_before_the_first_closed_month_is_closed_with_it(july):
    draft = billing.draft(of=billing.customer("B"), issued_on=date(2025, 12, 31))
    fault = refused(billing.finalize, invoice_id=draft.pk)
    assert fault.code == "period_closed"
    assert "December 2025 is closed since 4 August" in str(fault)


def test_money_somebody_dates_in_a_closed_month_is_refused(july):
    given = {
        "customer_id": july[0].customer_id,
        "currency": "EUR",
        "amount_minor": 100_00,
        "wanted": [(july[0].pk, 100_00)],
        "received_on": date(2026, 7, 30),
        "actor": books.ACTOR,
        "at": books.at("2026-08-20"),
    }
    fault = refused(collect.record, source=Payment.Source.STAFF, **given)
    assert (fault.code, fault.field) == ("period_closed", "received_on")
    assert Payment.objects.count() == 0
    # What the bank's statement says happened, happened: it is booked late and keeps its day.
    payment = collect.record(source=Payment.Source.STATEMENT, **given)
    books.settle()
    booked = LedgerTransaction.objects.get(source_id=payment.pk)
    assert (booked.booked_on, payment.received_on) == (date(2026, 8, 1), date(2026, 7, 30))
    assert Allocation.objects.get(payment_id=payment.pk).amount_minor == 100_00
    assert Invoice.objects.get(pk=july[0].pk).payment_status == "paid"
    assert ledger.check() == []


def test_months_are_closed_in_order_and_when_they_are_over(july):
    assert refused(books.close, month="2026-07").code == "period_closed_already"
    assert refused(books.close, month="2026-05").code == "period_closed_already"
    fault = refused(books.close, month="2026-09")
    assert (fault.code, str(fault)) == ("earlier_period_open", "August 2026 has to be closed first.")
    assert refused(books.close, month="2026-08", on="2026-08-31").code == "period_not_over"
    assert services.next_to_close(books.at("2026-09-01")).name == "August 2026"
    assert services.next_to_close(books.at("2026-08-31")) is None
    books.close("2026-08")
    assert [row.month.name for row in queries.periods()] == ["August 2026", "July 2026"]
    assert (
        codes("period.closed") == [{"month": "2026-08"}, {"month": "2026-07"}]
        or len(codes("period.closed")) == 2
    )


def test_a_closed_months_balances_carry_on(july):
    held = {
        (row.account, row.currency): (row.amount_minor, row.base_minor) for row in LedgerBalance.objects.all()
    }
    assert held == {("receivable", "EUR"): (100_00, 100_00), ("revenue", "EUR"): (-100_00, -100_00)}
    books.invoice("2026-08-05", "50.00", of=billing.customer("B"), currency="EUR")
    assert {row.account: row.amount_minor for row in trial.balances(date(2026, 8, 31))} == {
        "receivable": 150_00,
        "revenue": -150_00,
    }
    assert {row.account: row.amount_minor for row in trial.balances(date(2026, 7, 31))} == {
        "receivable": 100_00,
        "revenue": -100_00,
    }
    assert trial.balances(date(2026, 7, 9)) == []
    assert ledger.check() == []


def test_reopening_takes_a_second_person_and_a_reason(july):
    _, ana, row = july
    month = date(2026, 7, 1)
    second = books.person("Ben Osei")
    assert (
        refused(services.reopen, starts_on=month, reason=" ", actor=ana, at=books.at("2026-08-05")).code
        == "invalid"
    )
    asked = services.reopen(
        starts_on=month, reason="A credit is missing", actor=ana, at=books.at("2026-08-05")
    )
    assert asked is not None
    again = refused(services.reopen, starts_on=month, reason="x", actor=ana, at=books.at("2026-08-05"))
    assert again.code == "reopening_asked"
    own = refused(approvals.approve, request_id=asked.pk, actor=ana, at=books.at("2026-08-05"))
    assert own.code == "own_request"
    row.refresh_from_db()
    assert row.state == "closed"
    approvals.approve(request_id=asked.pk, actor=second, at=books.at("2026-08-05"))
    row.refresh_from_db()
    assert (row.state, row.reopened_by, row.reopening_agreed_by) == ("open", ana.id, second.id)
    assert row.reopening_reason == "A credit is missing"
    assert LedgerBalance.objects.count() == 0
    assert codes("period.reopened") == [{"month": "2026-07"}]
    books.invoice("2026-07-31", "5.00", of=billing.customer("B"), currency="EUR")
    books.close("2026-07")
    assert LedgerBalance.objects.get(account="receivable").amount_minor == 105_00
    assert ledger.check() == []


def test_a_founder_reopens_alone_and_only_the_last_month(july):
    _, ana, _ = july
    books.close("2026-08")
    at = books.at("2026-09-05")
    fault = refused(services.reopen, starts_on=date(2026, 7, 1), reason="x", actor=ana, at=at)
    assert (fault.code, str(fault)) == (
        "later_period_closed",
        "August 2026 is closed as well and has to be opened first.",
    )
    assert services.reopen(starts_on=date(2026, 8, 1), reason="x", actor=ana, at=at) is None
    assert ApprovalRequest.objects.count() == 0
    assert (
        refused(services.reopen, starts_on=date(2026, 8, 1), reason="x", actor=ana, at=at).code
        == "period_not_closed"
    )
    assert (
        refused(services.reopen, starts_on=date(2026, 9, 1), reason="x", actor=ana, at=at).code == "not_found"
    )
    assert refused(
        services.reopen, starts_on=date(2026, 7, 1), reason="x", actor=books.ACTOR, at=at
    ).code == ("only_members_reopen")


def test_a_request_of_an_earlier_closing_opens_nothing(july):
    _, ana, row = july
    second = books.person("Ben Osei")
    at = books.at("2026-08-05")
    first = services.reopen(starts_on=date(2026, 7, 1), reason="x", actor=ana, at=at)
    AccountingPeriod.objects.filter(pk=row.pk).update(closing_id=second.id)
    assert refused(approvals.approve, request_id=first.pk, actor=second, at=at).code == "period_not_closed"


def test_a_member_who_left_reopens_nothing(july):
    ana = books.person("Cy", role="billing_manager")
    second = books.person("Ben Osei")
    at = books.at("2026-08-05")
    asked = services.reopen(starts_on=date(2026, 7, 1), reason="x", actor=ana, at=at)
    Membership.objects.filter(user_id=ana.id).update(role=people.role("accountant"))
    fault = refused(approvals.approve, request_id=asked.pk, actor=second, at=at)
    assert fault.code == "requester_may_no_longer_reopen"


def test_foreign_currencies_are_worth_the_closing_rate(in_a):
    books.rate("2026-07-10", "0.90")
    books.rate("2026-07-31", "0.95")
    books.rate("2026-08-20", "0.92")
    invoice = books.invoice("2026-07-10", "100.00", of=billing.customer(currency="USD"))
    before = valuation.positions(date(2026, 7, 31))
    assert [(each.account, each.carried_minor, each.worth_minor) for each in before] == [
        ("receivable", 90_00, 95_00)
    ]
    books.close("2026-07")
    held = {row.account: row.base_minor for row in trial.balances(date(2026, 7, 31))}
    assert held == {"receivable": 90_00, "revenue": -90_00, "fx_valuation": 5_00, "fx_gain_loss": -5_00}
    assert [each.difference_minor for each in valuation.positions(date(2026, 7, 31))] == [0]
    # On the next day it stands as it was invoiced, and what is realised is against that day.
    held = {row.account: row.base_minor for row in trial.balances(date(2026, 8, 1))}
    assert held == {"receivable": 90_00, "revenue": -90_00}
    books.paid("2026-08-20", 100_00, invoice)
    held = {row.account: row.base_minor for row in trial.balances(date(2026, 8, 31))}
    assert (held["fx_gain_loss"], held["receivable"] + held["fx_valuation"], held["bank"]) == (
        -2_00,
        0,
        92_00,
    )
    assert ledger.check() == []
    # Cash keeps what it was valued at.
    books.rate("2026-08-31", "0.99")
    books.close("2026-08")
    books.rate("2026-09-30", "0.99")
    books.close("2026-09")
    kinds = LedgerTransaction.objects.filter(kind__startswith="fx_re").values_list("kind", "booked_on")
    assert sorted(kinds) == [
        ("fx_realised:receivable:USD", date(2026, 8, 20)),
        ("fx_revalued:bank:USD", date(2026, 8, 31)),
        ("fx_revalued:receivable:USD", date(2026, 7, 31)),
        ("fx_reversed:receivable:USD", date(2026, 8, 1)),
    ]
    assert ledger.check() == []


def test_a_month_with_an_owed_rate_is_not_closed(in_a):
    books.invoice("2026-07-10", "100.00", of=billing.customer(currency="USD"))
    fault = refused(books.close, month="2026-07")
    assert (fault.code, str(fault).partition(". ")[0]) == (
        "exchange_rate_missing",
        "1 postings in USD have no exchange rate",
    )
    books.rate("2026-07-09", "0.9")
    # The posting has its rate; the end of the month has none.
    fault = refused(books.close, month="2026-07")
    assert "USD to EUR for 2026-07-31" in str(fault)
    books.rate("2026-07-31", "0.9")
    books.close("2026-07")
    assert ledger.check() == []


def test_what_blocks_a_month_is_said(july, monkeypatch):
    draft = billing.draft(of=billing.customer("B"), issued_on=date(2026, 8, 5))
    found = {
        each.code: (each.count, each.blocks)
        for each in checks.run(queries.periods()[0].month.next, books.at("2026-09-02"))
    }
    assert found["drafts"] == (1, False)
    assert {"approvals", "disputes", "rates_owed", "statement_lines", "unallocated"} <= set(found)
    monkeypatch.setitem(
        checks._checks, "trouble", checks.Check(code="trouble", count=lambda *_: 2, blocks=True)
    )
    fault = refused(books.close, month="2026-08")
    assert (fault.code, str(fault)) == ("period_not_ready", "August 2026 waits for: trouble.")
    assert AccountingPeriod.objects.count() == 1
    assert draft.status == "draft"


def test_the_database_refuses_whoever_asks(july):
    with (
        connection.cursor() as cursor,
        pytest.raises(Exception, match="the books of 2026-07 are closed"),
        attempt(),
    ):
        # Whole and balanced: the day alone is wrong.
        cursor.execute(
            "WITH posting AS (INSERT INTO billing_ledgertransaction (tenant_id, id, kind, booked_on, at) "
            "SELECT tenant_id, gen_random_uuid(), 'made_up', '2026-07-31', now() FROM billing_issuer "
            "RETURNING tenant_id, id) "
            "INSERT INTO billing_ledgerentry (tenant_id, id, transaction_id, account, currency, amount_minor) "
            "SELECT tenant_id, uuidv7(), id, side.* "
            "FROM posting, (VALUES ('receivable', 'EUR', 1), ('revenue', 'EUR', -1)) AS side"
        )
    with connection.cursor() as cursor, pytest.raises(Exception, match="only grows"), attempt():
        cursor.execute("UPDATE billing_ledgertransaction SET exchange_rate = 2")
