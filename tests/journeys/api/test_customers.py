"""Customers over the API."""

import threading

from django.db import connections

from accounts.permissions import Permission
from billing.customers.models import Customer
from core import ids
from tenancy.context import Scope, scope
from tests.make.api import events_of

ANNA = {
    "name": "Anna Gruber",
    "email": "anna@gruber.example",
    "address": {"line1": "Gasse 1", "city": "Graz", "postal_code": "8010", "country": "AT"},
    "tax_id": "ATU12345675",
    "currency": "EUR",
    "metadata": {"crm": "4711"},
}


def test_a_customer_is_added_read_changed_and_archived(api):
    made = api.post("customers", ANNA)
    assert made.status_code == 201
    customer = made.json()
    assert made.headers["Location"] == f"/api/v1/customers/{customer['id']}"
    assert {name: customer[name] for name in ANNA} == ANNA
    assert (customer["object"], customer["state"], customer["phone"]) == ("customer", "active", None)

    read = api.get(f"customers/{customer['id']}")
    assert read.json() == customer
    changed = api.patch(f"customers/{customer['id']}", {"phone": "+43 316 1234", "tax_id": None})
    assert changed.status_code == 200
    assert (changed.json()["phone"], changed.json()["tax_id"]) == ("+43 316 1234", None)
    assert changed.json()["name"] == "Anna Gruber"

    archived = api.post(f"customers/{customer['id']}/archive", {})
    assert archived.json()["state"] == "archived"
    assert api.post(f"customers/{customer['id']}/restore").json()["state"] == "active"
    assert [event["fields"] for event in events_of(api.tenant, "customer.updated")] == [["phone", "tax_id"]]
    assert len(events_of(api.tenant, "customer.read")) == 1


def test_a_change_that_changes_nothing_is_recorded_as_a_look(api):
    customer = api.post("customers", ANNA).json()
    path = f"customers/{customer['id']}"
    answers = [api.patch(path, {}), api.patch(path, {"name": ANNA["name"]}), api.post(f"{path}/restore")]
    assert [answer.json() for answer in answers] == [customer] * 3
    assert events_of(api.tenant, "customer.updated") == []
    looks = events_of(api.tenant, "customer.read")
    assert [ids.encode("customer", event["subject_id"]) for event in looks] == [customer["id"]] * 3


def test_customers_are_found_exactly_and_while_typing(api):
    anna = api.post("customers", ANNA).json()
    api.post("customers", {"name": "Berta Maier", "currency": "EUR", "email": "berta@maier.example"})
    for query in ("email=ANNA@gruber.example", "tax_id=atu 12345675", "q=gru", "q=anna@gruber.example"):
        found = api.get(f"customers?{query}").json()
        assert [row["id"] for row in found["data"]] == [anna["id"]], query
    assert api.get("customers?email=nobody@gruber.example").json()["data"] == []
    assert api.get("customers?state=archived").json()["data"] == []
    listed = events_of(api.tenant, "customer.listed")
    assert listed[0]["fields"] == ["email"]
    assert len(listed[0]["subject_ids"]) == 1


def test_every_faulty_field_is_named_at_once_and_nothing_is_stored(api):
    refused = api.post(
        "customers",
        {
            "email": "nobody",
            "phone": 5,
            "address": {"country": "Austria", "zip": "8010"},
            "currency": "XXX",
            "metadata": {"a": 1},
            "vip": True,
        },
    )
    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    problem = refused.json()
    assert problem["code"] == "invalid"
    assert problem["request_id"] == refused.headers["X-Request-Id"]
    assert {(error["pointer"], error["code"]) for error in problem["errors"]} == {
        ("/name", "required"),
        ("/email", "invalid_email"),
        ("/phone", "not_text"),
        ("/address/country", "invalid_country"),
        ("/address/zip", "unknown_field"),
        ("/currency", "unknown_currency"),
        ("/metadata/a", "not_text"),
        ("/vip", "unknown_field"),
    }
    with scope(Scope(api.tenant)):
        assert Customer.objects.count() == 0


def test_a_card_number_is_refused_naming_its_field(api):
    for field, pointer in (
        ({"notes": "pay with 4242 4242 4242 4242"}, "/notes"),
        ({"name": "４２４２４２４２４２４２４２４２"}, "/name"),
        ({"address": {"line1": "4242-4242-4242-4242"}}, "/address/line1"),
        ({"metadata": {"card": "4242424242424242"}}, "/metadata/card"),
    ):
        refused = api.post("customers", {**ANNA, **field})
        assert refused.status_code == 422
        assert refused.json()["code"] == "card_number"
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
        assert b"4242" not in refused.content
    with scope(Scope(api.tenant)):
        assert Customer.objects.count() == 0


