"""Collecting: what may be begun, what an outcome does, in any order and any number of times."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from billing.invoices.services import PaymentUnderWay
from core.errors import NotFound
from payments import rules
from payments.models import Attempt
from payments.services import collect
from tenancy import context
from tests.make import billing as bill
from tests.make import payments as make
from tests.services.payments.standing import credit, state

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]


# --- Beginning -------------------------------------------------------------------------------------


def test_two_tabs_and_a_double_click_make_one_attempt(in_a):
    invoice = bill.finalized()
    attempt = make.started(invoice)
    assert make.started(invoice).pk == attempt.pk
    assert state(invoice) == ("unpaid", 0, 1, 0)
    assert Attempt.objects.count() == 1
    assert make.events_of(attempt.payment_id) == ["payment.started"]


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (10_001, collect.MoreThanDue),
        (0, collect.AmountNotPositive),
    ],
)
def test_no_more_than_is_due_can_be_collected(in_a, wanted, refusal):
    invoice = bill.finalized()
    with pytest.raises(refusal), context.attempt():
        make.started((invoice, wanted))
    assert (state(invoice), Attempt.objects.count()) == (("unpaid", 0, 0, 0), 0)


def test_a_draft_a_voided_and_a_paid_invoice_cannot_be_collected(in_a):
    draft, voided, paid = bill.draft(), bill.finalized(), bill.finalized()
    bill.void(voided.pk)
    make.bank_payment(paid)
    for invoice in (draft, voided, paid):
        with pytest.raises(collect.NotPayable), context.attempt():
            make.started((invoice, 100))
    assert Attempt.objects.count() == 0


def test_nothing_is_collected_twice_or_through_an_account_that_is_gone(in_a):
    invoice, account = bill.finalized(), make.account()
    with pytest.raises(collect.InvoiceTwice), context.attempt():
        make.started((invoice, 100), (invoice, 200))
    with pytest.raises(collect.NothingToPay), context.attempt():
        collect.start(
            customer_id=invoice.customer_id, items=[], account_id=account.pk, source="portal",
            actor=make.ACTOR, at=make.AT,
        )  # fmt: skip
    account.state = "disconnected"
    account.save(update_fields=["state"])
    with pytest.raises(collect.GatewayNotConnected), context.attempt():
        make.started(invoice, account_id=account.pk)
    assert Attempt.objects.count() == 0


def test_invoices_of_two_currencies_are_not_paid_together(in_a):
    ada = bill.customer()
    euros, dollars = bill.finalized(of=ada), bill.finalized(of=ada, currency="USD")
    with pytest.raises(collect.DifferentCurrencies), context.attempt():
        make.started(euros, dollars)
    assert Attempt.objects.count() == 0


@pytest.mark.parametrize("way", ["processing", "unknown"])
def test_what_is_on_its_way_is_not_collected_again(in_a, way):
    invoice = bill.finalized()
    attempt = make.started((invoice, 6_000))
    if way == "processing":
        make.apply(attempt, "processing")
    else:
        collect.pages.unsure(attempt_id=attempt.pk, actor=make.ACTOR, at=make.AT)
    with pytest.raises(collect.PaymentOnItsWay), context.attempt():
        make.started((invoice, 4_001))
    assert collect.under_way([invoice.pk]) == {invoice.pk: 6_000}
    assert make.started((invoice, 4_000)).state == "created"


def test_a_failed_payment_is_tried_again_as_the_same_payment(in_a):
    invoice = bill.finalized()
    first = make.apply(make.started(invoice), "failed", code="card_declined")
    assert (first.state, first.payment.state, first.payment.failure_code) == (
        "failed", "failed", "card_declined",
    )  # fmt: skip
    assert state(invoice) == ("unpaid", 0, 0, 0)
    second = make.started(invoice)
    assert (second.payment_id, second.number) == (first.payment_id, 2)
    assert make.apply(second).payment.state == "succeeded"
    assert state(invoice) == ("paid", 10_000, 0, 0)


def test_an_invoice_with_a_payment_under_way_cannot_be_voided(in_a):
    invoice = bill.finalized()
    attempt = make.started(invoice)
    with pytest.raises(PaymentUnderWay), context.attempt():
        bill.void(invoice.pk)
    make.apply(attempt, "canceled")
    assert bill.void(invoice.pk).status == "voided"


# --- Outcomes --------------------------------------------------------------------------------------


def test_a_success_settles_once_however_often_it_is_said(in_a):
    invoice = bill.finalized()
    attempt = make.started(invoice)
    for _ in range(3):
        attempt = make.apply(attempt)
    payment = attempt.payment
    assert (attempt.state, payment.state, payment.captured_minor) == ("succeeded", "succeeded", 10_000)
    assert (payment.brand, payment.last4, payment.reference) == ("visa", "4242", f"pi_{attempt.pk.hex}")
    assert state(invoice) == ("paid", 10_000, 0, 0)
    assert make.events_of(payment.pk) == ["payment.started", "payment.succeeded"]


def test_a_debit_is_processing_until_the_bank_has_spoken(in_a):
    invoice = bill.finalized()
    attempt = make.apply(make.started(invoice), "processing")
    assert (attempt.payment.state, state(invoice)) == ("processing", ("processing", 0, 1, 1))
    assert attempt.ask_at == make.AT + rules.pause(0)
    make.apply(attempt, "failed", code="insufficient_funds")
    assert state(invoice) == ("unpaid", 0, 0, 0)
    assert make.events_of(attempt.payment_id) == ["payment.started", "payment.processing", "payment.failed"]


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_a_late_success_still_settles(in_a, end):
    invoice = bill.finalized()
    attempt = make.apply(make.started(invoice), end)
    assert state(invoice) == ("unpaid", 0, 0, 0)
    attempt = make.apply(attempt)
    assert (attempt.payment.state, state(invoice)) == ("succeeded", ("paid", 10_000, 0, 0))


@pytest.mark.parametrize("late", ["failed", "canceled", "processing", "open", "requires_action"])
def test_what_is_said_late_of_a_payment_that_arrived_changes_nothing(in_a, late):
    invoice = bill.finalized()
    attempt = make.apply(make.started(invoice))
    attempt = make.apply(attempt, late, reference=attempt.reference)
    assert (attempt.state, state(invoice)) == ("succeeded", ("paid", 10_000, 0, 0))


def test_a_second_success_of_the_same_payment_is_credit(in_a):
    invoice = bill.finalized()
    first = make.apply(make.started(invoice), "canceled")
    second = make.started(invoice)
    make.apply(second)
    first = make.apply(first)
    assert first.payment_id != second.payment_id
    assert (first.payment.state, first.payment.captured_minor) == ("succeeded", 10_000)
    assert (state(invoice), credit(invoice)) == (("paid", 10_000, 0, 0), 10_000)


def test_the_second_success_of_one_payment_becomes_a_payment_of_its_own(in_a):
    invoice = bill.finalized()
    first = make.apply(make.started(invoice), "failed")
    second = make.started(invoice)
    assert second.payment_id == first.payment_id
    make.apply(second)
    first = make.apply(first)
    assert first.payment_id != second.payment_id
    assert make.events_of(first.payment_id) == ["payment.doubled", "payment.succeeded"]
    assert (state(invoice), credit(invoice)) == (("paid", 10_000, 0, 0), 10_000)


def test_a_late_debit_beside_a_new_attempt_is_a_payment_of_its_own(in_a):
    invoice = bill.finalized()
    first = make.apply(make.started(invoice), "failed")
    second = make.started(invoice)
    first = make.apply(first, "processing")
    assert first.payment_id != second.payment_id
    assert state(invoice) == ("processing", 0, 2, 1)
    make.apply(second)
    make.apply(first)
    assert (state(invoice), credit(invoice)) == (("paid", 10_000, 0, 0), 10_000)


def test_money_for_an_invoice_that_was_voided_meanwhile_is_credit(in_a):
    invoice = bill.finalized()
    attempt = make.apply(make.started(invoice), "canceled")
    bill.void(invoice.pk)
    make.apply(attempt, "processing")
    make.apply(attempt)
    assert (make.fresh(invoice).status, state(invoice)[1:], credit(invoice)) == ("voided", (0, 0, 0), 10_000)


def test_a_decline_on_an_open_page_is_counted_and_the_page_stays(in_a):
    invoice = bill.finalized()
    attempt = opened(make.started(invoice))
    attempt = make.apply(attempt, "failed", code="card_declined")
    assert (attempt.state, attempt.declines, attempt.failure_code) == ("open", 1, "card_declined")
    assert make.events_of(attempt.payment_id) == ["payment.started", "payment.opened", "payment.declined"]
    assert make.apply(attempt).state == "succeeded"
    assert state(invoice) == ("paid", 10_000, 0, 0)


def opened(attempt, at=make.AT):
    """Note a page, as its opening does."""
    from payments.gateways.base import Checkout

    checkout = Checkout(
        reference=f"cs_{attempt.pk.hex}", url="https://pay.example/1", expires_at=at + timedelta(hours=1)
    )
    collect.pages.opened(attempt_id=attempt.pk, checkout=checkout, actor=make.ACTOR, at=at)
    return make.fresh(attempt)


def test_a_charge_that_needs_its_payer_waits_for_them(in_a):
    from payments.services import methods

    invoice = bill.finalized()
    kept = methods.save(
        customer_id=invoice.customer_id, account_id=make.the_account().pk, method=make.method(),
        actor=make.ACTOR, at=make.AT,
    )  # fmt: skip
    attempt = make.apply(make.started(invoice, saved_method_id=kept.pk), "requires_action")
    assert (attempt.state, attempt.payment.state) == ("requires_action", "pending")
    assert make.events_of(attempt.payment_id) == ["payment.started", "payment.needs_payer"]
    # They may pay on a page instead.
    assert make.started(invoice).payment_id != attempt.payment_id


# --- Held ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "difference",
    [{"amount_minor": 9_999}, {"amount_minor": 1}, {"currency": "USD"}, {"attempt": "att_of_somebody"}],
    ids=["less", "much less", "currency", "attempt"],
)
def test_what_is_not_what_we_asked_for_settles_nothing_and_is_held(in_a, difference):
    invoice = bill.finalized()
    attempt = make.apply(make.started(invoice), **difference)
    assert (attempt.state, attempt.payment.state, attempt.payment.captured_minor) == ("held", "held", 0)
    assert (state(invoice), credit(invoice)) == (("unpaid", 0, 0, 0), 0)
    assert make.events_of(attempt.payment_id) == ["payment.started", "payment.held"]
    make.apply(attempt, **difference)
    assert make.events_of(attempt.payment_id) == ["payment.started", "payment.held"]


def test_what_differs_without_money_is_only_noted(in_a):
    invoice = bill.finalized()
    attempt = make.apply(make.started(invoice), "processing", amount_minor=1)
    assert (attempt.state, state(invoice)) == ("created", ("unpaid", 0, 1, 0))
    assert make.events_of(attempt.payment_id) == ["payment.started", "payment.differs"]


def test_the_money_of_one_attempt_never_pays_for_another(in_a):
    invoice, other = bill.finalized(), bill.finalized()
    paid = make.apply(make.started(invoice))
    attempt = make.apply(make.started(other), reference=paid.reference)
    assert (attempt.state, state(other)) == ("held", ("unpaid", 0, 0, 0))


def test_other_money_that_is_said_to_have_arrived_later_is_noted(in_a):
    invoice = bill.finalized()
    attempt = make.apply(make.started(invoice))
    make.apply(attempt, reference="pi_of_something_else")
    assert make.events_of(attempt.payment_id)[-1] == "payment.differs"
    assert state(invoice) == ("paid", 10_000, 0, 0)


# --- In the scope of a customer ---------------------------------------------------------------------


def test_a_customer_begins_what_is_theirs_and_nothing_else(in_a):
    mine, theirs = bill.finalized(of=bill.customer("Ada")), bill.finalized(of=bill.customer("Bob"))
    make.account()
    with context.scope(context.Scope(in_a, customer=mine.customer_id)):
        assert make.started(mine).state == "created"
        with pytest.raises(NotFound), context.attempt():
            collect.start(
                customer_id=theirs.customer_id, items=[(theirs.pk, 100)], account_id=make.the_account().pk,
                source="portal", actor=make.ACTOR, at=make.AT,
            )  # fmt: skip
    assert (state(mine)[2], state(theirs)[2]) == (1, 0)


# --- The tables say the same as the database ---------------------------------------------------------


@pytest.mark.parametrize("before", list(rules.ATTEMPT_MOVES))
def test_an_attempt_moves_along_its_table_and_no_other_way(in_a, before):
    from payments.services import moves

    for to in rules.ATTEMPT_MOVES:
        if to in rules.ATTEMPT_MOVES[before] or to == before:
            continue
        attempt = make.started(bill.finalized())
        attempt.state = before
        with pytest.raises(moves.PaymentMovedOn), context.attempt():
            moves.enter(attempt.payment, attempt, to, at=make.AT, ask_at=None)
        assert make.fresh(attempt).state == "created"


def test_one_payment_has_one_live_attempt_whatever_looked_before(in_a):
    attempt = make.started(bill.finalized())
    attempt.pk, attempt.number = None, 2
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt(
            **{f.attname: getattr(attempt, f.attname) for f in Attempt._meta.fields if f.name != "id"}
        ).save()
