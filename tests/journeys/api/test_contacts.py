"""Contacts and what is new about customers, over the API."""

import pytest

from core import ids
from tenancy.context import Scope, scope
from tests.make import billing as make
from tests.make.api import events_of

JOAN = {
    "name": "Joan Clarke",
    "email": "joan@ada.example",
    "roles": ["receipts", "billing"],
    "position": "CFO",
}


@pytest.fixture
def customer(api) -> str:
    return api.post("customers", {"name": "Ada Ltd", "currency": "EUR", "email": "ada@ada.example"}).json()[
        "id"
    ]


def test_a_contact_is_added_read_changed_and_removed(api, customer):
    made = api.post("contacts", {**JOAN, "customer": customer})
    assert made.status_code == 201
    row = made.json()
    assert row["customer"] == customer
    assert row["roles"] == ["billing", "receipts"]
    assert (row["object"], row["is_primary"], row["state"]) == ("contact", False, "active")
    path = f"contacts/{row['id']}"
    assert api.get(path).json() == row
    changed = api.patch(path, {"is_primary": True, "language": "de", "position": None}).json()
    assert (changed["is_primary"], changed["language"], changed["position"]) == (True, "de", None)
    assert api.patch(path, {"position": "x"}, If_Match='"another"').status_code == 412
    assert api.patch(path, {}).json() == changed
    assert api.post(f"{path}/remove").json()["state"] == "former"
    assert api.post(f"{path}/remove").status_code == 404
    assert len(events_of(api.tenant, "contact.read")) == 2


def test_contacts_are_listed_and_found(api, customer):
    first = api.post("contacts", {**JOAN, "customer": customer}).json()
    api.post("contacts", {"name": "Grace", "customer": customer})
    assert len(api.get("contacts").json()["data"]) == 2
    for query in ("email=JOAN@ada.example", f"customer={customer}&email=joan@ada.example"):
        assert [row["id"] for row in api.get(f"contacts?{query}").json()["data"]] == [first["id"]]
    assert api.get("contacts?state=former").json()["data"] == []
    assert api.get("contacts?state=gone").status_code == 422


def test_every_fault_is_named(api, customer, tenant_b):
    answer = api.post(
        "contacts", {"customer": customer, "name": "", "email": "no", "roles": ["chief"], "age": 1}
    )
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/name", "/email", "/roles/0", "/age"}
    assert (
        api.post("contacts", {"customer": customer, "name": "Joan", "roles": ["billing"]}).status_code == 422
    )
    with scope(Scope(tenant_b)):
        foreign = ids.encode("customer", make.customer("Foreign").pk)
    assert api.post("contacts", {**JOAN, "customer": foreign}).status_code == 404


def test_what_is_new_about_a_customer(api, customer):
    made = api.post(
        "customers",
        {"name": "Ada Graz", "currency": "EUR", "payment_days": 45, "language": "de", "parent": customer,
         "delivery_address": {"city": "Graz", "country": "AT"}, "tax_id": "DE136695976"},
    )  # fmt: skip
    assert made.status_code == 201
    row = made.json()
    assert (row["payment_days"], row["language"], row["parent"]) == (45, "de", customer)
    assert row["delivery_address"] == {"city": "Graz", "country": "AT"}
    assert (row["tax_id_state"], row["merged_into"]) == ("unchecked", None)
    path = f"customers/{row['id']}"
    cleared = api.patch(
        path, {"payment_days": None, "language": None, "parent": None, "delivery_address": None}
    )
    assert [cleared.json()[name] for name in ("payment_days", "language", "parent", "delivery_address")] == [
        None
    ] * 4
    answer = api.patch(path, {"tax_id": "DE136695970", "payment_days": 1.0, "language": "fr"})
    assert {(error["pointer"], error["code"]) for error in answer.json()["errors"]} == {
        ("/tax_id", "wrong_check_digits"), ("/payment_days", "not_whole"), ("/language", "unknown_choice"),
    }  # fmt: skip
    assert api.patch(path, {"payment_days": 366}).status_code == 422
    assert api.patch(path, {"parent": row["id"]}).status_code == 409