def test_another_organizations_key_finds_nothing_and_is_recorded(api, other):
    customer = api.post("customers", ANNA).json()
    path = f"customers/{customer['id']}"
    unknown = f"customers/cus_{'0' * 26}"
    answers = [
        other.get(path),
        other.patch(path, {"name": "Mallory"}),
        other.post(f"{path}/archive"),
        other.post(f"{path}/restore"),
        other.get(unknown),
        other.get("customers/inv_nonsense"),
        other.get("customers/%2e%2e"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 7
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert all(body == bodies[0] for body in bodies)
    refusals = events_of(other.tenant, "access.refused")
    assert [event["reason"] for event in refusals] == ["not_found"] * 7
    assert refusals[0]["facts"] == {"status": 404, "route": "api:customer", "object": customer["id"]}
    assert refusals[5]["facts"]["object"] == "malformed"
    assert api.get(path).json() == customer


def test_a_key_without_the_scope_is_refused_and_recorded(api, key_with):
    reader = key_with(Permission.CUSTOMER_READ)
    refused = reader.post("customers", ANNA)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_permission")
    assert reader.get("customers").status_code == 200
    assert reader.get("invoices").status_code == 403
    assert [event["reason"] for event in events_of(api.tenant, "access.refused")] == [
        "missing_permission"
    ] * 2
    with scope(Scope(api.tenant)):
        assert Customer.objects.count() == 0


def test_two_at_once_cannot_have_one_number(api):
    barrier = threading.Barrier(2)
    answers = []

    def send(name: str) -> None:
        barrier.wait(60)
        answers.append(api.post("customers", {"name": name, "currency": "EUR", "reference": "K-1"}))
        connections.close_all()

    threads = [threading.Thread(target=send, args=(name,)) for name in ("A", "B")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] in ("reference_taken", "conflict")
    assert len(api.get("customers?reference=k-1").json()["data"]) == 1
    assert len(events_of(api.tenant, "customer.created")) == 1


def test_versions_spare_an_answer_and_guard_a_change(api):
    made = api.post("customers", ANNA)
    path, tag = f"customers/{made.json()['id']}", made.headers["ETag"]
    assert api.get(path).headers["ETag"] == tag
    known = api.get(path, If_None_Match=tag)
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", tag)
    changed = api.patch(path, {"name": "Anna Huber"}, If_Match=tag)
    assert changed.status_code == 200
    late = api.patch(path, {"name": "Anna Maier"}, If_Match=tag)
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert api.get(path, If_None_Match=tag).json()["name"] == "Anna Huber"
    # What was not sent again was looked at all the same.
    assert len(events_of(api.tenant, "customer.read")) == 3


def test_a_walk_over_120_customers_shows_each_once(api):
    from billing.customers import services
    from core import clock
    from core.actor import Actor

    with scope(Scope(api.tenant)):
        rows = [services.prepare({"name": f"N{n}", "currency": "EUR"}, at=clock.now()) for n in range(120)]
        services.create_many(rows, actor=Actor.system("tests"))
    seen: list[str] = []
    path = "customers?limit=50"
    sizes = []
    while path:
        page = api.get(path).json()
        sizes.append(len(page["data"]))
        seen += [row["name"] for row in page["data"]]
        path = f"customers?limit=50&cursor={page['next_cursor']}" if page["has_more"] else ""
    assert sizes == [50, 50, 20]
    assert len(set(seen)) == 120
    assert [len(event["subject_ids"]) for event in events_of(api.tenant, "customer.listed")] == [50, 50, 20]


def test_a_cursor_belongs_to_one_organization_list_and_filter(api, other):
    for name in ("A", "B"):
        api.post("customers", {"name": name, "currency": "EUR"})
    cursor = api.get("customers?limit=1").json()["next_cursor"]
    assert api.get(f"customers?limit=1&cursor={cursor}").status_code == 200
    broken = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for asking, query in (
        (api, f"customers?cursor={broken}x"),
        (api, f"customers?state=active&cursor={cursor}"),
        (api, f"invoices?cursor={cursor}"),
        (other, f"customers?cursor={cursor}"),
        (api, "customers?cursor=AAAA"),
    ):
        refused = asking.get(query)
        assert refused.status_code == 422
        assert [error["code"] for error in refused.json()["errors"]] == ["bad_cursor"], query
