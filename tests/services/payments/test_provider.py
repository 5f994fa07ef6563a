"""Asking the provider: pages and how they end against the sandbox, also on its bad days."""

import pytest

from payments.gateways.base import GatewayAway, GatewayUnsure
from payments.models import Attempt, PageAsk, Payment
from payments.services import collect, janitor
from tests.make import billing as bill
from tests.make import payer
from tests.make import payments as make
from tests.services.payments.house import ACTOR, BACK

pytestmark = pytest.mark.django_db


# --- The page ----------------------------------------------------------------------------------------


def test_a_payer_pays_on_the_page_and_the_invoice_is_paid(house):
    attempt = house.start()
    url = house.open(attempt)
    assert house.open(attempt) == url
    opened = house.now(attempt)
    assert (opened.state, opened.checkout_reference[:3]) == ("open", "cs_")
    payer.pay(url)
    attempt = house.ask(attempt)
    assert (attempt.state, attempt.reference[:3], house.paid()) == ("succeeded", "pi_", ("paid", 10_000, 0))
    with house.scope():
        payment = Payment.objects.get()
        assert (payment.brand, payment.last4, payment.method) == ("visa", "4242", "card")
        # Where the payer was to return to may be their link: it is kept no longer than needed.
        assert PageAsk.objects.count() == 0
        assert Attempt.objects.get().page_url is None
    assert house.events(payment.pk) == ["payment.started", "payment.opened", "payment.succeeded"]


def test_a_declined_payer_pays_with_another_card_on_the_same_page(house):
    attempt = house.start()
    url = house.open(attempt)
    with pytest.raises(payer.NotPaid):
        payer.pay(url, payer.DECLINED)
    assert house.ask(attempt).state == "open"
    payer.pay(url)
    assert (house.ask(attempt).state, house.paid()[0]) == ("succeeded", "paid")


def test_a_debit_is_on_its_way_until_its_bank_has_spoken(house):
    attempt = house.start(method="sepa_debit")
    payer.pay(house.open(attempt), iban=payer.DEBIT)
    assert (house.ask(attempt).state, house.paid()[0]) == ("processing", "processing")
    house.gateway.advance()
    assert (house.ask(attempt).state, house.paid()) == ("succeeded", ("paid", 10_000, 0))


def test_what_is_on_its_way_is_named_by_what_was_chosen_on_the_page(house):
    attempt = house.start()
    payer.pay(house.open(attempt), iban=payer.DEBIT)
    assert house.ask(attempt).state == "processing"
    with house.scope():
        payment = Payment.objects.get()
        assert (payment.method, payment.brand, payment.last4) == (
            "sepa_debit",
            "sepa_debit",
            payer.DEBIT[-4:],
        )


def test_a_debit_that_its_bank_refuses_opens_the_invoice_again(house):
    attempt = house.start(method="sepa_debit")
    payer.pay(house.open(attempt), iban=payer.DEBIT_FAILS)
    house.ask(attempt)
    house.gateway.advance()
    assert (house.ask(attempt).state, house.paid()) == ("failed", ("unpaid", 0, 0))


@pytest.mark.parametrize("fault", ["reset_after", "error_after"])
def test_a_page_nobody_knows_of_is_asked_for_again_under_the_same_key(house, fault):
    attempt = house.start()
    house.gateway.fault(fault, next=9, path="POST /v1/checkout/sessions")
    with pytest.raises(GatewayUnsure):
        house.open(attempt)
    unsure = house.now(attempt)
    assert (unsure.state, unsure.ask_at > house.at) == ("unknown", True)
    assert house.events(attempt.payment_id)[-1] == "payment.unsure"
    house.gateway.calm()
    with house.scope():
        assert collect.asking.due(at=unsure.ask_at) == [attempt.pk]
    asked = janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=unsure.ask_at)
    # It is known now, and closed: nobody has seen it, and who comes back begins anew.
    assert (asked, house.now(attempt).state, house.paid()) == (1, "canceled", ("unpaid", 0, 0))
    attempt = house.start()
    payer.pay(house.open(attempt))
    assert (house.ask(attempt).state, len(house.charges())) == ("succeeded", 1)


def test_a_provider_that_is_away_fails_the_attempt_and_says_so(house, settings):
    attempt = house.start()
    settings.GATEWAY_ADDRESS = "http://127.0.0.1:9"
    settings.OUTBOUND_PRIVATE_ORIGINS = [settings.GATEWAY_ADDRESS]
    with pytest.raises(GatewayAway):
        house.open(attempt)
    failed = house.now(attempt)
    assert (failed.state, failed.failure_code, house.paid()) == ("failed", "no_answer", ("unpaid", 0, 0))
    with pytest.raises(collect.PageClosed):
        house.open(attempt)
    assert house.events(attempt.payment_id)[-1] == "payment.failed"


