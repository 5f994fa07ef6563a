"""The pages: strict policy, no script, nothing of a payer echoed, nothing for strangers, one charge for two clicks."""

import html
import http.client
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

import pytest

from tests.embedded.conftest import wait_until
from tests.gateway import Gateway
from tests.make import payer

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)  # fmt: skip
TYPED = {"kind": "card", "number": payer.SUCCESS, "expiry": "12/34", "cvc": "123"}


@pytest.fixture
def browse(gateway):
    def ask(path, form=None, **headers):
        connection = http.client.HTTPConnection(urlsplit(gateway.address).netloc, timeout=30)
        path = path.removeprefix(gateway.address)
        body = urlencode(form) if form is not None else None
        connection.request("GET" if form is None else "POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    return ask


@pytest.fixture
def account(gateway):
    return gateway.truth()["account"]


def pages_of(client, checkout, account):
    """Every page there is: to pay, to save, to authenticate, done, expired, overview, account, cards, missing."""
    setup = client.v1.checkout.sessions.create({"mode": "setup", "success_url": "http://localhost:8000/x"})
    asked = client.v1.payment_intents.create(
        {
            "amount": 900,
            "currency": "eur",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
        }
    )
    done, expired = checkout(), checkout()
    payer.pay(done.url)
    client.v1.checkout.sessions.expire(expired.id)
    return {
        "pay": checkout().url,
        "save": setup.url,
        "authenticate": asked.next_action.redirect_to_url.url,
        "done": done.url,
        "expired": expired.url,
        "overview": "/",
        "account": f"/accounts/{account}",
        "cards": "/cards",
        "missing": "/nothing",
    }


def test_every_page_is_strict_and_has_no_script(client, checkout, account, browse):
    for name, path in pages_of(client, checkout, account).items():
        status, headers, text = browse(path)
        assert status == (404 if name == "missing" else 200), name
        policy = headers["Content-Security-Policy"]
        # A form may lead to the shop's own origin in the end, and nowhere else.
        shop = " http://localhost:8000" if name in ("pay", "save") else ""
        assert policy == POLICY + shop, name
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Set-Cookie"] is None
        assert not re.search(r"<script|\son\w+=|\sstyle=|javascript:", text), name
        assert '<html lang="en">' in text
        assert text.count("<h1") == 1, name


def test_every_field_has_a_label_and_every_error_its_field(checkout, browse):
    path = checkout().url
    status, _, text = browse(path, {"kind": "card", "number": "1234", "expiry": "13/20", "cvc": "x"})
    assert status == 422
    shown = re.findall(r'<input id="(\w+)"', text)
    assert set(shown) == set(re.findall(r'<label for="(\w+)"', text))
    described = set(re.findall(r'aria-invalid="true" aria-describedby="(\w+)-error"', text))
    assert (
        described == {"number", "expiry", "cvc"} == set(re.findall(r'class="error" id="(\w+)-error"', text))
    )
    assert 'role="alert"' in text
    _, _, debit = browse(path, {"kind": "sepa_debit", "iban": "DE00"})
    assert set(re.findall(r'class="error" id="(\w+)-error"', debit)) == {"iban", "holder"}


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"number": "4539148803436467"}, "number"),
        ({"number": payer.SUCCESS + "1"}, "number"),
        ({"expiry": "01/20"}, "expiry"),
        ({"expiry": "99/99"}, "expiry"),
        ({"cvc": "12"}, "cvc"),
        ({"number": "378282246310005", "cvc": "123"}, "cvc"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_charged(gateway, checkout, browse, typed, field):
    status, _, text = browse(checkout().url, TYPED | typed)
    assert (status, f'id="{field}-error"' in text) == (422, True)
    for number in (payer.SUCCESS, "4539148803436467", "378282246310005"):
        assert number not in text
    assert gateway.truth()["payments"] == []


def test_what_a_shop_writes_is_text_on_the_page(client, browse):
    name = '<img src=x onerror="alert(1)">&"\''
    price = {"currency": "jpy", "unit_amount": 1500, "product_data": {"name": name}}
    page = client.v1.checkout.sessions.create(
        {"line_items": [{"price_data": price, "quantity": 2}], "success_url": "http://localhost/x"}
    )
    text = browse(page.url)[2]
    assert name not in text
    assert html.escape(name) in text
    assert "<h1>3,000 JPY</h1>" in text


def test_a_saved_card_needs_one_act_and_is_offered_to_its_customer_only(
    gateway, client, customer, checkout, saved, browse
):
    saved(payer.AUTHENTICATE_FIRST)
    page = checkout(customer=customer.id)
    assert "Visa ending in 3155, 12/34" in browse(page.url)[2]
    payer.pay(page.url, saved=True)
    assert gateway.truth()["sums"]["taken"] == 1999
    method = client.v1.payment_methods.list({"customer": customer.id}).data[0].id
    other = checkout(customer=client.v1.customers.create({"name": "Other"}).id)
    assert "3155" not in browse(other.url)[2]
    assert browse(other.url, {"saved": method})[0] == 200
    assert client.v1.checkout.sessions.retrieve(other.id).status == "open"
    assert gateway.truth()["sums"]["taken"] == 1999


def test_a_card_is_saved_with_a_payment_if_the_shop_asked_for_it(client, customer, checkout, charge, browse):
    page = checkout(customer=customer.id, save=True)
    assert "The method is saved for payments to come." in browse(page.url)[2]
    payer.pay(page.url, payer.AUTHENTICATE_FIRST)
    (method,) = client.v1.payment_methods.list({"customer": customer.id, "type": "card"}).data
    assert charge(method.id).status == "succeeded"
    payer.pay(checkout(customer=customer.id).url, "5555555555554444")
    assert len(client.v1.payment_methods.list({"customer": customer.id}).data) == 1


def test_two_tabs_and_double_clicks_charge_once(gateway, checkout, browse):
    page = checkout()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: browse(page.url, TYPED), range(16)))
    assert {(status, headers["Location"]) for status, headers, _ in answers} == {
        (303, f"http://localhost:8000/paid?session={page.id}")
    }
    assert gateway.truth()["sums"] == {"taken": 1999, "refunded": 0, "charges": 1}


