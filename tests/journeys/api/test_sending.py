"""Sending an invoice over the API, and the address at which it is paid."""

from uuid import UUID

import pytest

from billing.customers.models import Customer
from outbound.models import OutboxMessage
from payments.models import PayLink
from payments.services import links
from tenancy.context import Scope, scope
from tests.make import api, paying
from tests.make.api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours() -> Api:
    return api.ready("a")


def invoice_of(ours: Api, *, email: str = paying.EMAIL, final: bool = True) -> str:
    body = {"name": "Ada Lovelace", "currency": "EUR"} | ({"email": email} if email else {})
    customer = ours.post("customers", body).json()["id"]
    line = {"description": "Work", "unit_amount": "100.00"}
    made = ours.post("invoices", {"customer": customer, "currency": "EUR", "lines": [line]}).json()
    if final:
        assert ours.post(f"invoices/{made['id']}/finalize", {}).status_code == 200
    return str(made["id"])


def mails(tenant: UUID) -> list[OutboxMessage]:
    with scope(Scope(tenant)):
        return list(OutboxMessage.objects.filter(template="invoice"))


def test_send_mails_the_invoice_and_answers_with_it(ours: Api) -> None:
    invoice = invoice_of(ours)
    answer = ours.post(f"invoices/{invoice}/send", {})
    body = answer.json()
    assert (answer.status_code, body["id"], body["status"]) == (200, invoice, "finalized")
    (message,) = mails(ours.tenant)
    with scope(Scope(ours.tenant)):
        assert message.body["to"] == paying.EMAIL
        assert body["pay_url"] in message.body["text"]
    assert len(api.events_of(ours.tenant, "invoice.sent")) == 1
    assert ours.get(f"invoices/{invoice}").json()["pay_url"] == body["pay_url"]


def test_the_address_opens_this_invoice_and_no_other(ours: Api) -> None:
    invoice = invoice_of(ours)
    url = ours.get(f"invoices/{invoice}").json()["pay_url"]
    with scope(Scope(ours.tenant)):
        (link,) = PayLink.objects.all()
        assert links.find(url.rpartition("/")[2]).pk == link.pk
    # Reading again makes no second one, and a list makes none at all.
    assert ours.get(f"invoices/{invoice}").json()["pay_url"] == url
    assert [row["pay_url"] for row in ours.get("invoices").json()["data"]] == [None]
    with scope(Scope(ours.tenant)):
        assert PayLink.objects.count() == 1


def test_a_key_that_may_not_send_makes_no_link(ours: Api) -> None:
    invoice = invoice_of(ours)
    reader = api.key_of("a", frozenset({api.Permission.INVOICE_READ}))
    assert reader.get(f"invoices/{invoice}").json()["pay_url"] is None
    url = ours.post(f"invoices/{invoice}/send", {}).json()["pay_url"]
    assert url
    assert reader.get(f"invoices/{invoice}").json()["pay_url"] is None
    assert reader.post(f"invoices/{invoice}/send", {}).status_code == 403


def test_without_an_address_the_field_is_named_and_nothing_is_sent(ours: Api) -> None:
    invoice = invoice_of(ours, email="")
    answer = ours.post(f"invoices/{invoice}/send", {})
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "no_email_address")
    assert [error["pointer"] for error in body["errors"]] == ["/email"]
    assert mails(ours.tenant) == []
    with scope(Scope(ours.tenant)):
        assert Customer.objects.count() == 1
        assert PayLink.objects.count() == 0
    assert api.events_of(ours.tenant, "invoice.sent") == []


def test_a_draft_is_not_sent_and_has_no_address(ours: Api) -> None:
    invoice = invoice_of(ours, final=False)
    answer = ours.post(f"invoices/{invoice}/send", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_to_be_sent")
    assert ours.get(f"invoices/{invoice}").json()["pay_url"] is None
