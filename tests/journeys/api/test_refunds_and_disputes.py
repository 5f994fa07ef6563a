"""Refunds, disputes and saved methods over the API."""

import threading
from typing import Any

import pytest
from django.db import connections

from accounts.permissions import Permission
from billing.customers.models import Customer
from billing.invoices.models import Invoice
from billing.ledger import queries as books
from core import clock, ids
from core.actor import Actor
from payments.models import Dispute, Payment, PaymentMethod, Refund
from payments.services import holds
from tenancy.context import Scope, scope
from tests.journeys.api.test_payments import NOBODY, invoice, pay, proven
from tests.make import payments as make
from tests.make.api import Api, events_of, key_of


@pytest.fixture
def limited(transactional_db: None) -> Api:
    """Return a key of organization a that gives nothing back alone."""
    return key_of("a")


@pytest.fixture
def generous(api: Api) -> Api:
    """Return a key of organization a that may give back as much as its maker."""
    from accounts.models import ApiKey

    with scope(Scope(api.tenant)):
        ApiKey.objects.update(limits={"refund_minor": 100_000})
    return api


def refund(api: Api, payment: dict[str, Any], amount_minor: int, *, key: str = "r", **more: object) -> Any:
    body = {"payment": payment["id"], "amount_minor": amount_minor, "reason": "Paid twice", **more}
    return api.post("refunds", body, Idempotency_Key=key)


def refundable(api: Api, payment: dict[str, Any]) -> tuple[int, int]:
    shown = api.get(f"payments/{payment['id']}").json()
    return shown["refunded_minor"], shown["refundable_minor"]


def by_card(api: Api) -> tuple[Payment, dict[str, Any]]:
    """Return a payment by card and its invoice."""
    due = invoice(api)
    with scope(Scope(api.tenant)):
        row = Invoice.objects.get(pk=ids.decode("invoice", due["id"]))
        return make.card(row.customer_id, row.pk, 10_000), due


def test_a_bank_payment_is_refunded_and_its_payout_recorded(generous):
    api = generous
    due = invoice(api)
    payment = pay(api, due, 12_000).json()
    made = refund(api, payment, 5_000, reason_code="duplicate")
    assert made.status_code == 201, made.content
    row = made.json()
    assert made.headers["Location"] == f"/api/v1/refunds/{row['id']}"
    assert (row["object"], row["status"], row["payment"]) == ("refund", "pending", payment["id"])
    assert (row["amount_minor"], row["currency"], row["method"]) == (5_000, "EUR", "bank_transfer")
    assert (row["reason"], row["reason_code"], row["approval"]) == ("Paid twice", "duplicate", None)
    assert refundable(api, payment) == (5_000, 7_000)
    assert api.get(f"refunds/{row['id']}").json() == row

    over = refund(api, payment, 7_001, key="over")
    assert (over.status_code, over.json()["code"]) == (422, "refund_exceeds_payment")
    assert [(fault["pointer"], fault["code"]) for fault in over.json()["errors"]] == [
        ("/amount_minor", "refund_exceeds_payment")
    ]
    assert refundable(api, payment) == (5_000, 7_000)

    missing = api.post(f"refunds/{row['id']}/record_payout", {})
    assert (missing.status_code, missing.json()["code"]) == (428, "idempotency_key_missing")
    paid = api.post(f"refunds/{row['id']}/record_payout", {}, Idempotency_Key="out")
    assert (paid.status_code, paid.json()["status"]) == (200, "succeeded")
    again = api.post(f"refunds/{row['id']}/record_payout", {}, Idempotency_Key="out-2")
    assert (again.status_code, again.json()["code"]) == (409, "refund_moved_on")
    assert refundable(api, payment) == (5_000, 7_000)
    shown = api.get(f"invoices/{due['id']}").json()
    assert (shown["payment_status"], shown["amount_paid_minor"]) == ("paid", 10_000)
    assert proven(api)
    for code, times in (("refund.requested", 1), ("refund.succeeded", 1), ("refund.read", 1)):
        assert len(events_of(api.tenant, code)) == times, code


