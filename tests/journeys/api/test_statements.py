"""How many SQL statements an answer costs, BEGIN and COMMIT apart: the steadiest measure of speed there is."""

from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenancy.context import Scope, scope
from tests.make import billing

BODY = {"name": "Anna Gruber", "email": "anna@gruber.example", "currency": "EUR"}


@contextmanager
def counted():
    """Count what is sent; Django notes BEGIN and COMMIT as statements as well."""
    with CaptureQueriesContext(connection) as captured:
        yield captured
    sent = [query["sql"] for query in captured.captured_queries]
    assert (sent[0], sent[-1]) == ("BEGIN", "COMMIT")
    captured.count = len(sent) - 2


@pytest.fixture
def warm(api):
    """Return a key that was used within the last minute, with its organization's data keys in memory."""
    assert api.post("customers", BODY, Idempotency_Key="warm").status_code == 201
    return api


def test_a_list_of_50_invoices(warm):
    with scope(Scope(warm.tenant)):
        customer = billing.customer()
        for _ in range(50):
            billing.draft(of=customer)
    with counted() as plain:
        assert len(warm.get("invoices").json()["data"]) == 50
    with counted() as with_lines:
        rows = warm.get("invoices?include=lines").json()["data"]
    assert sum(len(row["lines"]) for row in rows) == 50
    # the key, the page, (its lines,) the event
    assert (plain.count, with_lines.count) == (3, 4)


def test_issuing_one_invoice(warm):
    customer = warm.post("customers", BODY).json()["id"]
    rate = warm.post("tax_rates", {"name": "USt 20 %", "percentage": "20"}).json()["id"]
    lines = [{"description": f"Zeile {n}", "unit_amount": "10", "tax_rate": rate} for n in range(3)]
    body = {"customer": customer, "currency": "EUR", "lines": lines}
    with counted() as draft:
        path = f"invoices/{warm.post('invoices', body).json()['id']}"
    with counted() as final:
        assert warm.post(f"{path}/finalize").json()["status"] == "finalized"
    # The first reading by a key that may send it makes the pay link.
    assert warm.get(path).json()["pay_url"]
    with counted() as read:
        assert warm.get(path).status_code == 200
    with counted() as voided:
        assert warm.post(f"{path}/void").json()["status"] == "voided"
    assert (draft.count, final.count, read.count, voided.count) == (9, 10, 5, 9)
    # A key to repeat by costs one statement before and one after.
    with counted() as repeatable:
        again = warm.post("invoices", body, Idempotency_Key="k").json()["id"]
    with counted() as final_repeatable:
        assert warm.post(f"invoices/{again}/finalize", Idempotency_Key="f").status_code == 200
    assert (repeatable.count, final_repeatable.count) == (11, 12)


def test_customers(warm):
    with counted() as made:
        path = f"customers/{warm.post('customers', BODY).json()['id']}"
    with counted() as read:
        assert warm.get(path).status_code == 200
    with counted() as listed:
        assert len(warm.get("customers").json()["data"]) == 2
    with counted() as found:
        assert len(warm.get("customers?email=anna@gruber.example").json()["data"]) == 2
    assert (made.count, read.count, listed.count, found.count) == (5, 3, 3, 3)
