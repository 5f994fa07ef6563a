"""Credit notes: what they take back, where it goes, and what of an invoice is left."""

from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from billing.creditnotes import queries, rules
from billing.creditnotes import services as notes
from billing.creditnotes.models import CreditNote, CreditNoteLine
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.invoices.rules import Discount
from billing.ledger import queries as ledger
from billing.ledger.rules import Account
from billing.settlement import queries as settlement
from core.errors import Invalid
from tests.make import billing as make
from tests.make import payments


def issue(invoice: Invoice, **values) -> CreditNote:
    return notes.issue(invoice_id=invoice.pk, actor=make.ACTOR, at=make.AT, **values)


def again(invoice: Invoice) -> Invoice:
    return Invoice.objects.get(pk=invoice.pk)


def balances() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, sum(amount_minor)::bigint FROM billing_ledgerentry GROUP BY account")
        return {account: total for account, total in cursor.fetchall() if total}


@pytest.fixture
def invoice(in_a: UUID) -> Invoice:
    """Three lines of two rates: 119.99 + 20 %, 0.01 + 20 %, 30.00 + 5 %."""
    full, reduced = make.tax_rate("20"), make.tax_rate("5", code="reduced")
    lines = [
        make.line("119.99", rate=full, text="Repair"),
        make.line("0.01", rate=full, text="Screw"),
        make.line("30", rate=reduced, text="Book"),
    ]
    return make.finalized(lines=lines)


def test_all_of_an_open_invoice_goes_off_it(invoice: Invoice) -> None:
    note = issue(invoice, reason_code="order_cancellation", reason="Canceled by telephone")
    assert (note.number, note.total_minor, note.offset_minor) == ("CN-2026-00001", 17550, 17550)
    after = again(invoice)
    assert (after.amount_due_minor, after.payment_status, after.credited_minor) == (0, "paid", 17550)
    assert balances() == {}
    assert ledger.check() == []
    shown = queries.get(note.pk)
    assert [(line.description, line.net_minor) for line in shown.lines] == [
        ("Repair", 11999), ("Screw", 1), ("Book", 3000)
    ]  # fmt: skip
    assert [(tax.percentage, tax.tax_minor) for tax in shown.taxes] == [(5, 150), (20, 2400)]
    assert shown.references["invoice"] == invoice.number
    assert queries.content_is_intact(note.pk)


def test_steps_leave_exactly_nothing(invoice: Invoice) -> None:
    lines = list(invoice.parts[0])
    first = issue(invoice, wanted=notes.Wanted(lines=[rules.LineCredit(line_id=lines[0].pk, net_minor=3333)]))
    assert (first.subtotal_minor, first.tax_minor) == (3333, 667)
    second = issue(invoice, wanted=notes.Wanted(amount_minor=777))
    assert second.total_minor == 777
    left = queries.left(again(invoice))
    assert left.total_minor == 17550 - 4000 - 777
    third = issue(invoice)
    assert first.total_minor + second.total_minor + third.total_minor == 17550
    assert first.tax_minor + second.tax_minor + third.tax_minor == 2550
    assert [line.left_minor for line in queries.left(again(invoice)).lines] == [0, 0, 0]
    assert ledger.check() == []


def test_a_piece_of_a_discounted_invoice_goes_back_at_what_was_charged(in_a: UUID) -> None:
    full = make.tax_rate("20")
    lines = [
        make.line("33.33", quantity="3", rate=full, text="Chair"),
        make.line("10", rate=full, text="Lamp"),
    ]
    sold = make.finalized(lines=lines, discounts=[Discount(percentage=Decimal(15), reason="Fair")])
    chair, lamp = (line.pk for line in sold.parts[0][:2])
    one = notes.Wanted(lines=[rules.LineCredit(line_id=chair, quantity=Decimal(1))])
    pieces = [issue(sold, wanted=one) for _ in range(3)]
    # 33.33 less 15 % is 28.33, each with its tax.
    assert [note.subtotal_minor for note in pieces] == [2833, 2833, 2833]
    assert [line.net_minor for line in queries.get(pieces[0].pk).lines] == [3333, -500]
    last = issue(sold, wanted=notes.Wanted(lines=[rules.LineCredit(line_id=lamp)]))
    assert sum(note.total_minor for note in (*pieces, last)) == sold.total_minor
    assert queries.left(again(sold)).total_minor == 0
    assert again(sold).amount_due_minor == 0
    assert ledger.check() == []


def test_what_was_paid_becomes_credit(invoice: Invoice) -> None:
    payments.bank(invoice.customer_id, 17000, onto=((invoice.pk, 17000),))
    note = issue(invoice, wanted=notes.Wanted(amount_minor=1000))
    assert (note.offset_minor, note.credit_minor) == (550, 450)
    assert settlement.credit(customer_id=invoice.customer_id) == {"EUR": 450}
    assert again(invoice).payment_status == "paid"
    assert ledger.check() == []


def test_more_than_is_left_is_refused(invoice: Invoice) -> None:
    issue(invoice, wanted=notes.Wanted(amount_minor=17000))
    with pytest.raises(rules.CreditExceedsInvoice), transaction.atomic():
        issue(invoice, wanted=notes.Wanted(amount_minor=551))
    line = next(line for line in queries.left(again(invoice)).lines if line.net_minor == 11999)
    wanted = notes.Wanted(lines=[rules.LineCredit(line_id=line.id, net_minor=line.left_minor + 1)])
    with pytest.raises(Invalid), transaction.atomic():
        issue(invoice, wanted=wanted)
    assert again(invoice).noted_minor == 17000


def test_a_credited_invoice_is_not_voided(invoice: Invoice) -> None:
    issue(invoice, wanted=notes.Wanted(amount_minor=1), offset_minor=0)
    with pytest.raises(invoices.InvoiceCredited), transaction.atomic():
        make.void(invoice.pk)


def test_a_page_sent_twice_credits_once(invoice: Invoice) -> None:
    issue(invoice, wanted=notes.Wanted(amount_minor=100), seen_minor=0)
    with pytest.raises(notes.CreditedMeanwhile), transaction.atomic():
        issue(invoice, wanted=notes.Wanted(amount_minor=100), seen_minor=0)


def test_what_goes_back_to_the_payer_waits_where_nobody_spends_it(invoice: Invoice) -> None:
    payments.bank(invoice.customer_id, 17550, onto=((invoice.pk, 17550),))
    issue(invoice, wanted=notes.Wanted(amount_minor=1000), refund_minor=1000)
    assert balances()[Account.REFUNDS] == -1000
    assert settlement.credit(customer_id=invoice.customer_id) == {}


@pytest.mark.parametrize("change", ["total_minor = 1", "number = 'X'", "reason_code = 'order_change'"])
def test_a_credit_note_never_changes(invoice: Invoice, change: str) -> None:
    note = issue(invoice, wanted=notes.Wanted(amount_minor=100))
    for sql in (f"UPDATE billing_creditnote SET {change}", "DELETE FROM billing_creditnote"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    assert CreditNote.objects.filter(pk=note.pk, total_minor=100).exists()


def test_no_line_is_added_afterwards(invoice: Invoice) -> None:
    note = issue(invoice, wanted=notes.Wanted(amount_minor=100))
    line = CreditNoteLine.objects.filter(credit_note=note)[0]
    line.pk, line.position, line.description = UUID(int=1), 99, "More"
    with pytest.raises(DatabaseError), transaction.atomic():
        line.save(force_insert=True)