def test_nothing_is_given_back_while_payouts_are_held(generous):
    api = generous
    payment = pay(api, invoice(api), 12_000).json()
    with scope(Scope(api.tenant)):
        holds.hold(reason="Somebody looks into it", actor=Actor.system("tests"), at=clock.now())
    refused = refund(api, payment, 5_000)
    assert (refused.status_code, refused.json()["code"]) == (409, "payouts_held")
    assert refundable(api, payment) == (0, 12_000)
    assert len(events_of(api.tenant, "payout.refused")) == 1
    with scope(Scope(api.tenant)):
        assert not Refund.objects.exists()


def test_over_the_keys_limit_a_person_decides(limited, api):
    payment = pay(api, invoice(api), 10_000).json()
    made = refund(limited, payment, 5_000)
    assert made.status_code == 202, made.content
    row = made.json()
    assert (row["status"], row["approval"][:4]) == ("pending_approval", "apr_")
    assert refundable(api, payment) == (5_000, 5_000)
    assert api.get("refunds?status=pending_approval").json()["data"][0]["id"] == row["id"]
    out = limited.post(f"refunds/{row['id']}/record_payout", {}, Idempotency_Key="out")
    assert (out.status_code, out.json()["code"]) == (409, "refund_moved_on")
    with scope(Scope(api.tenant)):
        assert Refund.objects.get().state == "pending_approval"
    assert len(events_of(api.tenant, "approval.requested")) == 1


def test_of_many_at_once_only_what_there_is_goes_back(generous):
    api = generous
    payment = pay(api, invoice(api), 10_000).json()
    barrier = threading.Barrier(8)
    answers: list[Any] = []

    def send(number: int) -> None:
        barrier.wait(60)
        answers.append(refund(api, payment, 6_000, key=f"race-{number}"))
        connections.close_all()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 7
    assert refundable(api, payment) == (6_000, 4_000)


