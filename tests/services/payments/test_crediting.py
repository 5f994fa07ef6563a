"""A credit note that gives money back: promised, sent, and never lost when it does not arrive."""

from uuid import UUID

import pytest
from django.db import connection

from billing.creditnotes import services as notes
from billing.invoices.models import Invoice
from billing.ledger import queries as ledger
from billing.settlement import queries as settlement
from core import clock
from core.errors import NotFound
from payments.models import Refund
from payments.services import crediting, refunds
from tenancy import context
from tests.make import billing as make
from tests.make import payments


@pytest.fixture
def invoice(in_a: UUID) -> Invoice:
    made = make.finalized(lines=[make.line("100", rate=make.tax_rate())])
    payments.bank(made.customer_id, 12000, onto=((made.pk, 12000),))
    return made


def credit(invoice: Invoice, refund_minor: int, **values):
    return crediting.credit(
        invoice_id=invoice.pk, refund_minor=refund_minor, actor=make.ACTOR, at=clock.now(), **values
    )


def balances() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, sum(amount_minor)::bigint FROM billing_ledgerentry GROUP BY account")
        return {account: total for account, total in cursor.fetchall() if total}


def pay_out(refund: Refund) -> None:
    refunds.record_payout(refund_id=refund.pk, paid_on=clock.now().date(), actor=make.ACTOR, at=clock.now())


def test_all_of_it_goes_back(invoice: Invoice) -> None:
    note, asked = credit(invoice, 12000, reason_code="order_cancellation")
    assert (note.refund_minor, [each.amount_minor for each in asked]) == (12000, [12000])
    assert (asked[0].reason_code, asked[0].credit_note_id) == ("order_canceled", note.pk)
    assert balances() == {"bank": 12000, "refunds": -12000}
    pay_out(asked[0])
    assert balances() == {}
    assert ledger.check() == []


def test_what_is_given_up_becomes_credit_and_can_be_refunded_later(invoice: Invoice) -> None:
    _, asked = credit(invoice, 2000, wanted=notes.Wanted(amount_minor=2000))
    refunds.cancel(refund_id=asked[0].pk, actor=make.ACTOR, at=clock.now())
    assert settlement.credit(customer_id=invoice.customer_id) == {"EUR": 2000}
    assert ledger.check() == []
    later = payments.promised(asked[0].payment, 2000)
    pay_out(later)
    assert settlement.credit(customer_id=invoice.customer_id) == {}
    assert "refunds" not in balances()
    assert ledger.check() == []


def test_what_left_before_is_explained(invoice: Invoice) -> None:
    payment_id = settlement.allocations(invoice_id=invoice.pk)[0].payment_id
    before = refunds.ask(
        payment_id=payment_id, amount_minor=3000, reason="Goodwill", actor=make.ACTOR, at=clock.now()
    )
    pay_out(before)
    assert balances()["refunds"] == 3000
    with pytest.raises(NotFound), context.attempt():
        credit(invoice, 0, given_back=[UUID(int=1)])
    note, asked = credit(invoice, 1000, given_back=[before.pk], wanted=notes.Wanted(amount_minor=4000))
    assert (note.refund_minor, [each.amount_minor for each in asked]) == (4000, [1000])
    pay_out(asked[0])
    assert "refunds" not in balances()
    assert crediting.unexplained(invoice.pk) == []
    assert ledger.check() == []


def test_no_more_than_the_payments_brought(invoice: Invoice) -> None:
    with pytest.raises(crediting.RefundExceedsPayments), context.attempt():
        credit(invoice, 12001)
    assert Refund.objects.count() == 0
