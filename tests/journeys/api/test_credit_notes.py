"""Credit notes, write-offs, series and credit over the API."""

from typing import Any
from uuid import uuid4

from tests.make.api import Api


def issue(api: Api, body: dict[str, Any]) -> Any:
    return api.post("credit_notes", body, Idempotency_Key=uuid4().hex)


def billed(api: Api, **values) -> dict:
    customer = api.post("customers", {"name": "Ada Lovelace", "currency": "EUR"}).json()
    rate = api.post("tax_rates", {"name": "USt 20 %", "percentage": "20"}).json()
    line = {"description": "Work", "quantity": "2", "unit_amount": "50.00", "tax_rate": rate["id"]}
    draft = api.post(
        "invoices", {"customer": customer["id"], "currency": "EUR", "lines": [line], **values}
    ).json()
    return api.post(f"invoices/{draft['id']}/finalize").json()


def test_an_invoice_is_credited_in_parts_and_whole(api: Api) -> None:
    invoice = billed(api)
    line = invoice["lines"][0]["id"]
    made = issue(
        api,
        {
            "invoice": invoice["id"],
            "lines": [{"line": line, "quantity": "1"}],
            "reason_code": "order_change",
            "reason": "One is enough",
        },
    )
    assert made.status_code == 201
    note = made.json()
    assert (note["object"], note["status"], note["number"]) == ("credit_note", "finalized", "CN-2026-00001")
    assert (note["subtotal_minor"], note["tax_minor"], note["offset_minor"]) == (5_000, 1_000, 6_000)
    assert [(each["invoice_line"], each["net_minor"]) for each in note["lines"]] == [(line, 5_000)]
    assert made.headers["Location"] == f"/api/v1/credit_notes/{note['id']}"
    assert api.get(f"credit_notes/{note['id']}").json() == note
    after = api.get(f"invoices/{invoice['id']}").json()
    assert (after["amount_due_minor"], after["credited_minor"]) == (6_000, 6_000)
    kept = issue(api, {"invoice": invoice["id"], "amount_minor": 600, "destination": "credit"})
    assert kept.json()["credit_minor"] == 600
    rest = issue(api, {"invoice": invoice["id"]}).json()
    assert (rest["total_minor"], rest["offset_minor"], rest["credit_minor"]) == (5_400, 5_400, 0)
    more = issue(api, {"invoice": invoice["id"]})
    assert (more.status_code, more.json()["code"]) == (422, "nothing_to_credit")
    listed = api.get(f"credit_notes?invoice={invoice['id']}").json()["data"]
    assert [row["number"] for row in listed] == ["CN-2026-00003", "CN-2026-00002", "CN-2026-00001"]
    entries = api.get(f"customers/{invoice['customer']}/credit_entries").json()["data"]
    assert [(row["cause"], row["amount_minor"], row["credit_note"]) for row in entries] == [
        ("credit_note", 600, kept.json()["id"])
    ]
    pdf = api.get(f"credit_notes/{note['id']}/pdf")
    assert (pdf.status_code, pdf.content[:5]) == (200, b"%PDF-")
    void = api.post(f"invoices/{invoice['id']}/void")
    assert (void.status_code, void.json()["code"]) == (409, "invoice_credited")


def test_what_cannot_be_credited_names_its_fields(api: Api) -> None:
    invoice = billed(api)
    line = invoice["lines"][0]["id"]
    body = {"invoice": invoice["id"]}
    refused = issue(api, {**body, "lines": [{"line": line, "amount_minor": 10_001}]})
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/lines/0/amount_minor"]
    both = issue(api, {**body, "amount_minor": 1, "lines": [{"line": line}]})
    assert [each["pointer"] for each in both.json()["errors"]] == ["/amount_minor"]
    wrong = issue(api, {**body, "reason_code": "mood", "destination": "moon"})
    assert {each["pointer"] for each in wrong.json()["errors"]} == {"/reason_code", "/destination"}
    too_much = issue(api, {**body, "amount_minor": 12_001})
    assert (too_much.status_code, too_much.json()["code"]) == (422, "credit_exceeds_invoice")


def test_a_refund_goes_back_to_who_paid(api: Api) -> None:
    invoice = billed(api)
    paid = api.send(
        "POST",
        "payments",
        {
            "invoice": invoice["id"],
            "amount_minor": 12_000,
            "method": "bank_transfer",
            "received_on": "2026-01-05",
        },
        Idempotency_Key="paid",
    ).json()
    note = issue(api, {"invoice": invoice["id"], "amount_minor": 2_000, "destination": "refund"}).json()
    assert note["refund_minor"] == 2_000
    (refund,) = api.get(f"refunds?payment={paid['id']}").json()["data"]
    assert refund["amount_minor"] == 2_000


def test_a_write_off_is_done_or_waits(api: Api) -> None:
    invoice = billed(api)
    done = api.post(f"invoices/{invoice['id']}/write_off", {"reason": "Insolvent"})
    assert done.status_code in (200, 202)
    if done.status_code == 202:
        assert done.json()["amount_due_minor"] == 12_000
    else:
        assert (done.json()["amount_due_minor"], done.json()["written_off_minor"]) == (0, 12_000)
        assert done.json()["payment_status"] == "unpaid"


def test_an_invoice_names_its_series(api: Api) -> None:
    listed = api.get("series").json()["data"]
    assert {(row["code"], row["purpose"], row["is_usual"]) for row in listed} == {
        ("credit-notes", "credit_note", True), ("invoices", "invoice", True), ("quotes", "quote", True)
    }  # fmt: skip
    of = {row["code"]: row["id"] for row in listed}
    assert billed(api, series=of["invoices"])["number"].startswith("INV-")
    invoice = billed(api)
    wrong = issue(api, {"invoice": invoice["id"], "series": of["quotes"]})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "series_of_another_kind")
