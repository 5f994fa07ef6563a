"""Webhooks over the API: a secret that is shown once, told, sent again, deleted; and events for who comes late."""

from datetime import timedelta

import pytest
from standardwebhooks import Webhook

from core import clock, ids
from core.actor import Actor
from edge.models import IdempotencyKey
from outbound.models import WebhookEndpoint, WebhookEvent
from outbound.webhooks import delivery, rules
from outbound.webhooks import services as webhooks
from tenancy.context import Scope, scope
from tests import databases
from tests.make.api import events_of
from tests.services.outbound.webhooks.receiver import receiving

HOOK = "https://93.184.216.34/hook"
CUSTOMER = {"name": "Anna Gruber", "email": "anna@gruber.example", "currency": "EUR"}


@pytest.fixture
def receiver(settings):
    with receiving() as made:
        settings.OUTBOUND_PRIVATE_ORIGINS = [made.origin]
        yield made


def deliver(api, at=None):
    now = clock.now if at is None else lambda: at
    return delivery.deliver_due(tenant_id=api.tenant, actor=Actor.system("tests"), now=now)


def test_from_adding_an_endpoint_to_an_event_that_verifies(api, receiver):
    added = api.post("webhook_endpoints", {"url": receiver.origin + "/hook", "description": "Warehouse"})
    assert added.status_code == 201
    endpoint = added.json()
    assert added.headers["Location"] == f"/api/v1/webhook_endpoints/{endpoint['id']}"
    secret = endpoint.pop("secret")
    assert endpoint["types"] == [] and endpoint["state"] == "enabled"
    customer = api.post("customers", CUSTOMER).json()["id"]
    line = {"description": "Wartung", "unit_amount": "10"}
    invoice = api.post("invoices", {"customer": customer, "currency": "EUR", "lines": [line]}).json()["id"]
    api.patch(f"customers/{customer}", {"name": "Anna Huber"})
    api.post(f"invoices/{invoice}/finalize")
    api.post(f"invoices/{invoice}/void")
    assert deliver(api) == 5
    told = {}
    for one in receiver.told:
        event = Webhook(secret).verify(one.body, one.headers)
        told[event["type"]] = event["data"]
        assert b"Anna" not in one.body and b"gruber" not in one.body
    assert told["customer.created"] == told["customer.updated"]
    assert told["customer.created"] == {
        "object": "customer", "id": customer, "currency": "EUR", "state": "active"
    }  # fmt: skip
    amounts = {
        "object": "invoice",
        "id": invoice,
        "customer": customer,
        "currency": "EUR",
        "total_minor": 1000,
    }
    for code, status, due in (
        ("invoice.created", "draft", 1000),
        ("invoice.finalized", "finalized", 1000),
        ("invoice.voided", "voided", 0),
    ):
        assert told[code].items() >= {**amounts, "status": status, "amount_due_minor": due}.items(), code
    # The secret is in no later answer.
    read = api.get(f"webhook_endpoints/{endpoint['id']}")
    assert read.json() == endpoint and secret not in read.content.decode()
    listed = api.get("webhook_endpoints")
    assert listed.json()["data"] == [endpoint]
    assert secret not in listed.content.decode()
    assert len(events_of(api.tenant, "webhook.read")) == 2


@pytest.mark.parametrize("door", ["make", "rotate"])
def test_a_repeated_answer_leaves_the_secret_out_and_nothing_keeps_it(api, door):
    path, body = "webhook_endpoints", {"url": HOOK}
    if door == "rotate":
        path, body = f"webhook_endpoints/{api.post(path, body).json()['id']}/rotate", {"overlap": "now"}
    first = api.post(path, body, Idempotency_Key="k")
    again = api.post(path, body, Idempotency_Key="k")
    assert first.json()["secret"].startswith("whsec_")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (first.status_code, "true")
    assert again.json() == {**first.json(), "secret": None}
    with scope(Scope(api.tenant)):
        [row] = IdempotencyKey.objects.all()
        assert first.json()["secret"] not in str(row.response)
        assert WebhookEndpoint.objects.count() == 1


def test_an_archived_customer_is_told_of_with_its_state(api):
    customer = api.post("customers", CUSTOMER).json()["id"]
    api.post(f"customers/{customer}/archive")
    api.post(f"customers/{customer}/restore")
    states = [event["data"]["state"] for event in api.get("events?type=customer.updated").json()["data"]]
    assert states == ["active", "archived"]


