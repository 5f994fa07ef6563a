"""Each test card does what Stripe documents of it, on the page and off-session."""

import pytest
import stripe

from tests.embedded.conftest import wait_until
from tests.make import payer

DECLINES = [
    (payer.DECLINED, "card_declined", "generic_decline"),
    (payer.INSUFFICIENT_FUNDS, "card_declined", "insufficient_funds"),
    ("4000000000009987", "card_declined", "lost_card"),
    ("4000000000009979", "card_declined", "stolen_card"),
    ("4000000000000069", "expired_card", None),
    ("4000000000000127", "incorrect_cvc", None),
    ("4000000000000119", "processing_error", None),
    (payer.DECLINES_LATER, "card_declined", "generic_decline"),
]
READY_MADE = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ("pm_card_authenticationRequired", "authentication_required", "authentication_required"),
]


@pytest.mark.parametrize(
    ("card", "brand", "last4"),
    [
        (payer.SUCCESS, "visa", "4242"),
        ("5555555555554444", "mastercard", "4444"),
        ("378282246310005", "amex", "0005"),
    ],
)
def test_a_good_card_of_each_brand_pays(client, checkout, card, brand, last4):
    page = checkout()
    payer.pay(page.url, card)
    paid = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["payment_intent.payment_method"]})
    shown = paid.payment_intent.payment_method.card
    assert (paid.payment_status, shown.brand, shown.last4, shown.exp_year) == ("paid", brand, last4, 2034)


@pytest.mark.parametrize(("card", "code", "decline"), DECLINES)
def test_a_bad_card_is_declined_on_the_page_and_the_payment_says_why(
    gateway, client, checkout, card, code, decline
):
    page = checkout()
    with pytest.raises(payer.NotPaid):
        payer.pay(page.url, card)
    still = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["payment_intent"]})
    error = still.payment_intent.last_payment_error
    assert (still.status, still.payment_status) == ("open", "unpaid")
    assert (error.code, getattr(error, "decline_code", None), error.type) == (code, decline, "card_error")
    assert gateway.truth()["sums"]["charges"] == 0


@pytest.mark.parametrize(("method", "code", "decline"), READY_MADE)
def test_a_bad_card_is_declined_off_session(client, charge, method, code, decline):
    with pytest.raises(stripe.CardError) as refusal:
        charge(method)
    error = refusal.value.error
    assert (refusal.value.http_status, error.code, error.decline_code) == (402, code, decline)
    kept = client.v1.payment_intents.retrieve(error.payment_intent.id)
    assert (kept.status, kept.last_payment_error.code) == ("requires_payment_method", code)
    assert client.v1.charges.retrieve(error.charge).failure_code == code


def test_a_card_that_asks_once_pays_without_its_holder_afterwards(client, charge, saved):
    paid = charge(saved(payer.AUTHENTICATE_FIRST))
    assert (paid.status, paid.amount_received) == ("succeeded", 1000)


def test_a_card_that_asks_once_and_was_never_set_up_asks_off_session(client, charge):
    with pytest.raises(stripe.CardError) as refusal:
        charge("pm_card_authenticationRequiredOnSetup")
    assert refusal.value.code == "authentication_required"


def test_a_card_that_always_asks_cannot_pay_without_its_holder(charge, saved):
    with pytest.raises(stripe.CardError) as refusal:
        charge(saved(payer.AUTHENTICATE_ALWAYS))
    assert refusal.value.code == "authentication_required"


def test_a_card_that_is_declined_after_authentication(gateway, checkout):
    page = checkout()
    with pytest.raises(payer.NotPaid, match=r"^Your card was declined\.$"):
        payer.pay(page.url, "4000008400001629")
    assert gateway.truth()["sums"]["charges"] == 0


def test_a_card_that_can_be_saved_and_declines_when_charged(charge, saved):
    method = saved(payer.DECLINES_LATER)
    with pytest.raises(stripe.CardError) as refusal:
        charge(method)
    assert refusal.value.code == "card_declined"


def test_a_card_that_declines_is_not_saved(client, customer):
    with pytest.raises(stripe.CardError):
        client.v1.payment_methods.attach("pm_card_visa_chargeDeclined", {"customer": customer.id})
    page = client.v1.checkout.sessions.create(
        {"mode": "setup", "customer": customer.id, "success_url": "http://localhost/x"}
    )
    with pytest.raises(payer.NotPaid, match=r"^Your card was declined\.$"):
        payer.pay(page.url, payer.DECLINED)
    assert client.v1.payment_methods.list({"customer": customer.id}).data == []


def test_a_debit_is_confirmed_later(gateway, client, checkout):
    page = checkout()
    payer.pay(page.url, iban=payer.DEBIT)
    shown = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["payment_intent"]})
    assert (shown.status, shown.payment_status, shown.payment_intent.status) == (
        "complete",
        "unpaid",
        "processing",
    )
    assert gateway.truth()["sums"]["charges"] == 0
    assert gateway.advance() == 1
    later = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["payment_intent"]})
    assert (later.payment_status, later.payment_intent.status) == ("paid", "succeeded")
    assert gateway.truth()["sums"] == {"taken": 1999, "refunded": 0, "charges": 1}


def test_a_debit_fails_later(gateway, client, checkout):
    page = checkout()
    payer.pay(page.url, iban=payer.DEBIT_FAILS)
    gateway.advance()
    later = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["payment_intent"]})
    assert (later.status, later.payment_status) == ("complete", "unpaid")
    error = later.payment_intent.last_payment_error
    assert (later.payment_intent.status, error.code) == ("requires_payment_method", "debit_not_authorized")
    assert gateway.truth()["sums"]["charges"] == 0


def test_a_saved_account_is_debited_off_session(gateway, client, charge, saved):
    paid = charge(saved(iban=payer.DEBIT))
    assert paid.status == "processing"
    gateway.advance()
    assert client.v1.payment_intents.retrieve(paid.id).status == "succeeded"


def test_a_card_whose_payment_is_disputed(gateway, client, checkout):
    payer.pay(checkout().url, payer.DISPUTED)
    assert client.v1.disputes.list().data == []
    gateway.advance()
    (dispute,) = client.v1.disputes.list().data
    assert (dispute.reason, dispute.status, dispute.amount) == ("fraudulent", "needs_response", 1999)


def test_by_itself_a_debit_ends_after_the_delay(gateway, client, checkout):
    gateway.control("POST", "settings", delay=0)
    page = checkout()
    payer.pay(page.url, iban=payer.DEBIT)
    wait_until(lambda: client.v1.checkout.sessions.retrieve(page.id).payment_status == "paid")
