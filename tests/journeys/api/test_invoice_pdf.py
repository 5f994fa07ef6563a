"""An invoice as PDF over the API: the document itself, whatever Accept says."""

import io
import re

import pypdf
import pytest

from accounts.permissions import Permission
from audit.models import Event
from core import clock
from tenancy.context import Scope, scope
from tests.make import accounts, bank
from tests.make.api import events_of


@pytest.fixture
def invoice(api) -> str:
    customer = api.post("customers", {"name": "Anna Gruber", "currency": "EUR", "address": {"city": "Graz"}})
    line = {"description": "Wartung", "quantity": "2", "unit_amount": "12.50"}
    body = {"customer": customer.json()["id"], "currency": "EUR", "due_on": "2027-12-31", "lines": [line]}
    return str(api.post("invoices", body).json()["id"])


def text_of(answer) -> str:
    pages = pypdf.PdfReader(io.BytesIO(answer.content)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


@pytest.mark.parametrize("accept", ["application/pdf", "application/json", "*/*", "text/html"])
def test_it_answers_with_the_document_whatever_is_accepted(api, invoice, accept):
    number = api.post(f"invoices/{invoice}/finalize").json()["number"]
    answer = api.get(f"invoices/{invoice}/pdf", Accept=accept)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{number}.pdf"'
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.headers["RateLimit"].startswith('"key";r=')
    for said in (number, "Strongbox Tests GmbH", "Anna Gruber", "Graz", "Wartung", "25.00", "31 Dec 2027"):
        assert said in text_of(answer)


def test_the_same_document_is_the_same_bytes_and_is_not_sent_twice(api, invoice):
    api.post(f"invoices/{invoice}/finalize")
    first, second = api.get(f"invoices/{invoice}/pdf"), api.get(f"invoices/{invoice}/pdf")
    assert first.content == second.content
    again = api.get(f"invoices/{invoice}/pdf", If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    api.post(f"invoices/{invoice}/void")
    voided = api.get(f"invoices/{invoice}/pdf", If_None_Match=first.headers["ETag"])
    assert voided.status_code == 200
    assert "Nothing is owed on this invoice." in text_of(voided)


def test_a_draft_is_marked_as_one(api, invoice):
    answer = api.get(f"invoices/{invoice}/pdf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="draft.pdf"'
    assert "DRAFT" in text_of(answer)
    assert "Anna Gruber" in text_of(answer)


def test_reading_it_is_recorded_as_a_read(api, invoice):
    api.get(f"invoices/{invoice}/pdf")
    read = [event for event in events_of(api.tenant, "invoice.read") if event["fields"] == ["pdf"]]
    assert len(read) == 1


def test_it_names_the_account_that_holds(api, invoice):
    api.post(f"invoices/{invoice}/finalize")
    before = api.get(f"invoices/{invoice}/pdf")
    assert "IBAN" not in text_of(before)
    with scope(Scope(api.tenant)):
        bank.set_first(clock.now(), owner=accounts.member("owner"))
    after = api.get(f"invoices/{invoice}/pdf", If_None_Match=before.headers["ETag"])
    assert after.status_code == 200
    assert "DE89 3704 0044 0532 0130 00" in text_of(after)
    assert re.search(r"RF\d\d \d{4} [0-9A-Z]{4} 0001", text_of(after))


@pytest.mark.parametrize(
    ("pk", "status"), [("inv_x", 404), ("cus_" + "0" * 26, 404), ("inv_" + "0" * 26, 404)]
)
def test_a_refusal_stays_a_problem(api, pk, status):
    answer = api.get(f"invoices/{pk}/pdf", Accept="application/pdf")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == "not_found"


def test_a_key_without_the_scope_and_another_organization_get_nothing(api, other, key_with, invoice):
    refused = key_with(Permission.CUSTOMER_READ).get(f"invoices/{invoice}/pdf")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_permission")
    assert other.get(f"invoices/{invoice}/pdf").status_code == 404
    with scope(Scope(api.tenant)):
        assert not [event for event in Event.objects.filter(event="invoice.read") if event.fields == ["pdf"]]
