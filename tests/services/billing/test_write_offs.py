"""Giving up an invoice as lost: with a second person, in the books, and taken up again when money comes."""

from uuid import UUID

import pytest
from django.db import connection

from accounts.models import ApprovalRequest
from accounts.services import approvals
from billing.creditnotes import services as notes
from billing.invoices import lists
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.ledger import queries as ledger
from billing.settlement import services as settlement
from billing.settlement.models import WriteOff
from core import clock
from core.actor import Actor
from core.errors import Invalid
from tenancy import context
from tests.make import accounts, payments
from tests.make import billing as make


@pytest.fixture
def invoice(in_a: UUID) -> Invoice:
    return make.finalized(lines=[make.line("100", rate=make.tax_rate())])


def again(invoice: Invoice) -> Invoice:
    return Invoice.objects.get(pk=invoice.pk)


def write_off(invoice: Invoice, actor: Actor = make.ACTOR, **values) -> settlement.WrittenOff:
    values = {"reason": "Insolvent", "at": clock.now(), **values}
    return settlement.write_off(invoice_id=invoice.pk, actor=actor, **values)


def balances() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, sum(amount_minor)::bigint FROM billing_ledgerentry GROUP BY account")
        return {account: total for account, total in cursor.fetchall() if total}


def test_what_is_given_up_is_not_paid(invoice: Invoice) -> None:
    write_off(invoice)
    after = again(invoice)
    assert (after.amount_due_minor, after.written_off_minor, after.payment_status) == (0, 12000, "unpaid")
    assert balances() == {"bad_debt": 12000, "revenue": -10000, "tax": -2000}
    assert ledger.check() == []
    today = clock.now().date()
    shown = {
        view: [row.id for row in lists.page(lists.Wanted(today=today, view=view)).rows] for view in lists.View
    }
    assert [view for view in shown if shown[view]] == [lists.View.ALL, lists.View.WRITTEN_OFF]
    assert lists.sums(lists.Wanted(today=today, view=lists.View.WRITTEN_OFF))[0].count == 1
    assert lists.sums(lists.Wanted(today=today, view=lists.View.OPEN)) == []


def test_money_that_comes_after_all_reinstates(invoice: Invoice) -> None:
    write_off(invoice)
    payments.bank(invoice.customer_id, 5000, onto=((invoice.pk, 5000),))
    after = again(invoice)
    assert (after.amount_paid_minor, after.written_off_minor, after.payment_status) == (
        5000, 7000, "partially_paid"
    )  # fmt: skip
    payments.bank(invoice.customer_id, 8000, onto=((invoice.pk, 8000),))
    after = again(invoice)
    assert (after.amount_paid_minor, after.written_off_minor, after.payment_status) == (12000, 0, "paid")
    assert balances() == {"bank": 13000, "revenue": -10000, "tax": -2000, "customer_credit": -1000}
    assert [row.amount_minor for row in WriteOff.objects.order_by("id")] == [12000, -5000, -7000]
    assert make.events_of(invoice.pk)[-3:] == ["invoice.partially_paid", "invoice.reinstated", "invoice.paid"]
    assert ledger.check() == []


def test_a_credit_note_of_a_lost_invoice_takes_the_tax_back(invoice: Invoice) -> None:
    write_off(invoice)
    notes.issue(invoice_id=invoice.pk, actor=make.ACTOR, at=clock.now())
    assert balances() == {}
    assert (again(invoice).written_off_minor, again(invoice).credited_minor) == (0, 12000)
    assert ledger.check() == []


def test_a_person_never_does_it_alone(invoice: Invoice) -> None:
    asker, other = accounts.member("billing_manager"), accounts.member("owner")
    asked = write_off(invoice, accounts.actor(asker.user)).waiting
    assert asked is not None
    assert again(invoice).amount_due_minor == 12000
    with pytest.raises(settlement.WriteOffWaits), context.attempt():
        write_off(invoice, accounts.actor(asker.user))
    decider = accounts.actor(other.user, opened=accounts.session(other.user))
    approvals.approve(request_id=asked.pk, actor=decider, at=clock.now())
    row = WriteOff.objects.get()
    assert (row.amount_minor, row.asked_by, row.agreed_by) == (12000, asker.user_id, other.user_id)
    assert row.reason == "Insolvent"
    assert ApprovalRequest.objects.get(pk=asked.pk).state == "approved"


def test_no_more_than_was_agreed_on_is_given_up(invoice: Invoice) -> None:
    asker, other = accounts.member("billing_manager"), accounts.member("owner")
    asked = write_off(invoice, accounts.actor(asker.user)).waiting
    assert asked is not None
    payments.bank(invoice.customer_id, 2000, onto=((invoice.pk, 2000),))
    decider = accounts.actor(other.user, opened=accounts.session(other.user))
    approvals.approve(request_id=asked.pk, actor=decider, at=clock.now())
    assert (again(invoice).written_off_minor, again(invoice).amount_due_minor) == (10000, 0)


def test_it_is_refused_where_it_makes_no_sense(invoice: Invoice) -> None:
    with pytest.raises(Invalid), context.attempt():
        write_off(invoice, reason=" ")
    with pytest.raises(settlement.DueMovedOn), context.attempt():
        write_off(invoice, seen_minor=1)
    with pytest.raises(invoices.InvoiceNotFinalized), context.attempt():
        write_off(make.draft())
    write_off(invoice)
    with pytest.raises(settlement.NothingDue), context.attempt():
        write_off(invoice)
    with pytest.raises(invoices.InvoiceWrittenOff), context.attempt():
        make.void(invoice.pk)
