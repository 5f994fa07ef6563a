"""The API as the official library sees it: accounts apart, Stripe's errors, idempotent calls, lists."""

import http.client
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

import pytest
import stripe

from tests.make import payer
from tests.sandbox.conftest import client_of


@pytest.fixture
def wire(gateway):
    """Speak HTTP without the library."""

    def call(method="POST", path="/v1/customers", *, form=None, key=None, authorization=None, **headers):
        connection = http.client.HTTPConnection(urlsplit(gateway.address).netloc, timeout=30)
        sent = {"Authorization": authorization or f"Bearer {gateway.key}", **headers}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        if key:
            sent["Idempotency-Key"] = key
        connection.request(method, path, urlencode(form) if form is not None else None, sent)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, dict(answer.headers), json.loads(body) if body[:1] == b"{" else body

    return call


def test_accounts_do_not_see_each_other(gateway, client, customer, checkout, charge):
    page, paid = checkout(), charge()
    refund = client.v1.refunds.create({"payment_intent": paid.id, "amount": 1})
    dispute = gateway.dispute(paid.id)
    event = client.v1.events.list().data[0]
    other = stripe.StripeClient(
        "sk_test_somebody_else", base_addresses={"api": gateway.address}, max_network_retries=0
    ).v1
    for retrieve, reference in (
        (other.customers.retrieve, customer.id),
        (other.checkout.sessions.retrieve, page.id),
        (other.checkout.sessions.expire, page.id),
        (other.payment_intents.retrieve, paid.id),
        (other.payment_intents.cancel, paid.id),
        (other.charges.retrieve, paid.latest_charge),
        (other.payment_methods.retrieve, paid.payment_method),
        (other.refunds.retrieve, refund.id),
        (other.disputes.retrieve, dispute),
        (other.disputes.close, dispute),
        (other.events.retrieve, event.id),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            retrieve(reference)
        assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError):
        other.refunds.create({"payment_intent": paid.id})
    assert customer.id not in [found.id for found in other.customers.list({"limit": 100}).data]
    assert client.v1.payment_intents.retrieve(paid.id).status == "succeeded"


@pytest.mark.parametrize("key", ["", "nonsense", "pk_test_abcdef", "sk_test_", "sk_test_with space"])
def test_a_request_without_a_test_key_is_refused(wire, key):
    status, headers, body = wire("GET", "/v1/account", authorization=f"Bearer {key}")
    assert (status, body["error"]["type"]) == (401, "invalid_request_error")
    assert headers["Request-Id"].startswith("req_")


@pytest.mark.parametrize("key", ["sk_live_abcdefgh", "rk_live_abcdefgh"])
def test_a_live_key_is_refused_and_not_repeated(gateway, key):
    live = stripe.StripeClient(key, base_addresses={"api": gateway.address}, max_network_retries=0)
    with pytest.raises(stripe.AuthenticationError) as refusal:
        live.v1.balance.retrieve()
    assert refusal.value.http_status == 401
    assert "it takes no live key" in str(refusal.value)
    assert "abcdefgh" not in str(refusal.value)


def test_a_key_is_checked_by_asking_for_the_balance(client, charge):
    charge(amount=1234)
    assert client.v1.balance.retrieve().available[0].to_dict() == {
        "amount": 1234,
        "currency": "eur",
        "source_types": {"card": 1234},
    }


def test_the_same_call_again_gets_the_same_answer(wire):
    form = {"name": "Once", "metadata[a]": "1"}
    first, second = (wire(form=form, key="k-1") for _ in range(2))
    assert (first[0], first[2]) == (200, second[2])
    assert "Idempotent-Replayed" not in first[1]
    assert second[1]["Idempotent-Replayed"] == "true"
    assert second[1]["Original-Request"] == first[1]["Request-Id"]


def test_a_declined_card_is_declined_again_and_charged_once(gateway, charge):
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refusal:
            charge("pm_card_visa_chargeDeclined", key="attempt-1")
        assert refusal.value.code == "card_declined"
    assert refusal.value.headers["Idempotent-Replayed"] == "true"
    assert len(gateway.truth()["charges"]) == 1


