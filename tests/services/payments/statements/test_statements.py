"""A file brings each line once, in whatever order; a line is booked once, by a person, and can be undone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.documents import reference
from billing.invoices.models import Invoice
from billing.ledger import queries as books
from billing.settlement import queries as settlement
from core.errors import Invalid, NotFound, Refusal
from payments.models import Payment, Statement, StatementLine
from payments.services import collect
from payments.statements import booking, services
from tenancy import context
from tests import databases
from tests.make import billing as make
from tests.make.statements import Line, camt053, csv

IBAN = "DE02120300000000202051"


def take(data: bytes, **more) -> services.Outcome:
    values = {"file_name": "march.xml", "currency": "EUR", "actor": make.ACTOR, "at": make.AT}
    return services.take_in(data=data, **{**values, **more})


def rf(invoice: Invoice) -> str:
    return reference.reference_of(invoice)


def lines(**filters) -> list[StatementLine]:
    return list(StatementLine.objects.filter(**filters).order_by("id"))


class _Undo(Exception):
    pass


@contextmanager
def undone() -> Iterator[None]:
    """Take back what is written inside."""
    try:
        with context.attempt():
            yield
            raise _Undo
    except _Undo:
        return


def recorded(*, about: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event FROM audit_event WHERE split_part(event, '.', 1) = %s ORDER BY at, id", [about]
        )
        return [row[0] for row in cursor.fetchall()]


def test_a_statement_comes_in_matched_and_nothing_is_booked(in_a):
    customer = make.customer()
    invoice, other = make.finalized(of=customer), make.finalized(of=make.customer("Grace Hopper"))
    outcome = take(
        camt053(
            [
                Line(10_000, "Ada Lovelace", IBAN, reference=rf(invoice)),
                Line(4_000, "Grace Hopper", text="part of it"),
                Line(77, "Nobody", text="what"),
                Line(-2_500, "Landlord", text="rent"),
            ],
            opening_minor=500,
        )
    )
    assert (outcome.entries, outcome.new, outcome.known, outcome.is_known) == (4, 4, 0, False)
    assert (outcome.certain, outcome.offered, outcome.other, outcome.incoming) == (1, 1, 1, {"EUR": 14_077})
    first, second, third, fourth = lines()
    assert (first.state, first.score, first.customer_id, first.name, first.iban) == (
        "open", 100, customer.pk, "Ada Lovelace", IBAN,
    )  # fmt: skip
    assert first.proposal == {
        "parts": [[str(invoice.pk), 10_000]], "reasons": ["reference", "amount", "name"], "payment": "",
    }  # fmt: skip
    assert (second.customer_id, second.proposal["parts"]) == (other.customer_id, [[str(other.pk), 4_000]])
    assert (third.score, third.customer_id, third.proposal) == (0, None, None)
    assert (fourth.state, fourth.amount_minor) == ("other", -2_500)
    row = Statement.objects.get()
    assert (row.opening_minor, row.closing_minor, row.account, row.reference) == (
        500, 12_077, "DE75512108001245126199", "2026-1",
    )  # fmt: skip
    assert Payment.objects.count() == 0
    assert recorded(about="statement") == ["statement.imported"]


def test_a_dry_run_keeps_nothing(in_a):
    outcome = take(camt053([Line(100)]), dry_run=True)
    assert (outcome.new, outcome.dry_run, outcome.statements) == (1, True, [])
    assert (Statement.objects.count(), StatementLine.objects.count(), recorded(about="statement")) == (
        0,
        0,
        [],
    )


def test_the_same_file_twice_brings_nothing_and_equal_lines_are_two(in_a):
    data = camt053([Line(100, "Ann"), Line(100, "Ann"), Line(200, "Ann")])
    first, again = take(data), take(data)
    assert (first.new, again.new, again.known, again.is_known) == (3, 0, 3, True)
    assert again.statements == first.statements
    overlapping = take(camt053([Line(100, "Ann"), Line(100, "Ann"), Line(100, "Ann"), Line(5)], number="2"))
    assert (overlapping.new, overlapping.known) == (2, 2)
    assert sorted(line.amount_minor for line in lines()) == [5, 100, 100, 100, 200]
    assert recorded(about="statement") == ["statement.imported"] * 2


@given(
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["Ann", "Bob"])), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_the_same_lines_brings_no_row(in_a, what, chance):
    rows = [Line(amount, name) for amount, name in what]
    with undone():
        take(csv(rows))
        before = lines(), Statement.objects.count()
        shuffled = list(rows)
        chance.shuffle(shuffled)
        again = take(csv(shuffled))
        some = take(csv(shuffled[: max(1, len(rows) // 2)]))
        assert (again.new, again.known, some.new) == (0, len(rows), 0)
        assert (lines(), Statement.objects.count()) == before
        assert len(before[0]) == len(rows)


def test_two_organizations_have_digests_of_their_own(db, tenant_a, tenant_b):
    found = []
    for tenant in (tenant_a, tenant_b):
        with context.scope(context.Scope(tenant)):
            assert take(camt053([Line(100, "Ann")])).new == 1
            found += [bytes(line.fingerprint) for line in lines()]
    assert len(set(found)) == len(found) == 2


def test_what_a_bank_wrote_is_encrypted_and_a_card_number_covered(in_a):
    take(camt053([Line(100, "Quill Ravenscroft", IBAN, text="card 4111111111111111 quillwort")]))
    (line,) = lines()
    assert (line.is_covered, line.text) == (True, f"card {'•' * 16} quillwort")
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(t)::text FROM payments_statementline t")
        stored = cursor.fetchone()[0]
    for word in ("Ravenscroft", "202051", "quillwort", "4111111111111111"):
        assert word not in stored
        assert word.encode().hex() not in stored


def test_a_file_that_does_not_add_up_leaves_nothing(in_a):
    data = camt053([Line(100)]).replace(b">0.00<", b">3.00<", 1)
    with pytest.raises(Refusal) as refused, context.attempt():
        take(data)
    assert refused.value.code == "balance_wrong"
    assert Statement.objects.count() == 0


def test_a_certain_line_is_booked_by_one_click_and_the_books_hold(in_a):
    invoice = make.finalized()
    second = make.finalized(of=invoice.customer)
    take(
        camt053(
            [Line(10_000, "Ada Lovelace", IBAN, reference=rf(invoice)), Line(10_000, "X", text="no idea")]
        )
    )
    done = booking.book_certain(actor=make.ACTOR, at=make.AT)
    assert (done.lines, done.left, done.sums) == (1, 0, {"EUR": 10_000})
    first, other = lines()
    payment = Payment.objects.get()
    assert (first.state, first.payment_id, first.decided_at) == ("booked", payment.pk, make.AT)
    assert (payment.source, payment.received_on, payment.amount_minor) == (
        "statement",
        date(2026, 3, 2),
        10_000,
    )
    assert Invoice.objects.get(pk=invoice.pk).payment_status == "paid"
    assert (other.state, other.proposal["parts"]) == ("open", [[str(second.pk), 10_000]])
    assert recorded(about="statement_line") == ["statement_line.booked"]
    assert books.check() == []
    assert booking.book_certain(actor=make.ACTOR, at=make.AT).lines == 0


def test_a_second_transfer_for_a_paid_invoice_is_left_for_a_person(in_a):
    invoice = make.finalized()
    outcome = take(
        camt053([Line(10_000, "A", reference=rf(invoice)), Line(10_000, "B", reference=rf(invoice))])
    )
    assert outcome.certain == 1
    booking.book_certain(actor=make.ACTOR, at=make.AT)
    _, second = lines()
    assert (second.state, second.score, second.proposal["reasons"]) == ("open", 40, ["reference", "settled"])
    booking.book(line_id=second.pk, customer_id=invoice.customer_id, wanted=[], actor=make.ACTOR, at=make.AT)
    assert settlement.credit(customer_id=invoice.customer_id) == {"EUR": 10_000}
    assert books.check() == []


def test_what_was_paid_meanwhile_is_not_booked_as_certain(in_a):
    invoice = make.finalized()
    take(camt053([Line(10_000, "Ada Lovelace", reference=rf(invoice))]))
    collect.record(
        customer_id=invoice.customer_id, currency="EUR", amount_minor=10_000, wanted=[(invoice.pk, 10_000)],
        received_on=make.AT.date(), source="staff", actor=make.ACTOR, at=make.AT,
    )  # fmt: skip
    done = booking.book_certain(actor=make.ACTOR, at=make.AT)
    assert (done.lines, done.left, Payment.objects.count()) == (0, 1, 1)
    (line,) = lines()
    assert (line.state, line.proposal["payment"]) == ("open", str(Payment.objects.get().pk))
    booking.link(line_id=line.pk, payment_id=Payment.objects.get().pk, actor=make.ACTOR, at=make.AT)
    (line,) = lines()
    assert (line.state, line.payment_id) == ("linked", Payment.objects.get().pk)
    assert recorded(about="statement_line") == ["statement_line.linked"]
    booking.undo(line_id=line.pk, reason="", actor=make.ACTOR, at=make.AT)
    assert (lines()[0].state, Payment.objects.get().state) == ("open", "succeeded")


def test_a_line_is_split_over_invoices_and_the_rest_is_credit(in_a):
    first = make.finalized()
    second = make.finalized(of=first.customer)
    take(camt053([Line(17_000, "Somebody")]))
    (line,) = lines()
    wanted = [(first.pk, 10_000), (second.pk, 5_000)]
    booking.book(line_id=line.pk, customer_id=first.customer_id, wanted=wanted, actor=make.ACTOR, at=make.AT)
    due = [Invoice.objects.get(pk=key).amount_due_minor for key, _ in wanted]
    assert (due, settlement.credit(customer_id=first.customer_id)) == ([0, 5_000], {"EUR": 2_000})
    assert books.check() == []


def test_a_booked_line_is_undone_by_a_counter_entry_and_can_be_booked_again(in_a):
    invoice = make.finalized()
    take(camt053([Line(10_000, "Ada Lovelace", reference=rf(invoice))]))
    booking.book_certain(actor=make.ACTOR, at=make.AT)
    (line,) = lines()
    booking.undo(line_id=line.pk, reason="wrong customer", actor=make.ACTOR, at=make.AT)
    (line,) = lines()
    assert (line.state, line.payment_id, line.decided_at, line.score) == ("open", None, None, 100)
    assert (Payment.objects.get().state, Invoice.objects.get(pk=invoice.pk).payment_status) == (
        "reversed",
        "unpaid",
    )
    assert recorded(about="statement_line") == ["statement_line.booked", "statement_line.reopened"]
    assert booking.book_certain(actor=make.ACTOR, at=make.AT).lines == 1
    assert books.check() == []


def test_a_line_that_is_nobodys_is_set_aside_with_a_reason_and_taken_up_again(in_a):
    take(camt053([Line(500, "Tax office")]))
    (line,) = lines()
    with pytest.raises(Invalid), context.attempt():
        booking.ignore(line_id=line.pk, reason=" ", actor=make.ACTOR, at=make.AT)
    with pytest.raises(Invalid), context.attempt():
        booking.ignore(line_id=line.pk, reason="4111 1111 1111 1111", actor=make.ACTOR, at=make.AT)
    assert lines()[0].state == "open"
    booking.ignore(line_id=line.pk, reason="a tax refund", actor=make.ACTOR, at=make.AT)
    assert (lines()[0].state, lines()[0].reason) == ("ignored", "a tax refund")
    booking.undo(line_id=line.pk, reason="", actor=make.ACTOR, at=make.AT)
    assert (lines()[0].state, lines()[0].reason) == ("open", None)
    assert recorded(about="statement_line") == ["statement_line.ignored", "statement_line.reopened"]


def test_what_cannot_be_done_with_a_line_is_refused_and_changes_nothing(in_a):
    invoice, foreign = make.finalized(), make.finalized(of=make.customer("Grace Hopper"))
    take(camt053([Line(500, "Ada"), Line(-5, "Rent")]))
    line, out = lines()
    who = {"actor": make.ACTOR, "at": make.AT}
    theirs = {"customer_id": invoice.customer_id, **who}
    refused = {
        "more_than_transferred": lambda: booking.book(line_id=line.pk, wanted=[(invoice.pk, 501)], **theirs),
        "not_found": lambda: booking.book(line_id=line.pk, wanted=[(foreign.pk, 5)], **theirs),
        "line_moved_on": lambda: booking.book(line_id=out.pk, wanted=[], **theirs),
        "line_not_decided": lambda: booking.undo(line_id=out.pk, reason="x", **who),
    }
    for code, act in refused.items():
        with pytest.raises(Refusal) as refusal, context.attempt():
            act()
        assert refusal.value.code == code
    with pytest.raises(NotFound), context.attempt():
        booking.ignore(line_id=uuid4(), reason="x", **who)
    assert ([each.state for each in lines()], Payment.objects.count()) == (["open", "other"], 0)


def test_a_payment_stands_on_one_line(in_a):
    invoice = make.finalized()
    payment = collect.record(
        customer_id=invoice.customer_id, currency="EUR", amount_minor=500, wanted=[], received_on=make.AT.date(),
        source="staff", actor=make.ACTOR, at=make.AT,
    )  # fmt: skip
    take(camt053([Line(500, "Ada"), Line(500, "Ada"), Line(400, "Ada")]))
    first, second, third = lines()
    booking.link(line_id=first.pk, payment_id=payment.pk, actor=make.ACTOR, at=make.AT)
    for line in (second, third):
        with pytest.raises(booking.PaymentDiffers), context.attempt():
            booking.link(line_id=line.pk, payment_id=payment.pk, actor=make.ACTOR, at=make.AT)


def test_an_account_that_paid_before_is_known_by_its_blind_index(in_a):
    invoice = make.finalized()
    take(camt053([Line(10_000, "A. L.", IBAN, reference=rf(invoice))]))
    booking.book_certain(actor=make.ACTOR, at=make.AT)
    later = make.finalized(of=invoice.customer)
    take(camt053([Line(10_000, "Somebody else", IBAN, text="hello", on=date(2026, 3, 9))], number="2"))
    line = lines()[-1]
    assert (line.customer_id, line.score) == (later.customer_id, 70)
    assert line.proposal["reasons"] == ["amount", "only_amount", "account"]


def test_ten_thousand_lines_come_in(in_a):
    rows = [
        Line(100 + number, f"Customer {number}", on=date(2026, 1, number % 28 + 1))
        for number in range(10_000)
    ]
    outcome = take(csv(rows), file_name="long.csv")
    assert (outcome.new, outcome.unread, StatementLine.objects.count()) == (10_000, [], 10_000)
    assert take(csv(list(reversed(rows)))).new == 0


def test_a_person_is_named_on_what_they_decided(in_a):
    take(camt053([Line(500, "Ada")]))
    (line,) = lines()
    person = replace(make.ACTOR, id=UUID(int=7))
    booking.ignore(line_id=line.pk, reason="x", actor=person, at=make.AT)
    assert lines()[0].decided_by == UUID(int=7)


def test_what_one_booking_teaches_about_an_account_is_said_of_the_lines_that_wait(in_a):
    first, second = make.finalized(), make.finalized(of=make.customer("Grace Hopper"))
    take(
        camt053(
            [Line(10_000, "Ada", IBAN, reference=rf(first)), Line(10_000, "Ada", IBAN, reference=rf(second))]
        )
    )
    line, waiting = lines()
    assert waiting.score == 100
    booking.book(
        line_id=line.pk,
        customer_id=first.customer_id,
        wanted=[(first.pk, 10_000)],
        actor=make.ACTOR,
        at=make.AT,
    )
    waiting = lines()[1]
    assert (waiting.score, waiting.proposal["reasons"]) == (90, ["reference", "amount", "other_account"])
    assert booking.book_certain(actor=make.ACTOR, at=make.AT).lines == 0


@pytest.mark.django_db(transaction=True)
def test_the_books_tell_a_line_that_is_not_what_was_booked(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        invoice = make.finalized()
        take(camt053([Line(10_000, "Ada", reference=rf(invoice))]))
        booking.book_certain(actor=make.ACTOR, at=make.AT)
        assert books.check() == []
    databases.past_triggers("UPDATE payments_statementline SET amount_minor = 9999")
    with context.scope(context.Scope(tenant_a)):
        (error,) = books.check()
        assert (error.kind, error.subject) == ("statement_line_differs_from_payment", str(lines()[0].pk))
