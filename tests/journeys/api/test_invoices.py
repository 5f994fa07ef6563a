"""Invoices over the API, from the customer to the voided document."""

import pytest
from django.conf import settings

from accounts.permissions import Permission
from billing.events import ISSUER_READ
from billing.invoices.models import Invoice
from billing.issuer import coins
from billing.issuer.rules import COINS
from core import clock
from tenancy.context import Scope, scope
from tests.make import billing as make
from tests.make.api import events_of


@pytest.fixture
def customer(api) -> str:
    made = api.post("customers", {"name": "Anna Gruber", "email": "anna@gruber.example", "currency": "EUR"})
    return str(made.json()["id"])


@pytest.fixture
def rate(api) -> str:
    made = api.post("tax_rates", {"code": "at-20", "name": "USt 20 %", "percentage": "20"})
    assert made.status_code == 201, made.content
    return str(made.json()["id"])


def draft(customer: str, rate: str | None = None, **more: object) -> dict[str, object]:
    lines = [
        {"description": "Wartung", "quantity": "2", "unit_amount": "12.50", "tax_rate": rate},
        {"description": "Anfahrt", "unit_amount": "0.333"},
    ]
    return {"customer": customer, "currency": "EUR", "due_on": "2026-12-31", "lines": lines, **more}


def test_an_invoice_is_drafted_changed_finalized_and_voided(api, customer, rate):
    made = api.post("invoices", draft(customer, rate))
    assert made.status_code == 201
    invoice = made.json()
    path = f"invoices/{invoice['id']}"
    assert made.headers["Location"] == f"/api/v1/{path}"
    assert (invoice["object"], invoice["number"], invoice["customer"]) == ("invoice", None, customer)
    assert (invoice["status"], invoice["payment_status"]) == ("draft", "unpaid")
    assert [(line["quantity"], line["unit_amount"], line["net_minor"]) for line in invoice["lines"]] == [
        ("2", "12.5", 2500),
        ("1", "0.333", 33),
    ]
    assert (invoice["subtotal_minor"], invoice["tax_minor"], invoice["total_minor"]) == (2533, 500, 3033)
    assert (invoice["lines"][0]["tax_rate"], invoice["lines"][1]["tax_rate"]) == (rate, None)
    assert api.get(path).json() == invoice

    line = {"description": "Wartung", "quantity": "1.5", "unit_amount": "100", "tax_rate": rate}
    changed = api.patch(path, {"lines": [line], "note": "Danke"})
    assert changed.status_code == 200
    assert (changed.json()["total_minor"], changed.json()["note"]) == (18000, "Danke")

    final = api.post(f"{path}/finalize")
    assert final.status_code == 200
    assert final.json()["number"] == f"INV-{clock.now().year}-00001"
    assert (final.json()["status"], final.json()["amount_due_minor"]) == ("finalized", 18000)
    # The first reading by a key that may send it makes the link that pays it.
    read = api.get(path).json()
    assert read["pay_url"].startswith(f"{settings.PUBLIC_URL}/pay/")
    assert read | {"pay_url": None} == final.json()

    late = api.patch(path, {"note": "zu spät"})
    assert (late.status_code, late.json()["code"]) == (409, "invoice_not_draft")
    again = api.post(f"{path}/finalize", {})
    assert (again.status_code, again.json()["code"]) == (409, "invoice_not_draft")

    voided = api.post(f"{path}/void", {"reason": "falscher Kunde"})
    assert voided.status_code == 200
    assert (voided.json()["status"], voided.json()["amount_due_minor"]) == ("voided", 0)
    assert voided.json()["number"] == final.json()["number"]
    assert api.get(path).json() == voided.json()
    assert api.post(f"{path}/void").json()["code"] == "invoice_not_finalized"
    for code in ("created", "updated", "finalized", "voided"):
        assert len(events_of(api.tenant, f"invoice.{code}")) == 1, code


def test_lines_are_read_page_by_page(api, customer):
    lines = [{"description": f"Zeile {n}", "unit_amount": "1"} for n in range(5)]
    invoice = api.post("invoices", draft(customer, lines=lines)).json()
    path = f"invoices/{invoice['id']}/lines"
    first = api.get(f"{path}?limit=3").json()
    second = api.get(f"{path}?limit=3&cursor={first['next_cursor']}").json()
    assert [line["description"] for line in first["data"] + second["data"]] == [
        f"Zeile {n}" for n in range(5)
    ]
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)
    assert first["data"] == invoice["lines"][:3]


def test_a_list_is_filtered_and_shows_lines_when_asked(api, customer):
    drafted = api.post("invoices", draft(customer)).json()
    final = api.post(f"invoices/{api.post('invoices', draft(customer)).json()['id']}/finalize").json()
    listed = api.get("invoices").json()["data"]
    assert [row["id"] for row in listed] == [final["id"], drafted["id"]]
    assert listed[0] == {name: final[name] for name in listed[0]}
    assert "lines" not in listed[0]
    with_lines = api.get("invoices?include=lines").json()["data"]
    assert [row["lines"] for row in with_lines] == [final["lines"], drafted["lines"]]
    for query, wanted in (
        ("status=draft", [drafted]),
        ("payment_status=unpaid", [final]),
        (f"customer={customer}", [final, drafted]),
        (f"customer=cus_{'0' * 26}", []),
        ("customer=nonsense", []),
        (f"number={final['number']}", [final]),
        ("due_before=2027-01-01", [final]),
        ("due_before=2026-12-31", []),
    ):
        found = api.get(f"invoices?{query}").json()["data"]
        assert [row["id"] for row in found] == [row["id"] for row in wanted], query