def test_the_same_key_with_other_parameters_is_refused(gateway, charge):
    charge(amount=500, key="k-2")
    with pytest.raises(stripe.IdempotencyError) as refusal:
        charge(amount=501, key="k-2")
    assert refusal.value.http_status == 400
    assert gateway.truth()["sums"] == {"taken": 500, "refunded": 0, "charges": 1}


def test_a_call_with_wrong_parameters_keeps_no_answer(wire):
    assert wire(form={"nonsense": "1"}, key="k-3")[0] == 400
    assert wire(form={"name": "Now right"}, key="k-3")[0] == 200


def test_a_call_while_the_same_one_is_under_way_is_refused(gateway, charge):
    gateway.fault("slow", next=1, seconds=1.5, path="POST /v1/payment_intents")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(charge, key="k-4")
        wait = time.monotonic() + 10
        while gateway.control("GET", "faults")["faults"] and time.monotonic() < wait:
            pass
        with pytest.raises(stripe.APIError) as refusal:
            charge(key="k-4")
        assert refusal.value.http_status == 409
        assert first.result().status == "succeeded"
    assert charge(key="k-4").id == first.result().id
    assert gateway.truth()["sums"]["charges"] == 1


def test_of_twelve_equal_calls_at_once_one_charges(gateway, customer):
    def pay(number):
        try:
            made = client_of(gateway).v1.payment_intents.create(
                {
                    "amount": 700,
                    "currency": "eur",
                    "customer": customer.id,
                    "payment_method": "pm_card_visa",
                    "confirm": True,
                },
                {"idempotency_key": "race"},
            )
        except stripe.APIError as refusal:
            assert refusal.http_status == 409
            return None
        return made.id

    with ThreadPoolExecutor(12) as pool:
        answers = {answer for answer in pool.map(pay, range(12)) if answer}
    assert len(answers) == 1
    assert gateway.truth()["sums"] == {"taken": 700, "refunded": 0, "charges": 1}


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"amount": "12.50"}, "parameter_invalid_integer", "amount"),
        ({"amount": "0"}, "parameter_invalid_integer", "amount"),
        ({"amount": "-5"}, "parameter_invalid_integer", "amount"),
        ({"amount": "100000000"}, "amount_too_large", "amount"),
        ({}, "parameter_missing", "amount"),
        ({"amount": "5", "currency": ""}, "parameter_missing", "currency"),
        ({"amount": "5", "surprise": "1"}, "parameter_unknown", "surprise"),
        ({"amount": "5", "customer": "cus_nobody"}, "resource_missing", "customer"),
        ({"amount": "5", "payment_method": "pm_nothing"}, "resource_missing", "payment_method"),
    ],
)
def test_wrong_parameters_are_named(wire, given, code, param):
    status, _, body = wire(path="/v1/payment_intents", form={"currency": "eur", **given})
    assert (status, body["error"]["code"], body["error"]["param"]) == (
        404 if code == "resource_missing" else 400,
        code,
        param,
    )


def test_an_unknown_address_is_answered_as_one(wire):
    status, _, body = wire("GET", "/v1/invoices")
    assert (status, body["error"]["message"]) == (404, "Unrecognized request URL (GET: /v1/invoices).")


def test_lists_are_read_page_by_page(client, customer, charge):
    made = [charge(amount=100 + number).id for number in range(5)]
    pages = client.v1.payment_intents.list({"customer": customer.id, "limit": 2})
    assert ([intent.id for intent in pages.data], pages.has_more) == (made[:2:-1], True)
    assert [intent.id for intent in pages.auto_paging_iter()] == made[::-1]
    before = client.v1.payment_intents.list({"limit": 2, "ending_before": made[1]})
    assert [intent.id for intent in before.data] == [made[3], made[2]]


