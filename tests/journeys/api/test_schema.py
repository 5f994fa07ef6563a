"""The OpenAPI document says what the running API does: every route, and answers that keep to it."""

import io
import re

import pytest
from django.core.management import call_command

from api import docs, schema
from api.urls import urlpatterns
from core import clock
from edge.access import rules_of
from tenancy import jobs
from tenancy.context import Scope, scope

HTTP = ("get", "post", "patch", "put", "delete")


@pytest.fixture
def document(api) -> dict:
    found = api.get("openapi.json")
    assert found.status_code == 200
    return found.json()


def test_it_is_made_without_a_warning():
    out = io.StringIO()
    call_command("spectacular", "--fail-on-warn", "--validate", "--format", "openapi-json", stdout=out)
    assert '"openapi": "3.1.1"' in out.getvalue()


def test_every_route_and_method_stands_in_it_and_no_other(document):
    routes = set()
    for entry in urlpatterns:
        if entry.name in ("openapi", "docs"):
            continue
        path = "/api/v1/" + re.sub(r"<str:pk>", "{id}", str(entry.pattern))
        methods = rules_of(entry.callback)
        assert methods is not None
        routes |= {(path, method.lower()) for method in methods if method != "HEAD"}
    described = {
        (path, method) for path, methods in document["paths"].items() for method in methods if method in HTTP
    }
    assert described == routes
    names = [
        operation["operationId"]
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method in HTTP
    ]
    assert len(set(names)) == len(names) == len(routes)


def test_every_operation_says_how_it_refuses(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["security"] == [{"key": []}], (method, path)
            refused = {"401", "403", "422", "429", "503"} | ({"404"} if "{" in path else set())
            assert refused <= set(operation["responses"]), (method, path)
    for name in ("NewCustomer", "NewInvoice", "NewLine", "InvoiceChange", "Voiding", "NewTaxRate"):
        assert document["components"]["schemas"][name]["additionalProperties"] is False


def test_it_tells_of_a_record_named_in_a_body_and_of_a_version_already_read(api, document):
    body = {"customer": "cus_" + "0" * 26, "currency": "EUR", "lines": []}
    line = {"description": "Work", "quantity": "1", "unit_amount": "1"}
    assert api.post("invoices", {**body, "lines": [line]}).status_code == 404
    assert "404" in document["paths"]["/api/v1/invoices"]["post"]["responses"]
    assert "404" not in document["paths"]["/api/v1/customers"]["post"]["responses"]
    events = api.get("audit_events").json()["data"]
    read = api.get(f"audit_events/{events[0]['id']}")
    again = api.get(f"audit_events/{events[0]['id']}", If_None_Match=read.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    described = document["paths"]["/api/v1/audit_events/{id}"]["get"]["responses"]["304"]
    assert "content" not in described


def test_real_answers_keep_to_it(api, document):
    import jsonschema  # it builds forty grammars: whoever does not need it does not wait for them

    customer = api.post("customers", {"name": "Anna", "currency": "EUR", "address": {"city": "Graz"}})
    rate = api.post("tax_rates", {"name": "USt", "percentage": "20"})
    line = {"description": "Wartung", "unit_amount": "10", "tax_rate": rate.json()["id"]}
    body = {"customer": customer.json()["id"], "currency": "EUR", "lines": [line]}
    draft = api.post("invoices", body)
    path = f"invoices/{draft.json()['id']}"
    with scope(Scope(api.tenant)):
        jobs.start(kind="import", at=clock.now())
    final = api.post(f"{path}/finalize")
    for answer, name in (
        (customer, "Customer"),
        (rate, "TaxRate"),
        (draft, "Invoice"),
        (final, "Invoice"),
        (api.get(path), "Invoice"),
        (api.get("customers"), "CustomerList"),
        (api.get("invoices"), "InvoiceRowList"),
        (api.get("invoices?include=lines"), "InvoiceRowList"),
        (api.get(f"{path}/lines"), "LineList"),
        (api.get("tax_rates"), "TaxRateList"),
        (api.get("jobs"), "JobList"),
        (api.get("audit_events"), "AuditEventList"),
        (api.get("customers/cus_x"), "Problem"),
        (api.post("customers", {}), "Problem"),
    ):
        shape = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": f"#/components/schemas/{name}",
            "components": document["components"],
        }
        jsonschema.validate(answer.json(), shape)
        described = document["components"]["schemas"][name]["properties"]
        assert set(answer.json()) - {"errors"} <= set(described), name


def test_the_reference_page_shows_every_operation(api, document):
    page = api.get("docs")
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    text = page.content.decode()
    operations = [operation for noun in docs.nouns(document) for operation in noun.operations]
    assert len(operations) == sum(len(methods) for methods in document["paths"].values())
    for operation in operations:
        assert f'id="{operation.name}"' in text
    assert "lines[].unit_amount" in text
    assert "<script" not in text and "style=" not in text
    assert schema.document()["openapi"] == "3.1.1"