def test_a_challenge_is_answered_once_and_an_older_one_not_at_all(gateway, checkout, browse):
    page = checkout()
    form = TYPED | {"number": payer.AUTHENTICATE_ALWAYS}
    first, second = (browse(page.url, form)[1]["Location"] for _ in range(2))
    browse(first, {"answer": "confirm"})
    assert gateway.truth()["sums"]["charges"] == 0
    for _ in range(2):
        assert browse(second, {"answer": "confirm"})[1]["Location"].startswith("http://localhost:8000/paid")
    assert gateway.truth()["sums"]["charges"] == 1


def test_an_expired_page_takes_nothing(gateway, client, checkout, browse):
    page = checkout()
    client.v1.checkout.sessions.expire(page.id)
    status, _, text = browse(page.url, TYPED)
    assert (status, "This page has expired" in text) == (200, True)
    assert gateway.truth()["sums"]["charges"] == 0


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_another_site_cannot_post_here(gateway, checkout, browse, account, headers):
    for path in (checkout().url, f"/accounts/{account}/advance", "/sandbox/faults"):
        assert browse(path, TYPED, **headers)[0] == 403
    assert gateway.truth()["payments"] == []


def test_another_name_for_this_address_is_refused(checkout, browse):
    assert browse(checkout().url, Host="evil.example")[0] == 421


def test_a_body_that_is_too_large_is_refused(checkout, browse):
    assert browse(checkout().url, **{"Content-Length": "10000000"})[0] == 413


def test_the_account_s_page_shows_what_happened_and_its_buttons_act(
    gateway, client, checkout, charge, receiver, browse
):
    client.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["checkout.session.completed"]}
    )
    gateway.fault("webhook_drop", next=1)
    payer.pay(checkout().url)
    payer.pay(checkout().url, iban=payer.DEBIT)
    client.v1.refunds.create({"payment_intent": charge().id, "amount": 300})
    account = gateway.truth()["account"]
    assert account in browse("/")[2]
    text = browse(f"/accounts/{account}")[2]
    for words in (
        "19.99 EUR",
        "processing",
        "1 of 1 succeeded",
        "3.00 EUR",
        "checkout.session.completed",
        "lost",
    ):
        assert words in text
    paid = client.v1.charges.list({"limit": 1}).data[0].id
    browse(f"/accounts/{account}/advance", {})
    assert gateway.truth()["sums"]["charges"] == 3
    browse(f"/accounts/{account}/dispute", {"charge": paid})
    (dispute,) = client.v1.disputes.list().data
    assert browse(f"/accounts/{account}/close", {"dispute": dispute.id, "verdict": "won"})[0] == 303
    assert client.v1.disputes.retrieve(dispute.id).status == "won"
    assert receiver.types() == ["checkout.session.completed"]
    browse(f"/accounts/{account}/deliver", {})
    wait_until(lambda: receiver.types() == ["checkout.session.completed"] * 2)
    text = browse(f"/accounts/{account}")[2]
    assert ">won<" in text
    assert ">lost<" not in text


def test_an_object_of_another_account_is_not_reached_through_a_page(gateway, charge, browse):
    paid = charge()
    other = Gateway(gateway.address, gateway.key + "x").truth()["account"]
    assert browse(f"/accounts/{other}/dispute", {"charge": paid.latest_charge})[0] == 303
    assert browse("/accounts/acct_nobody/dispute", {"charge": paid.latest_charge})[0] == 404
    assert gateway.truth()["disputes"] == []