def test_a_payment_is_canceled_once_and_a_page_s_payment_by_its_page_only(client, customer, checkout):
    unpaid = client.v1.payment_intents.create({"amount": 500, "currency": "eur"})
    assert client.v1.payment_intents.cancel(unpaid.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.payment_intents.cancel(unpaid.id)
    assert again.value.code == "payment_intent_unexpected_state"
    page = checkout()
    with pytest.raises(payer.NotPaid):
        payer.pay(page.url, payer.DECLINED)
    begun = client.v1.checkout.sessions.retrieve(page.id).payment_intent
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.cancel(begun)
    assert client.v1.checkout.sessions.expire(page.id).status == "expired"
    assert client.v1.payment_intents.retrieve(begun).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(page.id)


def test_a_payment_on_session_asks_for_authentication_and_returns(client, customer):
    asked = client.v1.payment_intents.create(
        {
            "amount": 900,
            "currency": "eur",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "http://localhost:8000/back?x=1",
        }
    )
    assert (asked.status, asked.next_action.type) == ("requires_action", "redirect_to_url")
    page = payer.look(asked.next_action.redirect_to_url.url)
    back = payer.look(page.forms[0].action, {"answer": "confirm"}).url
    assert back == (
        f"http://localhost:8000/back?x=1&payment_intent={asked.id}"
        f"&payment_intent_client_secret={asked.client_secret}&redirect_status=succeeded"
    )
    assert client.v1.payment_intents.retrieve(asked.id).status == "succeeded"


def test_a_method_of_one_customer_does_not_pay_for_another(client, customer, charge, saved):
    method = saved()
    other = client.v1.customers.create({"name": "Other"})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        charge(method, customer=other.id)
    assert refusal.value.code == "payment_method_customer_mismatch"


def test_a_detached_method_pays_nothing(client, customer, charge, saved):
    method = saved()
    assert client.v1.payment_methods.detach(method).customer is None
    assert client.v1.payment_methods.list({"customer": customer.id}).data == []
    with pytest.raises(stripe.InvalidRequestError):
        charge(method)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_methods.attach(method, {"customer": customer.id})


def test_a_deleted_customer_s_methods_are_gone(client, customer, saved):
    method = saved()
    assert client.v1.customers.delete(customer.id).deleted
    assert client.v1.payment_methods.retrieve(method).customer is None
    assert client.v1.customers.retrieve(customer.id).deleted


@pytest.mark.parametrize("seconds", [60, 25 * 3600])
def test_a_page_ends_in_half_an_hour_to_a_day(checkout, seconds):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        checkout(expires_at=int(time.time()) + seconds)
    assert refusal.value.param == "expires_at"


def test_card_numbers_are_not_taken_by_the_api(wire):
    form = {"type": "card", "card[number]": payer.SUCCESS}
    status, _, body = wire(path="/v1/payment_methods", form=form)
    assert (status, payer.SUCCESS in json.dumps(body)) == (404, False)


@pytest.mark.parametrize("number", [payer.SUCCESS, "4242 4242 4242 4242", "paid 3782-822463-10005."])
@pytest.mark.parametrize("field", ["name", "description", "metadata[note]"])
def test_a_card_number_in_a_text_is_refused_and_not_repeated(wire, field, number):
    status, _, body = wire(form={field: number})
    assert (status, body["error"]["param"]) == (400, field.partition("[")[0])
    assert not re.search(r"\d{4}", body["error"]["message"])


def test_an_identifier_that_looks_like_a_number_is_none(wire):
    for text in (
        "4242424242424241",
        "x4242424242424242",
        "12345678-4242-4242-8234-424242424242",
        "1795625994765",
    ):
        assert wire(form={"description": text})[0] == 200


@pytest.mark.parametrize("path", ["//[", "/v1/" + "x" * 5000, "/v1/customers/%00", "/c/cs_test_%F0%9F%92%B3"])
def test_a_strange_address_is_answered(wire, path):
    assert wire("GET", path)[0] in (400, 404)


def test_strange_forms_are_answered(wire):
    for form in (
        {"metadata[a][b]": "1"},
        {"name[x]": "1"},
        {"metadata": "text"},
        {"a[b][c][d][e][f][g]": "1"},
        {"preferred_locales[0][a]": "1"},
        {f"metadata[{'9' * 5000}]": "1"},
        {"name": "x" * 6000},
        {"email": "1", "email[a]": "2"},
    ):
        status, _, body = wire(form=form)
        assert (status, body["error"]["type"]) == (400, "invalid_request_error")
