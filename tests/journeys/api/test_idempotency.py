"""A request that is sent twice acts once."""

import threading
from datetime import timedelta

from django.db import connections

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from core import clock, ids
from crypto import keyring
from edge import idempotency
from edge.models import IdempotencyKey
from tenancy.context import Scope, scope
from tests.databases import as_owner
from tests.make.api import events_of

BODY = {"name": "Anna Gruber", "email": "anna@gruber.example", "currency": "EUR"}


def customers(tenant) -> int:
    with scope(Scope(tenant)):
        return Customer.objects.count()


def test_the_same_request_gets_the_same_answer_and_acts_once(api):
    first = api.post("customers", BODY, Idempotency_Key="k-1")
    second = api.post("customers", BODY, Idempotency_Key="k-1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    for name in ("Content-Type", "ETag", "Location"):
        assert second.headers[name] == first.headers[name]
    assert customers(api.tenant) == 1
    assert len(events_of(api.tenant, "customer.created")) == 1
    assert [event["facts"] for event in events_of(api.tenant, "request.repeated")] == [
        {"status": 201, "object": first.json()["id"]}
    ]


def test_finalizing_twice_with_one_key_repeats_the_answer(api):
    customer = api.post("customers", BODY).json()["id"]
    lines = [{"description": "Wartung", "unit_amount": "10"}]
    draft = api.post("invoices", {"customer": customer, "currency": "EUR", "lines": lines}).json()
    path = f"invoices/{draft['id']}/finalize"
    answers = [api.post(path, Idempotency_Key="fin") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert len(events_of(api.tenant, "invoice.finalized")) == 1


def test_the_same_key_with_another_request_is_refused(api):
    api.post("customers", BODY, Idempotency_Key="k-1")
    for path, body in (("customers", {**BODY, "name": "B"}), ("customers?x=1", BODY), ("tax_rates", BODY)):
        reused = api.post(path, body, Idempotency_Key="k-1")
        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert customers(api.tenant) == 1


def test_a_refused_request_leaves_its_key_free(api):
    refused = api.post("customers", {"name": "Anna"}, Idempotency_Key="k-1")
    assert refused.status_code == 422
    with scope(Scope(api.tenant)):
        assert IdempotencyKey.objects.count() == 0
    assert api.post("customers", BODY, Idempotency_Key="k-1").status_code == 201


def test_a_malformed_key_is_refused(api):
    for key in ("", "x" * 256, "schlüssel", "a\tb", " "):
        refused = api.post("customers", BODY, Idempotency_Key=key)
        assert (refused.status_code, refused.json()["code"]) == (422, "malformed_idempotency_key"), key
    assert customers(api.tenant) == 0


def test_the_longest_key_works_and_keys_belong_to_one_api_key(api, other):
    key = "x" * 255
    assert api.post("customers", BODY, Idempotency_Key=key).status_code == 201
    theirs = other.post("customers", BODY, Idempotency_Key=key)
    assert theirs.status_code == 201
    assert "Idempotent-Replayed" not in theirs.headers
    assert (customers(api.tenant), customers(other.tenant)) == (1, 1)


def test_an_answer_is_not_repeated_to_a_key_that_lost_its_scope(api):
    api.post("customers", BODY, Idempotency_Key="k-1")
    as_owner("UPDATE accounts_apikey SET scopes = ARRAY['invoice:read']")
    refused = api.post("customers", BODY, Idempotency_Key="k-1")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_permission")


def test_two_at_once_create_one(api):
    barrier = threading.Barrier(2)
    answers = []

    def send() -> None:
        barrier.wait(60)
        answers.append(api.post("customers", BODY, Idempotency_Key="race"))
        connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert sorted("Idempotent-Replayed" in answer.headers for answer in answers) == [False, True]
    assert customers(api.tenant) == 1


def test_a_request_whose_twin_is_still_running_is_told_to_wait(api):
    with connections["default"].cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        api_key = as_owner("SELECT id FROM accounts_apikey")[0][0]
        with scope(Scope(api.tenant)):
            row = IdempotencyKey(
                scope_hash=idempotency._hash(api_key.bytes, b"slow"),
                body_hash=b"0" * 32,
                created_at=clock.now(),
            )
            row.save(force_insert=True)
            held.set()
            release.wait(60)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(60)
        answer = api.post("customers", BODY, Idempotency_Key="slow")
    finally:
        release.set()
        thread.join(60)
        connections["default"].close()
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
    assert answer.headers["Retry-After"] == "1"
    assert customers(api.tenant) == 0


def test_what_is_stored_can_be_read_by_nobody_without_the_key(api):
    api.post("customers", BODY, Idempotency_Key="k-1")
    ((scope_hash, body_hash, response, status),) = as_owner(
        "SELECT scope_hash, body_hash, response, status FROM edge_idempotencykey"
    )
    assert (len(scope_hash), len(body_hash), status) == (32, 32, 201)
    assert bytes(response[:2]) == b"\x01\x01"
    for plain in (b"k-1", b"Anna", b"gruber", b"cus_"):
        assert plain not in scope_hash + body_hash + response


def test_old_answers_are_removed_and_a_sealed_organizations_too(api, other):
    now = clock.now()
    for tenant in (api.tenant, other.tenant):
        with scope(Scope(tenant)):
            for age in (timedelta(hours=47), timedelta(hours=49)):
                IdempotencyKey.objects.create(
                    scope_hash=ids.uuid7().bytes * 2, body_hash=b"0" * 32, created_at=now - age
                )
    as_owner("UPDATE tenancy_tenant SET state = 'sealed' WHERE id = %s", [other.tenant])
    keyring.forget_everything()
    assert idempotency.forget_old(at=now) == 2
    left = as_owner("SELECT tenant_id, created_at FROM edge_idempotencykey ORDER BY tenant_id")
    assert [(tenant, now - at) for tenant, at in left] == [
        (tenant, timedelta(hours=47)) for tenant in sorted((api.tenant, other.tenant))
    ]


def test_nothing_is_kept_when_the_change_fails_at_the_commit(api):
    """The deferred constraint of the ledger refuses inside COMMIT, after the answer was made."""
    customer = api.post("customers", BODY).json()["id"]
    lines = [{"description": "Wartung", "unit_amount": "10"}]
    draft = api.post("invoices", {"customer": customer, "currency": "EUR", "lines": lines}).json()
    as_owner(
        "CREATE FUNCTION public.fail_late() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'late'; END $$"
    )
    as_owner(
        "CREATE CONSTRAINT TRIGGER fail_late AFTER UPDATE ON billing_invoice DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION public.fail_late()"
    )
    failed = api.post(f"invoices/{draft['id']}/finalize", Idempotency_Key="late")
    assert (failed.status_code, failed.json()["code"]) == (500, "internal_error")
    with scope(Scope(api.tenant)):
        assert Invoice.objects.get().status == "draft"
        assert IdempotencyKey.objects.count() == 0
    as_owner("DROP TRIGGER fail_late ON billing_invoice")
    again = api.post(f"invoices/{draft['id']}/finalize", Idempotency_Key="late")
    assert again.status_code == 200
    assert "Idempotent-Replayed" not in again.headers
