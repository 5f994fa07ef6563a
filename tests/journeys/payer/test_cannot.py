"""A card that cannot take the amount, a provider that is away, and one that stays silent: each is said as it is."""

import re
from decimal import Decimal
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client

from core import clock, ids
from core.actor import Actor
from payments.models import Attempt, GatewayAccount, Payment, PaymentMethod
from payments.services import accounts
from tenancy.context import Scope, scope
from tests.gateway import Gateway
from tests.make import customers, paying
from tests.make.paying import Bill

pytestmark = pytest.mark.django_db
CREATE = "POST /v1/checkout/sessions"


@pytest.fixture
def here(tenant_a: UUID, gateway: Gateway) -> UUID:
    accounts.connect(tenant_id=tenant_a, secret_key=gateway.key, actor=Actor.system("tests"), at=clock.now())
    paying.organization(tenant_a)
    return tenant_a


def text_of(path: str) -> str:
    response = Client(raise_request_exception=False).get(path)
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def press(bill: Bill) -> str:
    response = Client(raise_request_exception=False).post(bill.path)
    assert response.status_code == 303
    return str(response.headers["Location"]).removeprefix("http://testserver")


def attempts(tenant: UUID) -> list[tuple[str, str]]:
    with scope(Scope(tenant)):
        return list(Attempt.objects.order_by("id").values_list("state", "failure_code"))


@pytest.mark.parametrize(("amount", "currency"), [("12.345", "KWD"), ("1000000.00", "EUR")])
def test_an_amount_that_no_card_takes_is_offered_none(here: UUID, amount: str, currency: str) -> None:
    bill = paying.bill(here, amount=amount, currency=currency)
    text = text_of(bill.path)
    assert "This amount cannot be paid by card Pay by bank transfer." in text
    assert "Card or direct debit" not in text
    assert "did not answer" not in text
    # Whoever posts all the same begins nothing.
    assert (press(bill), attempts(here)) == (bill.path, [])


def signed_in(bill: Bill, tenant: UUID) -> Client:
    client = Client(raise_request_exception=False)
    client.cookies[settings.SESSION_COOKIE_NAME] = customers.signed_in(tenant, bill.customer)["value"]
    return client


@pytest.mark.parametrize(
    ("amount", "currency", "part"), [("1012.345", "KWD", "1,012.340"), ("1000000.00", "EUR", "5.00")]
)
def test_the_portal_offers_a_card_for_what_one_takes(
    here: UUID, amount: str, currency: str, part: str
) -> None:
    bill = paying.bill(here, amount=amount, currency=currency)
    client, pk = signed_in(bill, here), ids.encode("invoice", bill.invoice)
    page = client.get("/p/a/pay", {"invoice": pk}).content.decode()
    assert "This amount cannot be paid by card" in page
    assert "Pay with" not in page
    whole = re.sub(r"\D", "", amount)
    sent = {"invoice": pk, pk: f"{Decimal(amount):,}", f"left-{pk}": whole, "shown": whole, "way": "page"}
    refused = client.post("/p/a/pay", sent)
    assert (refused.status_code, "cannot be paid by card" in refused.content.decode()) == (422, True)
    assert attempts(here) == []
    # A part that a card takes: the ways stand there as soon as it is typed, and after it was sent.
    typed = client.get("/p/a/pay/total", {"amounts": "1", **sent, pk: part}).content.decode()
    looked = client.post("/p/a/pay", {**sent, pk: part}).content.decode()
    for shown in (typed, looked):
        assert "Pay with" in shown
        assert "cannot be paid by card" not in shown
    assert attempts(here) == []
    minor = re.sub(r"\D", "", part)
    assert client.post("/p/a/pay", {**sent, pk: part, "shown": minor}).status_code == 303
    assert [state for state, _ in attempts(here)] == ["open"]


@pytest.mark.parametrize(
    ("struck", "said"),
    [
        ("refused", "The payment provider refused. Nothing was saved, and trying again will not help."),
        ("away", "The payment provider did not answer. Nothing was saved; try once more in a minute."),
        ("silent", "The payment provider gave no clear answer."),
    ],
)
def test_why_nothing_could_be_saved_is_told_apart(
    here: UUID, gateway: Gateway, settings, struck: str, said: str
) -> None:
    client = signed_in(paying.bill(here), here)
    if struck == "refused":
        with scope(Scope(here)):
            account = GatewayAccount.objects.get()
            account.secret_key = "rk_none_" + "9" * 24
            account.save()
    elif struck == "away":
        settings.GATEWAY_ADDRESS = "http://127.0.0.1:9"
        settings.OUTBOUND_PRIVATE_ORIGINS = ["http://127.0.0.1:9"]
    else:
        gateway.fault("reset_before", next=9, path=CREATE)
    sent_on = client.post("/p/a/methods/new/card", {"agree": "on"})
    assert sent_on.status_code == 303
    page = client.get(sent_on.headers["Location"]).content.decode()
    assert said in " ".join(re.sub(r"<[^>]+>", " ", page).split())
    with scope(Scope(here)):
        assert not PaymentMethod.objects.exists()


def test_the_largest_amount_a_card_takes_is_offered_one(here: UUID) -> None:
    text = text_of(paying.bill(here, amount="999999.99").path)
    assert "Card or direct debit" in text
    assert "cannot be paid by card" not in text


def test_a_refusal_of_the_provider_is_not_the_banks(here: UUID) -> None:
    bill = paying.bill(here)
    with scope(Scope(here)):
        account = GatewayAccount.objects.get()
        account.secret_key = "rk_none_" + "9" * 24
        account.save()
    landed = press(bill)
    assert (landed, attempts(here)) == (f"{bill.path}/result", [("failed", "key_refused")])
    for path in (landed, bill.path):
        text = text_of(path)
        assert "The payment could not be made. Nothing was charged." in text
        assert "Your bank" not in text
        assert "did not answer" not in text


def test_an_amount_the_provider_itself_refuses_says_so(here: UUID) -> None:
    bill = paying.bill(here)
    assert press(bill) != bill.path
    with scope(Scope(here)):
        Attempt.objects.update(state="failed", failure_code="amount_too_small")
        Payment.objects.update(state="failed", failure_code="amount_too_small")
    text = text_of(bill.path)
    assert "This amount cannot be paid by card. Nothing was charged. Pay by bank transfer." in text
    assert "Your bank declined" not in text


def test_a_provider_that_is_away_is_said_once_and_nothing_of_a_bank(here: UUID, settings) -> None:
    bill = paying.bill(here)
    settings.GATEWAY_ADDRESS = "http://127.0.0.1:9"
    landed = press(bill)
    assert (landed, attempts(here)) == (bill.path, [("failed", "address_refused")])
    text = text_of(landed)
    assert text.count("Card payments are not possible right now") == 1
    assert text.count("The payment provider did not answer. Nothing was charged. Try again in a minute") == 1
    assert "Your bank" not in text
    assert "Wait before paying again" not in text
    assert "Pay €100.00" in text


def test_a_provider_that_stays_silent_leaves_one_thing_to_do(here: UUID, gateway: Gateway) -> None:
    bill = paying.bill(here)
    gateway.fault("reset_after", next=99, path=CREATE)
    landed = press(bill)
    assert (landed, attempts(here)) == (f"{bill.path}/result", [("unknown", "")])
    for path in (landed, bill.path, f"{bill.path}?away=1"):
        text = text_of(path)
        assert "We are asking the payment provider" in text
        assert "Wait before paying again" in text
        assert "Try again" not in text
        assert "Nothing was charged" not in text
        assert "Pay €100.00" not in text
