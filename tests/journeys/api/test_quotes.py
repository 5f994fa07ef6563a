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
    pdf = api.get(f"{path}/pdf")
    assert (pdf.status_code, pdf.content[:5]) == (200, b"%PDF-")
    unsent = api.post(f"{path}/send")
    assert (unsent.status_code, unsent.json()["code"]) == (422, "no_email_address")
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


def test_a_quote_is_billed_in_parts_and_never_above_what_was_agreed(api: Api) -> None:
    quote = api.post("quotes", body(api)).json()
    path = f"quotes/{quote['id']}"
    early = api.post(f"{path}/bill", {"role": "deposit", "percentage": "30"})
    assert (early.status_code, early.json()["code"]) == (409, "quote_not_accepted")
    api.post(f"{path}/open")
    api.post(f"{path}/accept")
    made = api.post(f"{path}/bill", {"role": "deposit", "percentage": "30", "due_on": "2099-01-31"})
    assert made.status_code == 201
    deposit = made.json()
    assert (deposit["role"], deposit["quote"], deposit["total_minor"], deposit["due_on"]) == (
        "deposit", quote["id"], 3_600, "2099-01-31"
    )  # fmt: skip
    more = api.post(f"{path}/bill", {"role": "progress", "amount_minor": 8_401})
    assert (more.status_code, more.json()["code"]) == (422, "exceeds_quote")
    both = api.post(f"{path}/bill", {"role": "progress", "amount_minor": 1, "percentage": "1"})
    assert both.json()["errors"][0]["pointer"] == "/percentage"
    fixed = api.patch(f"invoices/{deposit['id']}", {"currency": "USD"})
    assert (fixed.status_code, fixed.json()["code"]) == (409, "quoted_content_fixed")
    assert api.post(f"{path}/convert").json()["code"] == "parts_are_drafts"
    number = api.post(f"invoices/{deposit['id']}/finalize").json()["number"]
    final = api.post(f"{path}/convert").json()
    assert (final["role"], final["total_minor"]) == ("final", 8_400)
    less = final["lines"][-1]
    assert (less["deducts"], less["gross_minor"], number in less["description"]) == (
        deposit["id"],
        -3_600,
        True,
    )
    shown = api.get(path).json()
    assert [(part["role"], part["status"], part["total_minor"]) for part in shown["billed"]] == [
        ("deposit", "finalized", 3_600), ("final", "draft", 8_400)
    ]  # fmt: skip
    assert shown["left_minor"] == 0
    assert api.post(f"invoices/{final['id']}/finalize").json()["status"] == "finalized"
    void = api.post(f"invoices/{deposit['id']}/void", {"reason": "No"})
    assert (void.status_code, void.json()["code"]) == (409, "invoice_deducted")


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
    made = api.post(
        f"invoices/{invoice['id']}/attachments", {"name": "hours.csv", "content": "ZGF5LGhvdXJzCjEsOAo="}
    )
    assert (made.status_code, made.json()["media_type"], made.json()["with_mail"]) == (201, "text/csv", False)
    assert api.post(f"attachments/{made.json()['id']}/remove").status_code == 200
    for wrong, code in (("%%%", "not_base64"), ("AAAA", "attachment_refused"), ("", "attachment_refused")):
        refused = api.post(f"invoices/{invoice['id']}/attachments", {"name": "a.csv", "content": wrong})
        assert (refused.status_code, code in refused.content.decode()) == (422, True)
    (shown,) = api.get(f"invoices/{invoice['id']}/attachments").json()["data"]
    assert (shown["object"], shown["name"], shown["media_type"], shown["size_bytes"]) == (
        "attachment", "hours.pdf", "application/pdf", 8
    )  # fmt: skip
    file = api.get(f"attachments/{shown['id']}/file")
    assert b"".join(file.streaming_content) == b"%PDF-1.7"
    assert api.post(f"attachments/{shown['id']}/remove").status_code == 200
    assert api.get(f"invoices/{invoice['id']}/attachments").json()["data"] == []
    assert api.get(f"attachments/{shown['id']}/file").status_code == 404


def test_a_deposit_on_a_draft_is_taken_off_by_it(api: Api) -> None:
    plan = api.post("invoices", body(api)).json()
    path = f"invoices/{plan['id']}"
    made = api.post(f"{path}/deposits", {"amount_minor": 4_000}).json()
    assert (made["role"], made["plan"], made["total_minor"]) == ("deposit", plan["id"], 4_000)
    early = api.post(f"{path}/take_off", {})
    assert (early.status_code, early.json()["code"]) == (409, "deposits_are_drafts")
    assert api.post(f"invoices/{made['id']}/finalize", {}).status_code == 200
    refused = api.post(f"{path}/finalize", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "deductions_changed")
    taken = api.post(f"{path}/take_off", {}).json()
    assert (taken["role"], taken["total_minor"], taken["rounding_minor"]) == ("final", 8_000, 0)
    assert api.post(f"{path}/finalize", {}).json()["status"] == "finalized"
