"""The hosted page: paid, declined, authenticated, with a saved method, by debit; one charge whatever is clicked."""

import pytest

from tests.make import payer
from tests.sandbox.conftest import CANCEL, RETURN


def test_a_page_has_no_payment_before_the_payer_acts(checkout):
    page = checkout()
    assert (page.status, page.payment_status, page.payment_intent) == ("open", "unpaid", None)
    assert (page.amount_total, page.currency, page.client_reference_id) == (1999, "eur", "att_1")


def test_a_card_pays_and_the_payer_returns_to_the_shop(client, checkout):
    page = checkout()
    assert payer.pay(page.url) == RETURN.replace("{CHECKOUT_SESSION_ID}", page.id)
    paid = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["payment_intent.latest_charge"]})
    intent = paid.payment_intent
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert (intent.status, intent.amount_received, intent.metadata.to_dict()) == (
        "succeeded",
        1999,
        {"attempt": "att_1"},
    )
    assert (intent.latest_charge.paid, intent.latest_charge.payment_method_details.card.last4) == (
        True,
        "4242",
    )


def test_a_declined_payer_may_try_again_and_pays_once(gateway, client, checkout):
    page = checkout()
    with pytest.raises(payer.NotPaid, match=r"^Your card was declined\.$"):
        payer.pay(page.url, payer.DECLINED)
    first = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["payment_intent"]}).payment_intent
    assert (first.status, first.last_payment_error.code) == ("requires_payment_method", "card_declined")
    payer.pay(page.url)
    (payment,) = gateway.truth()["payments"]
    assert payment["id"] == first.id
    assert [charge["status"] for charge in payment["charges"]] == ["failed", "succeeded"]


def test_authentication_is_asked_for_and_its_refusal_takes_nothing(gateway, client, checkout):
    page = checkout()
    with pytest.raises(payer.NotPaid, match=r"^The provided PaymentMethod has failed authentication\.$"):
        payer.pay(page.url, payer.AUTHENTICATE_ALWAYS, authenticate=False)
    assert gateway.truth()["sums"] == {"taken": 0, "refunded": 0, "charges": 0}
    payer.pay(page.url, payer.AUTHENTICATE_ALWAYS)
    assert gateway.truth()["sums"] == {"taken": 1999, "refunded": 0, "charges": 1}
    charge = client.v1.charges.list().data[0]
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_the_page_offers_the_way_back(checkout):
    assert f'href="{CANCEL}"' in payer.look(checkout().url).text
