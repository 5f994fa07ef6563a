"""An invoice as XML over the API: the document itself, checked first; what it breaks is named; its archive is kept."""

import io

import pypdf
import pytest

from audit.models import Event
from billing.documents.einvoice import incoming
from billing.documents.models import DocumentFile
from tenancy.context import Scope, scope

ADDRESS = {"line1": "Amtsweg 1", "city": "Kiel", "postal_code": "24103", "country": "DE"}


def made(api, **customer) -> str:
    given = {
        "name": "Stadt Kiel",
        "currency": "EUR",
        "address": ADDRESS,
        "email": "amt@kiel.example",
        **customer,
    }
    owner = api.post("customers", given)
    assert owner.status_code == 201, owner.content
    rate = {
        "code": "standard",
        "name": "20 %",
        "category": "S",
        "percentage": "20",
        "valid_from": "2020-01-01",
    }
    tax = api.post("tax_rates", rate).json()["id"]
    line = {"description": "Wartung", "quantity": "2", "unit_amount": "12.50", "tax_rate": tax}
    body = {"customer": owner.json()["id"], "currency": "EUR", "due_on": "2027-12-31", "lines": [line]}
    key = str(api.post("invoices", body).json()["id"])
    assert api.post(f"invoices/{key}/finalize").status_code == 200
    return key


@pytest.mark.parametrize(
    ("query", "accept"), [("", "application/json"), ("?format=ubl", "*/*"), ("?format=cii", "text/html")]
)
def test_it_answers_with_the_document_whatever_is_accepted(api, query, accept):
    key = made(api)
    answer = api.get(f"invoices/{key}/xml{query}", Accept=accept)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/xml")
    read = incoming.read(answer.content)
    assert (read.totals.total_minor, read.totals.tax_minor, read.buyer.name) == (3000, 500, "Stadt Kiel")
    again = api.get(f"invoices/{key}/xml{query}", If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    with scope(Scope(api.tenant)):
        assert DocumentFile.objects.filter(valid=True).count() == 1
        assert Event.objects.filter(event="document.kept").count() == 1


def test_the_pdf_can_carry_the_xml(api):
    answer = api.get(f"invoices/{made(api)}/pdf?format=facturx")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    (xml,) = pypdf.PdfReader(io.BytesIO(answer.content)).attachments["factur-x.xml"]
    assert incoming.read(xml).totals.total_minor == 3000


def test_a_broken_rule_is_named_and_nothing_is_handed_out(api):
    key = made(api, address={"line1": "Amtsweg 1"})
    answer = api.get(f"invoices/{key}/xml?format=xrechnung")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "einvoice_not_valid")
    codes = [error["code"] for error in problem["errors"]]
    assert {"BR-11", "BR-DE-8", "BR-DE-15"} & set(codes)
    with scope(Scope(api.tenant)):
        assert DocumentFile.objects.filter(valid=False).count() == 1


def test_a_draft_and_unknown_formats_are_refused(api):
    key = made(api)
    assert api.get(f"invoices/{key}/xml?format=pdf").json()["errors"][0]["pointer"] == "/format"
    customer = api.post("customers", {"name": "Draft", "currency": "EUR"}).json()["id"]
    line = {"description": "Wartung", "quantity": "1", "unit_amount": "1.00"}
    draft = api.post("invoices", {"customer": customer, "currency": "EUR", "lines": [line]}).json()["id"]
    answer = api.get(f"invoices/{draft}/xml")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_final")


def test_another_organizations_invoice_is_not_there(api, other):
    assert other.get(f"invoices/{made(api)}/xml").status_code == 404


def test_a_credit_note_is_answered_for_programs_too(api):
    note = api.post("credit_notes", {"invoice": made(api)}, Idempotency_Key="credit-1").json()
    for kind in ("ubl", "cii"):
        answer = api.get(f"credit_notes/{note['id']}/xml?format={kind}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/xml")
        read = incoming.read(answer.content)
        assert (read.is_credit_note, read.totals.total_minor) == (True, 3000)