def test_what_a_refused_or_repeated_request_did_is_told_once_or_not_at_all(api):
    assert api.post("customers", {"name": "Anna"}).status_code == 422
    for _ in range(2):
        assert api.post("customers", CUSTOMER, Idempotency_Key="k").status_code == 201
    assert [event["type"] for event in api.get("events").json()["data"]] == ["customer.created"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/url", "required"),
        ({"url": "http://hook.example/"}, "/url", "address_refused"),
        ({"url": "https://127.0.0.1/"}, "/url", "address_refused"),
        ({"url": "https://[::1]/"}, "/url", "address_refused"),
        ({"url": "https://169.254.169.254/latest"}, "/url", "address_refused"),
        ({"url": "https://nobody.invalid/"}, "/url", "host_unknown"),
        ({"url": HOOK, "types": ["invoice.eaten"]}, "/types/0", "unknown_choice"),
        ({"url": HOOK, "types": ["ping"]}, "/types/0", "unknown_choice"),
        ({"url": HOOK, "types": "invoice.paid"}, "/types", "not_a_list"),
        ({"url": HOOK, "description": "4242 4242 4242 4242"}, "/description", "card_number"),
        ({"url": HOOK, "secret": "whsec_mine"}, "/secret", "unknown_field"),
    ],
)
def test_what_cannot_be_used_is_named(api, body, pointer, code):
    refused = api.post("webhook_endpoints", body)
    assert refused.status_code == 422
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [(pointer, code)]
    with scope(Scope(api.tenant)):
        assert WebhookEndpoint.objects.count() == 0
    assert events_of(api.tenant, "webhook.created") == []


