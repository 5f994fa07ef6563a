"""Payments over the API: bank money recorded, put onto invoices, taken off again, and read."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from accounts.permissions import Permission
from billing.ledger import queries as books
from billing.settlement.models import Allocation, CreditBalance
from core import clock
from payments.models import Payment
from tenancy.context import Scope, scope
from tests.make.api import Api, events_of

NOBODY = "0" * 26
NO_INVOICE = {"pointer": "/invoice", "code": "not_found", "detail": "There is no such invoice."}


def invoice(api: Api, amount: str = "100", *, customer: str = "", final: bool = True) -> dict[str, Any]:
    """Make an invoice of one line without tax."""
    if not customer:
        made = api.post("customers", {"name": "Anna Gruber", "currency": "EUR"})
        customer = made.json()["id"]
    lines = [{"description": "Wartung", "unit_amount": amount}]
    draft = api.post("invoices", {"customer": customer, "currency": "EUR", "lines": lines}).json()
    return api.post(f"invoices/{draft['id']}/finalize").json() if final else draft


def pay(api: Api, of: dict[str, Any], amount_minor: int, *, key: str = "", **more: object) -> Any:
    """Record a bank payment."""
    body = {"invoice": of["id"], "amount_minor": amount_minor, "method": "bank_transfer", **more}
    return api.post("payments", body, Idempotency_Key=key or f"pay-{of['id']}-{amount_minor}-{more}")


def credit(api: Api) -> int:
    with scope(Scope(api.tenant)):
        return sum(CreditBalance.objects.values_list("amount_minor", flat=True))


def proven(api: Api) -> bool:
    with scope(Scope(api.tenant)):
        return books.check() == []


def test_a_bank_payment_pays_its_invoice_and_the_rest_is_credit(api):
    due = invoice(api)
    received = (clock.now() - timedelta(days=3)).date().isoformat()
    made = pay(api, due, 12_500, received_on=received, reference="RF18 Rechnung 7")
    assert made.status_code == 201, made.content
    payment = made.json()
    assert made.headers["Location"] == f"/api/v1/payments/{payment['id']}"
    assert {name: payment[name] for name in ("object", "status", "method", "source", "currency")} == {
        "object": "payment",
        "status": "succeeded",
        "method": "bank_transfer",
        "source": "api",
        "currency": "EUR",
    }
    assert (payment["customer"], payment["invoice"]) == (due["customer"], due["id"])
    assert (payment["amount_minor"], payment["captured_minor"]) == (12_500, 12_500)
    assert (payment["allocated_minor"], payment["credit_minor"]) == (10_000, 2_500)
    assert (payment["refunded_minor"], payment["refundable_minor"]) == (0, 12_500)
    assert (payment["received_on"], payment["reference"]) == (received, "RF18 Rechnung 7")
    assert (payment["card"], payment["provider_reference"], payment["failure_code"]) == (None, None, None)
    assert [(row["invoice"], row["amount_minor"]) for row in payment["allocations"]] == [(due["id"], 10_000)]
    assert api.get(f"payments/{payment['id']}").json() == payment
    paid = api.get(f"invoices/{due['id']}").json()
    assert (paid["payment_status"], paid["amount_paid_minor"], paid["amount_due_minor"]) == (
        "paid",
        10_000,
        0,
    )
    assert credit(api) == 2_500
    assert proven(api)
    assert len(events_of(api.tenant, "payment.recorded")) == 1
    assert len(events_of(api.tenant, "payment.read")) == 1


def test_a_part_leaves_the_rest_due(api):
    due = invoice(api)
    assert pay(api, due, 4_000).status_code == 201
    shown = api.get(f"invoices/{due['id']}").json()
    assert (shown["payment_status"], shown["amount_paid_minor"], shown["amount_due_minor"]) == (
        "partially_paid",
        4_000,
        6_000,
    )


def test_twelve_at_once_pay_the_invoice_once_and_the_rest_is_credit(api):
    due = invoice(api)
    barrier = threading.Barrier(12)
    answers: list[Any] = []

    def send(number: int) -> None:
        barrier.wait(60)
        answers.append(pay(api, due, 10_000, key=f"race-{number}"))
        connections.close_all()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [201] * 12
    assert sorted(answer.json()["allocated_minor"] for answer in answers) == [0] * 11 + [10_000]
    paid = api.get(f"invoices/{due['id']}").json()
    assert (paid["payment_status"], paid["amount_paid_minor"], paid["amount_due_minor"]) == (
        "paid",
        10_000,
        0,
    )
    assert credit(api) == 110_000
    assert proven(api)


def test_money_is_not_moved_without_an_idempotency_key(api):
    due = invoice(api)
    body = {"invoice": due["id"], "amount_minor": 10_000, "method": "bank_transfer"}
    for path, sent in (
        ("payments", body),
        ("allocations", {"invoice": due["id"], "amount_minor": 1}),
        (f"allocations/alc_{NOBODY}/release", {}),
    ):
        refused = api.post(path, sent)
        assert (refused.status_code, refused.json()["code"]) == (428, "idempotency_key_missing"), path
    assert api.get("payments").json()["data"] == []
    shown = api.get(f"invoices/{due['id']}").json()
    assert (shown["payment_status"], shown["amount_paid_minor"], shown["amount_due_minor"]) == (
        "unpaid",
        0,
        10_000,
    )


def test_a_key_is_for_one_request(api):
    due = invoice(api)
    first, again = pay(api, due, 4_000, key="k"), pay(api, due, 4_000, key="k")
    assert (first.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert again.content == first.content
    other = pay(api, due, 5_000, key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(api.get("payments").json()["data"]) == 1


def test_every_wrong_field_is_named(api):
    refused = api.post(
        "payments",
        {"invoice": 7, "amount_minor": "100", "method": "card", "received_on": "yesterday", "note": "x"},
        Idempotency_Key="wrong",
    )
    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert sorted((fault["pointer"], fault["code"]) for fault in refused.json()["errors"]) == [
        ("/amount_minor", "not_whole"),
        ("/invoice", "not_text"),
        ("/method", "unknown_choice"),
        ("/note", "unknown_field"),
        ("/received_on", "not_a_day"),
    ]
    due = invoice(api)
    tomorrow = (clock.now() + timedelta(days=3)).date().isoformat()
    for sent, fault in (
        ({"amount_minor": 0}, ("/amount_minor", "not_positive")),
        ({"amount_minor": -5}, ("/amount_minor", "not_positive")),
        ({"amount_minor": 10**16}, ("/amount_minor", "too_large")),
        ({"amount_minor": 100.0}, ("/amount_minor", "not_whole")),
        ({"amount_minor": True}, ("/amount_minor", "not_whole")),
        ({"amount_minor": 1, "received_on": tomorrow}, ("/received_on", "received_in_future")),
        ({"amount_minor": 1, "reference": "4242 4242 4242 4242"}, ("/reference", "card_number")),
    ):
        body = {"invoice": due["id"], "method": "bank_transfer", **sent}
        refused = api.post("payments", body, Idempotency_Key="w")
        assert refused.status_code == 422, sent
        assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [fault], sent
        assert "4242" not in refused.content.decode()
    assert api.get("payments").json()["data"] == []


def test_only_a_finalized_invoice_is_paid_and_a_foreign_one_is_not_there(api, other):
    draft = invoice(api, final=False)
    void = invoice(api)
    assert api.post(f"invoices/{void['id']}/void").status_code == 200
    for each in (draft, void):
        refused = pay(api, each, 100)
        assert (refused.status_code, refused.json()["code"]) == (409, "invoice_not_payable")
    due = invoice(api)
    for sent in (due["id"], f"inv_{NOBODY}", "nonsense"):
        refused = other.post("payments", {"invoice": sent, "amount_minor": 1}, Idempotency_Key=f"f-{sent}")
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
        assert refused.json()["errors"] == [NO_INVOICE]
        refused = other.post("allocations", {"invoice": sent, "amount_minor": 1}, Idempotency_Key=f"a-{sent}")
        assert (refused.status_code, refused.json()["errors"]) == (404, [NO_INVOICE])
    with scope(Scope(api.tenant)):
        assert Payment.objects.count() == 0
    made = pay(api, due, 10_000).json()
    allocation = made["allocations"][0]["id"]
    for path in (f"payments/{made['id']}", f"allocations/{allocation}"):
        assert other.get(path).status_code == 404
    released = other.post(f"allocations/{allocation}/release", {}, Idempotency_Key="r")
    assert released.status_code == 404
    assert len(events_of(other.tenant, "access.refused")) == 9
    assert api.get(f"invoices/{due['id']}").json()["payment_status"] == "paid"


def test_the_list_is_filtered_and_goes_page_by_page(api):
    one, two = invoice(api), invoice(api)
    made = [pay(api, each, amount).json() for each, amount in ((one, 1_000), (two, 2_000), (one, 3_000))]
    listed = api.get("payments").json()["data"]
    assert [row["id"] for row in listed] == [each["id"] for each in reversed(made)]
    assert listed[0] == {name: made[2][name] for name in listed[0]}
    assert "reference" not in listed[0]
    for query, wanted in (
        (f"invoice={one['id']}", [made[2], made[0]]),
        (f"customer={two['customer']}", [made[1]]),
        ("status=succeeded", made[::-1]),
        ("status=failed", []),
        ("method=card", []),
        (f"invoice=inv_{NOBODY}", []),
        ("customer=nonsense", []),
    ):
        found = api.get(f"payments?{query}").json()["data"]
        assert [row["id"] for row in found] == [each["id"] for each in wanted], query
    first = api.get("payments?limit=2").json()
    second = api.get(f"payments?limit=2&cursor={first['next_cursor']}").json()
    assert [row["id"] for row in first["data"] + second["data"]] == [row["id"] for row in listed]
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)
    for query, pointer in (("status=paid", "/status"), ("state=paid", "/state"), ("cursor=x", "/cursor")):
        refused = api.get(f"payments?{query}")
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


def test_credit_is_put_onto_an_invoice_and_taken_off_again(api):
    one = invoice(api)
    paid = pay(api, one, 15_000).json()
    two = invoice(api, "30", customer=one["customer"])
    body = {"invoice": two["id"], "amount_minor": 3_000}
    made = api.post("allocations", body, Idempotency_Key="credit")
    assert made.status_code == 201, made.content
    (row,) = made.json()["data"]
    assert (row["object"], row["invoice"], row["payment"]) == ("allocation", two["id"], paid["id"])
    assert (row["amount_minor"], row["from_credit"], row["currency"]) == (3_000, True, "EUR")
    assert api.get(f"allocations/{row['id']}").json() == row
    assert api.get(f"invoices/{two['id']}").json()["payment_status"] == "paid"
    assert credit(api) == 2_000

    more = api.post(f"allocations/{row['id']}/release", {"amount_minor": 3_001}, Idempotency_Key="r-1")
    assert (more.status_code, more.json()["code"]) == (422, "allocation_exceeded")
    assert more.json()["errors"][0]["pointer"] == "/amount_minor"
    part = api.post(f"allocations/{row['id']}/release", {"amount_minor": 1_000}, Idempotency_Key="r-2")
    assert (part.status_code, part.json()["amount_minor"]) == (200, -1_000)
    assert api.get(f"invoices/{two['id']}").json()["amount_due_minor"] == 1_000
    assert credit(api) == 3_000
    counter = api.post(f"allocations/{part.json()['id']}/release", {}, Idempotency_Key="r-3")
    assert (counter.status_code, counter.json()["code"]) == (409, "nothing_to_release")
    whole = api.post(f"allocations/{row['id']}/release", {}, Idempotency_Key="r-4")
    assert (whole.status_code, whole.json()["code"]) == (422, "allocation_exceeded")
    assert proven(api)

    listed = api.get(f"allocations?payment={paid['id']}").json()["data"]
    assert [each["amount_minor"] for each in listed] == [-1_000, 3_000, 10_000]
    assert api.get(f"allocations?invoice={two['id']}").json()["data"] == listed[:2]
    assert api.get(f"allocations?customer=cus_{NOBODY}").json()["data"] == []
    page = api.get("allocations?limit=2").json()
    assert (page["data"], page["has_more"]) == (listed[:2], True)
    assert len(events_of(api.tenant, "allocation.listed")) == 5


@pytest.mark.parametrize(("amount", "code"), [(2_001, "credit_not_enough"), (3_001, "nothing_due")])
def test_more_credit_than_there_is_or_is_due_is_refused(api, amount, code):
    one = invoice(api)
    pay(api, one, 12_000)
    two = invoice(api, "30", customer=one["customer"])
    body = {"invoice": two["id"], "amount_minor": amount}
    refused = api.post("allocations", body, Idempotency_Key="credit")
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert refused.json()["errors"][0]["pointer"] == "/amount_minor"
    with scope(Scope(api.tenant)):
        assert Allocation.objects.count() == 1
    assert credit(api) == 2_000


def test_reading_is_one_scope_and_writing_another(api, key_with):
    due = invoice(api)
    reader = key_with(Permission.PAYMENT_READ)
    assert reader.get("payments").status_code == 200
    body = {"invoice": due["id"], "amount_minor": 100}
    refused = reader.post("payments", body, Idempotency_Key="k")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_permission")
    writer = key_with(Permission.PAYMENT_WRITE)
    assert writer.get("payments").status_code == 403
    assert writer.post("payments", body, Idempotency_Key="k").status_code == 201
    assert api.get(f"invoices/{due['id']}").json()["amount_paid_minor"] == 100


def test_a_payment_is_reversed_once_and_its_invoice_opens_again(api, other):
    due = invoice(api)
    made = pay(api, due, 12_000).json()
    path = f"payments/{made['id']}/reverse"
    assert other.post(path, {"reason": "x"}, Idempotency_Key="f").status_code == 404
    empty = api.post(path, {}, Idempotency_Key="e")
    assert [(fault["pointer"], fault["code"]) for fault in empty.json()["errors"]] == [
        ("/reason", "required")
    ]
    assert api.get(f"payments/{made['id']}").json()["status"] == "succeeded"
    back = api.post(path, {"reason": "The bank took it back"}, Idempotency_Key="r")
    assert (back.status_code, back.json()["status"], back.json()["reversed_minor"]) == (
        200,
        "reversed",
        12_000,
    )
    assert (back.json()["allocated_minor"], back.json()["refundable_minor"]) == (0, 0)
    shown = api.get(f"invoices/{due['id']}").json()
    assert (shown["payment_status"], shown["amount_due_minor"], credit(api)) == ("unpaid", 10_000, 0)
    again = api.post(path, {"reason": "Again"}, Idempotency_Key="r-2")
    assert (again.status_code, again.json()["code"]) == (409, "payment_moved_on")
    assert len(events_of(api.tenant, "payment.reversed")) == 1
    assert proven(api)