def test_a_refund_is_canceled_before_it_leaves(generous):
    api = generous
    payment = pay(api, invoice(api), 10_000).json()
    row = refund(api, payment, 5_000).json()
    canceled = api.post(f"refunds/{row['id']}/cancel")
    assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")
    assert refundable(api, payment) == (0, 10_000)
    again = api.post(f"refunds/{row['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "refund_moved_on")


def test_every_wrong_field_of_a_refund_is_named(generous, other):
    api = generous
    payment = pay(api, invoice(api), 10_000).json()
    body = {"payment": payment["id"], "amount_minor": 100, "reason": "x"}
    missing = api.post("refunds", body)
    assert (missing.status_code, missing.json()["code"]) == (428, "idempotency_key_missing")
    empty = api.post("refunds", {}, Idempotency_Key="e")
    assert [(fault["pointer"], fault["code"]) for fault in empty.json()["errors"]] == [
        ("/payment", "required"),
        ("/amount_minor", "required"),
        ("/reason", "required"),
    ]
    for sent, fault in (
        ({"amount_minor": 0}, ("/amount_minor", "not_positive")),
        ({"reason": "4242 4242 4242 4242"}, ("/reason", "card_number")),
        ({"reason_code": "mood"}, ("/reason_code", "unknown_choice")),
        ({"currency": "EUR"}, ("/currency", "unknown_field")),
    ):
        refused = api.post("refunds", {**body, **sent}, Idempotency_Key="w")
        assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [fault], sent
    for name in (payment["id"], f"pay_{'0' * 26}", "nonsense"):
        foreign = other.post("refunds", {**body, "payment": name}, Idempotency_Key=f"f-{name}")
        assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
        assert foreign.json()["errors"] == [
            {"pointer": "/payment", "code": "not_found", "detail": "There is no such payment."}
        ]
    assert api.get("refunds").json()["data"] == []
    assert refundable(api, payment) == (0, 10_000)


def test_refunds_are_filtered_and_foreign_ones_are_not_there(generous, other):
    api = generous
    one, two = (pay(api, invoice(api), 10_000).json() for _ in range(2))
    rows = [refund(api, each, 100, key=each["id"]).json() for each in (one, two)]
    for query, wanted in (
        ("", rows[::-1]),
        (f"payment={one['id']}", rows[:1]),
        (f"customer={two['customer']}", rows[1:]),
        ("status=succeeded", []),
        (f"payment=pay_{NOBODY}", []),
    ):
        found = api.get(f"refunds?{query}").json()["data"]
        assert [row["id"] for row in found] == [row["id"] for row in wanted], query
    assert "reason" not in api.get("refunds").json()["data"][0]
    assert other.get("refunds").json()["data"] == []
    for method, path in (
        ("GET", f"refunds/{rows[0]['id']}"),
        ("POST", f"refunds/{rows[0]['id']}/cancel"),
        ("POST", f"refunds/{rows[0]['id']}/record_payout"),
    ):
        assert other.send(method, path, {}, Idempotency_Key="x").status_code == 404, path
    assert len(events_of(other.tenant, "access.refused")) == 3


def test_a_dispute_is_read_answered_once_and_no_money_goes_back_meanwhile(generous, other):
    api = generous
    payment, _ = by_card(api)
    with scope(Scope(api.tenant)):
        dispute = make.disputed(payment)
    path = f"disputes/{ids.encode('dispute', dispute.pk)}"
    (listed,) = api.get("disputes?status=needs_response").json()["data"]
    shown = api.get(path).json()
    assert shown == {**listed, "evidence": None}
    assert (shown["object"], shown["status"], shown["amount_minor"]) == ("dispute", "needs_response", 10_000)
    assert shown["payment"] == ids.encode("payment", payment.pk)
    assert shown["provider_reference"] == dispute.reference
    refused = refund(api, {"id": shown["payment"]}, 100)
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_disputed")

    assert other.get(path).status_code == 404
    assert other.post(f"{path}/accept", {}, Idempotency_Key="x").status_code == 404
    missing = api.post(f"{path}/answer", {"evidence": "Signed for"})
    assert (missing.status_code, missing.json()["code"]) == (428, "idempotency_key_missing")
    empty = api.post(f"{path}/answer", {}, Idempotency_Key="a-0")
    assert [fault["pointer"] for fault in empty.json()["errors"]] == ["/evidence"]
    answered = api.post(f"{path}/answer", {"evidence": "Signed for"}, Idempotency_Key="a-1")
    assert (answered.status_code, answered.json()["evidence"]) == (200, "Signed for")
    assert answered.json()["answered_at"] is not None
    for act, body in (("answer", {"evidence": "More"}), ("accept", {})):
        again = api.post(f"{path}/{act}", body, Idempotency_Key=f"again-{act}")
        assert (again.status_code, again.json()["code"]) == (409, "dispute_not_open"), act
    with scope(Scope(api.tenant)):
        assert Dispute.objects.get().evidence == "Signed for"
    assert len(events_of(api.tenant, "dispute.answered")) == 1


def test_a_dispute_is_accepted(api, key_with):
    payment, _ = by_card(api)
    with scope(Scope(api.tenant)):
        dispute = make.disputed(payment)
    path = f"disputes/{ids.encode('dispute', dispute.pk)}/accept"
    reader = key_with(Permission.PAYMENT_READ)
    refused = reader.post(path, {}, Idempotency_Key="no")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_permission")
    accepted = api.post(path, {}, Idempotency_Key="yes")
    assert accepted.status_code == 200
    assert accepted.json()["answered_at"] is not None
    assert len(events_of(api.tenant, "dispute.accepted")) == 1
    with scope(Scope(api.tenant)):
        assert books.check() == []


def test_saved_methods_show_what_a_person_knows_them_by_and_are_removed(api, other):
    customer = invoice(api)["customer"]
    with scope(Scope(api.tenant)):
        row = make.saved(Customer.objects.get(pk=ids.decode("customer", customer)).pk)
    (shown,) = api.get(f"payment_methods?customer={customer}&status=active").json()["data"]
    path = f"payment_methods/{shown['id']}"
    assert api.get(path).json() == shown
    assert {name: shown[name] for name in ("type", "brand", "last4", "expires_month", "expires_year")} == {
        "type": "card",
        "brand": "visa",
        "last4": "4242",
        "expires_month": 12,
        "expires_year": 2030,
    }
    assert (shown["reference"], shown["is_default"], shown["removed_at"]) == (row.reference, True, None)
    assert set(shown) == {
        "id", "object", "status", "customer", "type", "reference", "brand", "last4", "expires_month",
        "expires_year", "is_default", "created_at", "removed_at",
    }  # fmt: skip
    assert other.get(path).status_code == 404
    assert other.post(f"{path}/remove").status_code == 404
    removed = api.post(f"{path}/remove")
    assert (removed.status_code, removed.json()["status"]) == (200, "removed")
    assert (removed.json()["is_default"], removed.json()["last4"]) == (False, "4242")
    assert api.get("payment_methods?status=active").json()["data"] == []
    with scope(Scope(api.tenant)):
        assert PaymentMethod.objects.get().state == "removed"
    assert len(events_of(api.tenant, "payment_method.listed")) == 2
    assert len(events_of(api.tenant, "payment_method.read")) == 1


def test_the_schema_says_what_is_answered_and_that_a_key_is_demanded(generous):
    import jsonschema  # it builds forty grammars: whoever does not need it does not wait for them

    api = generous
    document = api.get("openapi.json").json()
    payment, due = by_card(api)
    with scope(Scope(api.tenant)):
        make.saved(payment.customer_id)
    banked = pay(api, due, 15_000)
    refunded = refund(api, banked.json(), 100)
    with scope(Scope(api.tenant)):
        dispute = make.disputed(payment)
    for answer, name in (
        (banked, "Payment"),
        (api.get(f"payments/{ids.encode('payment', payment.pk)}"), "Payment"),
        (api.get("payments"), "PaymentRowList"),
        (api.get("allocations"), "AllocationList"),
        (refunded, "Refund"),
        (api.get("refunds"), "RefundRowList"),
        (api.get(f"disputes/{ids.encode('dispute', dispute.pk)}"), "Dispute"),
        (api.get("disputes"), "DisputeRowList"),
        (api.get("payment_methods"), "PaymentMethodList"),
        (refund(api, banked.json(), 10**6, key="over"), "Problem"),
    ):
        shape = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": f"#/components/schemas/{name}",
            "components": document["components"],
        }
        jsonschema.validate(answer.json(), shape)
        assert set(answer.json()) <= set(document["components"]["schemas"][name]["properties"]), name
    demanding = {
        path
        for path, methods in document["paths"].items()
        for operation in [methods.get("post", {})]
        if any(
            header["name"] == "Idempotency-Key" and header.get("required")
            for header in operation.get("parameters", [])
        )
        and "428" in operation["responses"]
    }
    assert demanding == {
        "/api/v1/allocations",
        "/api/v1/allocations/{id}/release",
        "/api/v1/credit_notes",
        "/api/v1/disputes/{id}/accept",
        "/api/v1/disputes/{id}/answer",
        "/api/v1/exports",
        "/api/v1/payments",
        "/api/v1/payments/{id}/reverse",
        "/api/v1/refunds",
        "/api/v1/refunds/{id}/record_payout",
        "/api/v1/subscriptions/{id}/give-back",
    }
    assert set(document["paths"]["/api/v1/refunds"]["post"]["responses"]) >= {
        "201",
        "202",
        "404",
        "422",
        "428",
    }
    for path in ("allocations", "payments", "refunds"):
        body = document["paths"][f"/api/v1/{path}"]["post"]["requestBody"]["content"]["application/json"]
        assert len(body["examples"]) == 1, path