def test_changing_rotating_disabling_and_deleting(api):
    added = api.post("webhook_endpoints", {"url": HOOK, "types": ["invoice.paid"]})
    path = f"webhook_endpoints/{added.json()['id']}"
    changed = api.patch(path, {"types": [], "description": "All of it"})
    assert (changed.json()["types"], changed.json()["description"]) == ([], "All of it")
    stale = api.patch(path, {"types": ["invoice.paid"]}, If_Match=added.headers["ETag"])
    assert (stale.status_code, api.get(path).json()["types"]) == (412, [])
    fresh = api.get(path).headers["ETag"]
    assert api.patch(path, {"description": ""}, If_Match=fresh).json()["description"] is None
    assert api.get(path, If_None_Match=api.get(path).headers["ETag"]).status_code == 304
    rotated = api.post(f"{path}/rotate", {"overlap": "24h"}).json()
    assert rotated["secret"] != added.json()["secret"]
    assert rotated["previous_secret_until"] is not None
    assert api.post(f"{path}/rotate", {"overlap": "now"}).json()["previous_secret_until"] is None
    refused = api.post(f"{path}/rotate", {"overlap": "a year"})
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/overlap"]
    off = api.post(f"{path}/disable").json()
    assert (off["state"], off["disabled_reason"]) == ("disabled", "by_member")
    for action, body in (("ping", None), ("replay", {"since": "2026-01-01T00:00:00Z"})):
        refused = api.post(f"{path}/{action}", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_disabled")
    assert api.post(f"{path}/enable").json()["state"] == "enabled"
    gone = api.send("DELETE", path)
    assert (gone.status_code, gone.json()) == (
        200, {"id": added.json()["id"], "object": "webhook_endpoint", "deleted": True}
    )  # fmt: skip
    assert api.get(path).status_code == api.send("DELETE", path).status_code == 404
    kinds = ("created", "updated", "rotated", "disabled", "enabled", "deleted")
    assert [len(events_of(api.tenant, f"webhook.{kind}")) for kind in kinds] == [1, 2, 2, 1, 1, 1]


def test_deliveries_are_listed_read_and_sent_again(api, receiver):
    endpoint = api.post("webhook_endpoints", {"url": receiver.origin + "/hook"}).json()
    path = f"webhook_endpoints/{endpoint['id']}"
    assert api.post(f"{path}/ping").json() == {"object": "webhook_replay", "events": 1}
    receiver.answer, receiver.body = 500, b"no room"
    deliver(api)
    (row,) = api.get(f"{path}/deliveries").json()["data"]
    assert (row["type"], row["state"], row["attempts"]) == ("ping", "pending", 1)
    assert (row["last_status"], row["last_error"]) == (500, "http_500")
    assert api.get(f"{path}/deliveries?state=succeeded").json()["data"] == []
    one = api.get(f"webhook_deliveries/{row['id']}").json()
    assert [(entry["status"], entry["error"], entry["response"]) for entry in one["log"]] == [
        (500, "http_500", "no room")
    ]
    receiver.answer = 200
    again = api.post(f"webhook_deliveries/{row['id']}/resend", Idempotency_Key="again")
    assert (again.status_code, again.json()["state"]) == (200, "pending")
    assert deliver(api) == 1
    assert [entry["status"] for entry in api.get(f"webhook_deliveries/{row['id']}").json()["log"]] == [
        500,
        200,
    ]
    assert len({told.headers["webhook-id"] for told in receiver.told}) == 1
    # And everything that was missed, after a time of being away.
    receiver.answer = 410
    api.post("customers", CUSTOMER)
    deliver(api)
    api.post("customers", CUSTOMER)
    assert api.get(path).json()["disabled_reason"] == "gone"
    api.post(f"{path}/enable")
    receiver.answer = 200
    since = (clock.now() - timedelta(hours=1)).isoformat()
    assert api.post(f"{path}/replay", {"since": since}).json() == {"object": "webhook_replay", "events": 2}
    assert deliver(api) == 2


def test_events_are_paged_filtered_and_kept_thirty_days(api):
    for _ in range(3):
        api.post("customers", CUSTOMER)
    first = api.get("events?limit=2").json()
    second = api.get(f"events?limit=2&cursor={first['next_cursor']}").json()
    assert [len(first["data"]), len(second["data"]), second["next_cursor"]] == [2, 1, None]
    assert len({event["id"] for event in first["data"] + second["data"]}) == 3
    event = first["data"][0]
    assert api.get(f"events/{event['id']}").json() == event
    assert (event["object"], event["livemode"], event["api_version"]) == ("event", False, "v1")
    assert api.get("events?type=invoice.paid").json()["data"] == []
    assert api.get("events?type=customer").status_code == 422
    assert len(events_of(api.tenant, "event.read")) == 4
    databases.as_owner("UPDATE outbound_webhookevent SET created_at = now() - interval '31 days'")
    assert api.get("events").json()["data"] == []
    assert api.get(f"events/{event['id']}").status_code == 404


def test_another_organizations_endpoints_and_events_are_not_there(api, other):
    endpoint = api.post("webhook_endpoints", {"url": HOOK}).json()["id"]
    api.post(f"webhook_endpoints/{endpoint}/ping")
    (row,) = api.get(f"webhook_endpoints/{endpoint}/deliveries").json()["data"]
    for method, path, body in (
        ("GET", f"webhook_endpoints/{endpoint}", None),
        ("PATCH", f"webhook_endpoints/{endpoint}", {"url": HOOK}),
        ("DELETE", f"webhook_endpoints/{endpoint}", None),
        ("POST", f"webhook_endpoints/{endpoint}/rotate", {"overlap": "now"}),
        ("POST", f"webhook_endpoints/{endpoint}/ping", None),
        ("POST", f"webhook_endpoints/{endpoint}/replay", {"since": "2026-01-01T00:00:00Z"}),
        ("GET", f"webhook_endpoints/{endpoint}/deliveries", None),
        ("GET", f"webhook_deliveries/{row['id']}", None),
        ("POST", f"webhook_deliveries/{row['id']}/resend", None),
        ("GET", f"events/{row['event']}", None),
    ):
        assert other.send(method, path, body).status_code == 404, (method, path)
    assert other.get("webhook_endpoints").json()["data"] == other.get("events").json()["data"] == []
    assert api.get(f"webhook_endpoints/{endpoint}").status_code == 200


def test_a_key_needs_the_scope_of_each(api, key_with):
    events, endpoints = key_with("event:read"), key_with("webhook:manage")
    assert [events.get("events").status_code, endpoints.get("webhook_endpoints").status_code] == [200, 200]
    assert events.get("webhook_endpoints").json()["code"] == "missing_permission"
    assert endpoints.get("events").json()["code"] == "missing_permission"


def test_an_import_is_told_of_customer_by_customer(api):
    from billing.imports import services as imports

    rows = "name,currency\n" + "".join(f"Customer {number},EUR\n" for number in range(3))
    with scope(Scope(api.tenant)):
        imports.import_customers(data=rows.encode(), actor=Actor.system("tests"), at=clock.now())
    events = api.get("events?type=customer.created").json()["data"]
    assert len({event["data"]["id"] for event in events}) == 3


def test_the_reference_names_every_event(api):
    page, document = api.get("docs").content.decode(), api.get("openapi.json").json()
    assert sorted(document["webhooks"]) == sorted(rules.TYPES)
    for code, sentence in rules.TYPES.items():
        assert f"<code>{code}</code></th><td>{sentence}</td>" in page
        assert document["webhooks"][code]["post"]["summary"] == sentence


def test_a_customers_scope_sees_no_endpoint(api):
    customer = api.post("customers", CUSTOMER).json()["id"]
    api.post("webhook_endpoints", {"url": HOOK})
    with scope(Scope(api.tenant, customer=ids.decode("customer", customer))):
        assert (WebhookEndpoint.objects.count(), WebhookEvent.objects.count()) == (0, 0)
        webhooks.publish(
            type="customer.updated", subject=("customer", ids.decode("customer", customer)), data={}
        )
    assert len(api.get("events?type=customer.updated").json()["data"]) == 1