def test_missing_and_faulty_fields_are_all_named(api):
    empty = api.post("invoices", {})
    assert empty.status_code == 422
    assert [(error["pointer"], error["code"]) for error in empty.json()["errors"]] == [
        ("/customer", "required"),
        ("/currency", "required"),
        ("/lines", "required"),
    ]
    refused = api.post(
        "invoices",
        {
            "customer": 7,
            "currency": "eur",
            "due_on": "2026-02-30",
            "lines": [
                {"description": "x", "unit_amount": 12.5},
                {"quantity": "1e3", "unit_amount": "1"},
                {"description": "4242 4242 4242 4242", "unit_amount": "1", "cost": "1"},
                "line",
            ],
        },
    )
    assert refused.status_code == 422
    assert {(error["pointer"], error["code"]) for error in refused.json()["errors"]} == {
        ("/customer", "not_text"),
        ("/currency", "unknown_currency"),
        ("/due_on", "not_a_day"),
        ("/lines/0/unit_amount", "not_a_decimal"),
        ("/lines/1/description", "required"),
        ("/lines/1/quantity", "not_a_decimal"),
        ("/lines/2/description", "card_number"),
        ("/lines/2/cost", "unknown_field"),
        ("/lines/3", "not_an_object"),
    }
    with scope(Scope(api.tenant)):
        assert Invoice.objects.count() == 0


def test_a_foreign_customer_or_rate_reads_like_one_that_does_not_exist(api, other, customer, rate):
    mine = other.post("customers", {"name": "B", "currency": "EUR"}).json()["id"]
    unknown = f"cus_{'0' * 26}"
    answers = [other.post("invoices", draft(name)) for name in (customer, unknown, "cus_x", "inv_x", rate)]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert all(answer.json()["errors"] == answers[0].json()["errors"] for answer in answers)
    assert [error["pointer"] for error in answers[0].json()["errors"]] == ["/customer"]
    rates = [other.post("invoices", draft(mine, name)) for name in (rate, f"txr_{'0' * 26}", "txr_x")]
    assert [answer.json()["errors"][0]["pointer"] for answer in rates] == ["/lines/0/tax_rate"] * 3
    assert {answer.status_code for answer in rates} == {404}
    assert len(events_of(other.tenant, "access.refused")) == 8
    with scope(Scope(other.tenant)):
        assert Invoice.objects.count() == 0


def test_every_foreign_address_is_404_recorded_and_changes_nothing(api, other, customer, rate):
    invoice = api.post("invoices", draft(customer, rate)).json()
    path = f"invoices/{invoice['id']}"
    answers = [
        other.get(path),
        other.get(f"{path}/lines"),
        other.patch(path, {"note": "x"}),
        other.post(f"{path}/finalize"),
        other.post(f"{path}/void", {"reason": "x"}),
        other.get(f"tax_rates/{rate}"),
        other.get("jobs/job_x"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 7
    routes = [event["facts"]["route"] for event in events_of(other.tenant, "access.refused")]
    assert [route.removeprefix("api:invoice") for route in routes] == [
        *("", "_lines", "", "_finalize", "_void", "api:tax_rate", "api:job"),
    ]
    assert api.get(path).json() == invoice
    assert other.get("invoices").json()["data"] == []


def test_finalizing_needs_its_own_scope(api, customer, key_with):
    clerk = key_with(Permission.INVOICE_READ, Permission.INVOICE_WRITE, Permission.CUSTOMER_READ)
    invoice = clerk.post("invoices", draft(customer)).json()
    refused = clerk.post(f"invoices/{invoice['id']}/finalize")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_permission")
    assert clerk.get(f"invoices/{invoice['id']}").json() == invoice


def test_a_change_for_another_version_is_refused(api, customer):
    made = api.post("invoices", draft(customer))
    path = f"invoices/{made.json()['id']}"
    assert api.patch(path, {"note": "eins"}, If_Match=made.headers["ETag"]).status_code == 200
    late = api.patch(path, {"note": "zwei"}, If_Match=made.headers["ETag"])
    assert late.status_code == 412
    assert api.get(path).json()["note"] == "eins"


def test_a_program_sees_in_which_currencies_totals_end_in_coins(api, key_with):
    with scope(Scope(api.tenant)):
        coins.round_totals(currencies=["CHF"], actor=make.ACTOR, at=make.AT)
    seen = api.get("rounding").json()["currencies"]
    assert {each["currency"]: each["smallest_minor"] for each in seen if each["is_rounded"]} == {"CHF": 5}
    assert {each["currency"] for each in seen} == set(COINS)
    assert events_of(api.tenant, ISSUER_READ.code)[-1]["fields"] == ["rounded_currencies"]
    # A key reads it and changes nothing of it.
    assert key_with(Permission.INVOICE_WRITE).get("rounding").status_code == 403
    assert api.post("rounding", {"currencies": []}).status_code == 405
    assert api.get("rounding").json()["currencies"] == seen
