"""The sides of a customer, in order as somebody works: duplicates, contacts, tax id, terms, belonging, merging."""

import html
import re
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from audit.models import Event
from billing.customers import queries
from billing.customers.models import Customer
from core import ids
from tenancy.context import Scope, scope
from tests.make import accounts, api
from tests.make import billing as make
from tests.make.contacts import contact


class Desk:
    """Somebody at work, and what they open."""

    def __init__(self, tenant: Any, role: str = "billing_manager", *, fresh: bool = True) -> None:
        self.tenant = tenant
        with scope(Scope(tenant)):
            self.member = accounts.member(role)
            opened = accounts.session(self.member.user)
        self.client = Client()
        self.client.cookies[settings.SESSION_COOKIE_NAME] = opened.raw_key

    def open(self, path: str, status: int = 200) -> str:
        response = self.client.get(f"/o/a/{path}")
        assert response.status_code == status, (path, response.status_code)
        return html.unescape(response.content.decode())

    def send(self, path: str, status: int = 302, **data: Any) -> Any:
        response = self.client.post(f"/o/a/{path}", data)
        assert response.status_code == status, (path, response.status_code, response.content.decode()[-3000:])
        return response

    def events(self) -> set[str]:
        with scope(Scope(self.tenant)):
            return set(Event.objects.values_list("event", flat=True))


@pytest.fixture
def desk(db: None, tenant_a: Any) -> Desk:
    api.set_issuer(tenant_a)
    return Desk(tenant_a)


@pytest.fixture
def ada(desk: Desk) -> str:
    with scope(Scope(desk.tenant)):
        of = make.customer("Ada Ltd", email="ada@ada.example", tax_id="DE136695976", reference="A-1")
        make.finalized(of=of)
    return ids.encode("customer", of.pk)


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_a_customer_that_may_be_here_already_is_shown_once(desk: Desk, ada: str) -> None:
    form = {"name": "ADA  ltd", "email": "new@ada.example", "currency": "EUR", "country": "AT"}
    page = desk.send("customers/new", 200, **form).content.decode()
    assert "may be here already" in page
    assert ada in page
    with scope(Scope(desk.tenant)):
        assert Customer.objects.count() == 1
    desk.send("customers/new", 302, same_again="on", **form)
    with scope(Scope(desk.tenant)):
        assert Customer.objects.count() == 2


def test_terms_delivery_and_belonging_are_entered_and_shown(desk: Desk, ada: str) -> None:
    sent = desk.send(
        "customers/new", name="Ada Graz", currency="EUR", country="AT", payment_days="45", language="de",
        parent="A-1", delivery_line1="Rampe 2", delivery_city="Graz", delivery_country="AT",
    )  # fmt: skip
    page = words(desk.open(sent.url.removeprefix("/o/a/")))
    assert "45 days" in page
    assert "Deutsch" in page
    assert "Rampe 2" in page
    assert "Belongs to Ada Ltd" in page
    assert "Belong to this customer" in desk.open(f"customers/{ada}")
    wrong = {
        "name": "x",
        "currency": "EUR",
        "payment_days": "900",
        "parent": "nobody",
        "tax_id": "DE136695970",
    }
    page = desk.send("customers/new", 422, **wrong).content.decode()
    assert "No customer has this number or id" in page
    page = html.unescape(
        desk.send("customers/new", 422, **{**wrong, "payment_days": "", "parent": ""}).content.decode()
    )
    assert "is no VAT number of Germany" in page


def test_contacts_are_added_changed_and_removed(desk: Desk, ada: str) -> None:
    assert "Nobody is named yet" in desk.open(f"customers/{ada}/contacts")
    form = {"name": "Joan Clarke", "email": "joan@ada.example", "roles": ["billing"], "is_primary": "on"}
    desk.send(f"customers/{ada}/contacts/new", **form)
    page = desk.open(f"customers/{ada}/contacts")
    (pk,) = set(re.findall(r"con_[0-9a-z]{26}", page))
    assert "Invoices joan@ada.example Reminders ada@ada.example" in words(page)
    assert "Joan Clarke" in desk.open(f"contacts/{pk}/edit")
    page = desk.send(f"contacts/{pk}/edit", 422, **{**form, "email": ""}).content.decode()
    assert "Who gets mail needs an e-mail address" in page
    desk.send(f"contacts/{pk}/edit", **{**form, "email": "j@ada.example"})
    assert "Ada Ltd" in desk.open("customers?q=j@ada.example")
    assert "No more invoices" in words(desk.open(f"contacts/{pk}/remove"))
    desk.send(f"contacts/{pk}/remove")
    assert "Nobody is named yet" in desk.open(f"customers/{ada}/contacts")
    assert {"contact.read", "contact.listed", "contact.removed"} <= desk.events()


def test_a_tax_id_is_asked_about_from_its_page(desk: Desk, ada: str) -> None:
    assert "Nobody has asked yet" in desk.open(f"customers/{ada}/tax-id")
    desk.send(f"customers/{ada}/tax-id")
    assert "Being checked" in desk.open(f"customers/{ada}/tax-id")
    with scope(Scope(desk.tenant)):
        other = ids.encode("customer", make.customer("None").pk)
    desk.send(f"customers/{other}/tax-id", 422)


def test_two_are_merged_and_taken_apart(desk: Desk, ada: str) -> None:
    with scope(Scope(desk.tenant)):
        goes = make.customer("Ada Limited", email="ada@ada.example")
        make.draft(of=goes)
        make.finalized(of=goes)
        contact(goes)
    pk = ids.encode("customer", goes.pk)
    page = desk.open(f"customers/{pk}/merge")
    assert f"?into={ada}" in page
    assert "E-mail address" in page
    page = words(desk.open(f"customers/{pk}/merge?into={ada}"))
    assert "Contacts 1" in page
    assert "Draft invoices 1" in page
    assert "1 open invoice, €" in page
    desk.send(f"customers/{pk}/merge", into=ada)
    assert "Merged into another customer" in desk.open(f"customers/{pk}")
    assert "Merged into this customer" in desk.open(f"customers/{ada}")
    desk.open(f"customers/{pk}/unmerge")
    desk.send(f"customers/{pk}/unmerge")
    with scope(Scope(desk.tenant)):
        assert queries.get(goes.pk).state == "active"
    desk.send(f"customers/{ada}/merge", 422, into=ada)


def test_a_foreign_customer_is_no_target(desk: Desk, ada: str, tenant_b: Any) -> None:
    with scope(Scope(tenant_b)):
        foreign = ids.encode("customer", make.customer("Foreign").pk)
    desk.open(f"customers/{ada}/merge?into={foreign}", 404)
    desk.send(f"customers/{ada}/merge", 404, into=foreign)
    with scope(Scope(desk.tenant)):
        assert queries.get(ids.decode("customer", ada)).state == "active"


def test_who_bills_may_not_merge(desk: Desk, ada: str, tenant_a: Any) -> None:
    clerk = Desk(tenant_a, "billing_clerk")
    clerk.open(f"customers/{ada}/merge", 403)
    assert "Merge…" not in clerk.open(f"customers/{ada}")
    reader = Desk(tenant_a, "accountant")
    reader.open(f"customers/{ada}/contacts")
    reader.open(f"customers/{ada}/contacts/new", 403)
