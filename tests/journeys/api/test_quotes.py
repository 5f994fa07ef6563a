"""Quotes over the API, and copying an invoice."""

from billing.attachments import services
from core import clock, ids
from core.actor import Actor
from tenancy.context import Scope, scope
from tests.make import installation
from tests.make.api import Api


def body(api: Api, **values) -> dict:
    customer = api.post("customers", {"name": "Ada Lovelace", "currency": "EUR"}).json()
    rate = api.post("tax_rates", {"name": "USt 20 %", "percentage": "20"}).json()
    line = {"description": "Work", "quantity": "2", "unit_amount": "50.00", "tax_rate": rate["id"]}
    return {"customer": customer["id"], "currency": "EUR", "lines": [line], **values}


def test_a_quote_is_opened_accepted_and_billed_once(api: Api) -> None:
    made = api.post("quotes", body(api, valid_until="2099-12-31", note="As we said"))
    assert made.status_code == 201
    quote = made.json()
    assert (quote["object"], quote["status"], quote["number"], quote["total_minor"]) == (
        "quote", "draft", None, 12_000
    )  # fmt: skip
    path = f"quotes/{quote['id']}"
    changed = api.patch(path, {"note": "As we said by telephone"})
    assert (changed.status_code, changed.json()["note"]) == (200, "As we said by telephone")
    early = api.post(f"{path}/convert")
    assert (early.status_code, early.json()["code"]) == (409, "quote_not_accepted")
    opened = api.post(f"{path}/open").json()
    assert (opened["status"], opened["number"].startswith("Q-")) == ("open", True)
    assert api.post(f"{path}/accept").json()["status"] == "accepted"
    billed = api.post(f"{path}/convert")
    assert billed.status_code == 201
    invoice = billed.json()
    assert (invoice["object"], invoice["status"], invoice["total_minor"]) == ("invoice", "draft", 12_000)
    again = api.post(f"{path}/convert")
    assert (again.status_code, again.json()["code"]) == (409, "quote_converted")
    found = api.get(path).json()
    assert found["invoice"] == invoice["id"]
    assert [tax["tax_minor"] for tax in found["taxes"]] == [2_000]
    assert [row["id"] for row in api.get("quotes?status=accepted").json()["data"]] == [quote["id"]]
    assert api.get("quotes?status=open").json()["data"] == []


def test_other_ends(api: Api) -> None:
    given = body(api)
    for end, state in (("decline", "declined"), ("cancel", "canceled")):
        quote = api.post("quotes", given).json()
        api.post(f"quotes/{quote['id']}/open")
        assert api.post(f"quotes/{quote['id']}/{end}").json()["status"] == state
        assert api.post(f"quotes/{quote['id']}/accept").status_code == 409


def test_faults_are_named(api: Api) -> None:
    given = body(api)
    wrong = api.post("quotes", {**given, "lines": [{"description": "", "unit_amount": "x"}]})
    assert wrong.status_code == 422
    assert {error["pointer"] for error in wrong.json()["errors"]} >= {"/lines/0/unit_amount"}


def test_quotes_of_others_are_not_there(api: Api, other: Api) -> None:
    quote = api.post("quotes", body(api)).json()
    assert other.get(f"quotes/{quote['id']}").status_code == 404
    assert other.post(f"quotes/{quote['id']}/open").status_code == 404


def test_a_copy_is_a_draft_and_both_are_suspected(api: Api) -> None:
    invoice = api.post("invoices", body(api)).json()
    assert api.get(f"invoices/{invoice['id']}").json()["suspected_duplicate_of"] is None
    copy = api.post(f"invoices/{invoice['id']}/copy")
    assert (copy.status_code, copy.json()["total_minor"], copy.json()["status"]) == (201, 12_000, "draft")
    final = api.post(f"invoices/{copy.json()['id']}/finalize").json()
    assert final["suspected_duplicate_of"] == invoice["id"]
    assert api.get(f"invoices/{invoice['id']}").json()["suspected_duplicate_of"] == final["id"]


def test_files_are_listed_fetched_and_removed(api: Api) -> None:
    invoice = api.post("invoices", body(api)).json()
    with scope(Scope(installation.tenant("a"))):
        services.add(
            invoice_id=ids.decode("invoice", invoice["id"]),
            name="hours.pdf",
            content=b"%PDF-1.7",
            actor=Actor.system("tests"),
            at=clock.now(),
        )
    (shown,) = api.get(f"invoices/{invoice['id']}/attachments").json()["data"]
    assert (shown["object"], shown["name"], shown["media_type"], shown["size_bytes"]) == (
        "attachment", "hours.pdf", "application/pdf", 8
    )  # fmt: skip
    file = api.get(f"attachments/{shown['id']}/file")
    assert b"".join(file.streaming_content) == b"%PDF-1.7"
    assert api.post(f"attachments/{shown['id']}/remove").status_code == 200
    assert api.get(f"invoices/{invoice['id']}/attachments").json()["data"] == []
    assert api.get(f"attachments/{shown['id']}/file").status_code == 404