def test_no_payer_is_sent_to_the_page_of_an_attempt_that_ended_meanwhile(house):
    attempt = house.start()
    with house.scope():
        asked = collect.pages.prepare(
            attempt_id=attempt.pk, return_url=BACK, cancel_url=BACK, locale="en", at=house.at
        )
        there = collect.pages.accounts.for_account(asked.account)
        # Of two who ask at once, one was told no.
        collect.pages.fail(attempt_id=attempt.pk, code="too_many_requests", actor=ACTOR, at=house.at)
    checkout = there.open_checkout(asked.ask)
    with house.scope():
        assert collect.pages.opened(
            attempt_id=attempt.pk, checkout=checkout, actor=ACTOR, at=house.at
        ) == ""  # fmt: skip
    # Should it be paid all the same, that is seen when the page has ended.
    payer.pay(checkout.url)
    last = house.now(attempt).ask_at
    assert janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=last) == 1
    assert (house.now(attempt).state, house.paid()) == ("succeeded", ("paid", 10_000, 0))
    assert janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=last) == 0


def test_a_page_whose_time_is_over_ends_its_attempt(house):
    attempt = house.start()
    house.open(attempt)
    with house.scope():
        later = Attempt.objects.get().ask_at
    house.gateway.control("POST", "advance")
    collect.close_page(tenant_id=house.tenant, attempt_id=attempt.pk, actor=ACTOR, at=later)
    assert (house.now(attempt).state, house.paid()) == ("canceled", ("unpaid", 0, 0))


def test_a_page_that_a_newer_one_replaces_is_closed(house):
    first = house.start((house.invoice, 4_000))
    url = house.open(first)
    second = house.start()
    house.open(second)
    assert janitor.close_pages(tenant_id=house.tenant, actor=ACTOR, at=house.at) == 1
    assert (house.now(first).state, house.now(second).state) == ("canceled", "open")
    with pytest.raises(payer.NotPaid):
        payer.pay(url)


def test_a_page_stays_while_others_pay_other_invoices(house):
    attempt = house.start()
    house.open(attempt)
    with house.scope():
        other = bill.finalized()
    house.open(house.start(other))
    assert janitor.close_pages(tenant_id=house.tenant, actor=ACTOR, at=house.at) == 0
    assert house.now(attempt).state == "open"


def test_a_page_of_an_invoice_that_was_paid_otherwise_is_closed(house):
    attempt = house.start()
    house.open(attempt)
    with house.scope():
        make.bank_payment(house.invoice)
    assert janitor.close_pages(tenant_id=house.tenant, actor=ACTOR, at=house.at) == 1
    assert (house.now(attempt).state, house.paid()) == ("canceled", ("paid", 10_000, 0))


def test_money_that_came_while_its_page_was_being_closed_is_credit(house):
    attempt = house.start()
    payer.pay(house.open(attempt))
    with house.scope():
        make.bank_payment(house.invoice)
    janitor.close_pages(tenant_id=house.tenant, actor=ACTOR, at=house.at)
    assert (house.now(attempt).state, house.paid()) == ("succeeded", ("paid", 10_000, 0))
    with house.scope():
        from billing.settlement import queries

        assert queries.credit(customer_id=house.invoice.customer_id) == {"EUR": 10_000}


# --- Stopping ----------------------------------------------------------------------------------------


def cancel(house, attempt):
    collect.cancel(tenant_id=house.tenant, payment_id=attempt.payment_id, actor=ACTOR, at=house.at)


def test_a_payment_nobody_has_paid_can_be_stopped(house):
    attempt = house.start()
    url = house.open(attempt)
    cancel(house, attempt)
    assert (house.now(attempt).state, house.paid()) == ("canceled", ("unpaid", 0, 0))
    with pytest.raises(payer.NotPaid):
        payer.pay(url)
    with pytest.raises(collect.PaymentMovedOn):
        cancel(house, attempt)
    unopened = house.start()
    cancel(house, unopened)
    assert house.events(unopened.payment_id) == ["payment.started", "payment.canceled"]


def test_a_payment_that_arrived_or_is_on_its_way_cannot_be_stopped(house):
    attempt = house.start((house.invoice, 4_000))
    payer.pay(house.open(attempt))
    with pytest.raises(collect.PaymentArrived):
        cancel(house, attempt)
    debit = house.start((house.invoice, 6_000), method="sepa_debit")
    payer.pay(house.open(debit), iban=payer.DEBIT)
    with pytest.raises(collect.PaymentCannotBeStopped):
        cancel(house, debit)
    assert house.paid()[:2] == ("processing", 4_000)
