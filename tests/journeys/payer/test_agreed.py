"""What is stored as agreed to is what stood beside the box: for a card, for a debit, and whatever is renamed later."""

import html
import re
from uuid import UUID

import pytest
from django.test import Client

from billing.issuer import services as issuers
from core import clock, ids
from payments.models import Attempt, PaymentMethod
from payments.services import accounts, collect
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from tests.gateway import Gateway
from tests.make import customers, payer, paying
from tests.make.paying import ACTOR, Bill

pytestmark = pytest.mark.django_db
CARD = (
    "I allow Strongbox Tests GmbH to save this card with its payment provider and to charge it when I choose to pay "
    "with it. I can remove it at any time."
)
DEBIT = (
    "I authorize Strongbox Tests GmbH and its payment provider to send instructions to my bank to debit my account, "
    "and my bank to debit it accordingly. I may ask my bank for a refund within eight weeks of a debit, under the "
    "terms of my agreement with my bank."
)
WAYS = [({"card": payer.SUCCESS}, "card", CARD), ({"iban": payer.DEBIT}, "sepa_debit", DEBIT)]


@pytest.fixture
def bill(tenant_a: UUID, gateway: Gateway) -> Bill:
    accounts.connect(tenant_id=tenant_a, secret_key=gateway.key, actor=ACTOR, at=clock.now())
    paying.organization(tenant_a)
    return paying.bill(tenant_a)


def shown(client: Client, path: str) -> tuple[str, dict[str, str]]:
    """Return what stands beside the box, and the form's hidden fields."""
    body = client.get(path).content.decode()
    fields = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', body)
    }
    text = html.unescape(" ".join(re.sub(r"<[^>]+>", " ", body).split()))
    assert fields["agreed"] in text
    return text, fields


def rename(tenant: UUID) -> None:
    with scope(Scope(tenant)):
        issuers.set_issuer(name="Somebody Else Ltd", actor=ACTOR, at=clock.now())


def learn(tenant: UUID, gateway: Gateway) -> PaymentMethod:
    """Ask the provider until the money is there; return what was kept."""
    for _ in range(2):
        with scope(Scope(tenant)):
            attempt = Attempt.objects.get()
        collect.ask(tenant_id=tenant, attempt_id=attempt.pk, at=clock.now())
        gateway.advance()
    with scope(Scope(tenant)):
        return PaymentMethod.objects.get()


@pytest.mark.parametrize(("with_", "kind", "words"), WAYS)
def test_behind_a_link_what_is_stored_is_what_was_shown(
    tenant_a: UUID, gateway: Gateway, bill: Bill, with_: dict[str, str], kind: str, words: str
) -> None:
    client = Client(raise_request_exception=False)
    text, fields = shown(client, bill.path)
    assert words in text
    page = client.post(bill.path, {**fields, "keep": "on"}).headers["Location"]
    rename(tenant_a)
    payer.pay(page, **with_)
    kept = learn(tenant_a, gateway)
    assert (kept.kind, kept.mandate_text) == (kind, words)


@pytest.mark.parametrize(("with_", "kind", "words"), WAYS)
def test_in_the_portal_what_is_stored_is_what_was_shown(
    tenant_a: UUID, gateway: Gateway, bill: Bill, with_: dict[str, str], kind: str, words: str
) -> None:
    cookie = customers.signed_in(tenant_a, bill.customer)
    client = Client(raise_request_exception=False)
    client.cookies[cookie["name"]] = cookie["value"]
    with scope(Scope(tenant_a)):
        slug = Tenant.objects.get(pk=tenant_a).slug
    invoice = ids.encode("invoice", bill.invoice)
    text, fields = shown(client, f"/p/{slug}/pay?invoice={invoice}")
    assert words in text
    form = {**fields, invoice: "100.00", "way": "page", "keep": "on"}
    page = client.post(f"/p/{slug}/pay", form).headers["Location"]
    rename(tenant_a)
    payer.pay(page, **with_)
    kept = learn(tenant_a, gateway)
    assert (kept.kind, kept.mandate_text) == (kind, words)


def test_a_box_that_was_ticked_beside_other_words_begins_nothing(tenant_a: UUID, bill: Bill) -> None:
    client = Client(raise_request_exception=False)
    _, fields = shown(client, bill.path)
    rename(tenant_a)
    pressed = client.post(bill.path, {**fields, "keep": "on"})
    assert (pressed.status_code, pressed.headers["Location"]) == (303, bill.path)
    with scope(Scope(tenant_a)):
        assert Attempt.objects.count() == 0
    assert "Somebody Else Ltd" in shown(client, bill.path)[0]
