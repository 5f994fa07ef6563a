"""An invoice that is too long for paper, over the API and on the page: refused as PDF, handed out as XML and CSV."""

import csv
import io

import pytest

from billing.documents import pdf
from billing.documents.pdf import values
from billing.issuer import services as issuers
from core import ids
from payments.services import sending
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.make import accounts, billing
from web.billing import documents


@pytest.fixture
def invoice(api, monkeypatch):
    """Return a key, and the id of a finalized invoice with one line more than paper holds here."""
    monkeypatch.setattr(values, "MOST_LINES", 2)
    monkeypatch.setattr(pdf, "MOST_LINES", 2)
    address = {"line1": "1 Main Street", "city": "Cork", "postal_code": "T12 AB34", "country": "IE"}
    with scope(Scope(api.tenant)):
        issuers.set_issuer(
            name="Seller", address=address, tax_id="IE6388047V", actor=billing.ACTOR, at=billing.AT
        )
    customer = {"name": "Ada", "email": "ada@ada.example", "currency": "EUR", "address": address}
    rate = api.post("tax_rates", {"name": "20 %", "percentage": "20"}).json()["id"]
    lines = [{"description": f"=Line {n}", "unit_amount": "1", "tax_rate": rate} for n in range(3)]
    body = {"customer": api.post("customers", customer).json()["id"], "currency": "EUR", "lines": lines}
    api.invoice = api.post("invoices", body).json()["id"]
    assert api.post(f"invoices/{api.invoice}/finalize").status_code == 200
    return api


def test_the_api_refuses_the_pdf_and_names_the_ways_out(invoice):
    for kind in ("pdf", "facturx"):
        answer = invoice.get(f"invoices/{invoice.invoice}/pdf?format={kind}")
        assert (answer.status_code, answer.json()["code"]) == (422, "too_many_lines_for_pdf")
        assert "as XML, or its lines as CSV" in answer.json()["detail"]
    assert invoice.get(f"invoices/{invoice.invoice}/xml").status_code == 200


def test_the_page_refuses_the_pdf_and_has_the_lines_as_a_table(invoice):
    with scope(Scope(invoice.tenant)):
        desk = world.browser(accounts.session(accounts.member("owner").user).raw_key)
    base = f"/o/a/invoices/{invoice.invoice}"
    refused = desk.get(f"{base}/pdf")
    assert refused.status_code == 422
    assert "its lines as CSV" in refused.content.decode()
    assert f"{base}/lines.csv" in desk.get(base).content.decode()
    table = desk.get(f"{base}/lines.csv")
    assert table.status_code == 200
    rows = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert [row[2] for row in rows] == ["Description", "'=Line 0", "'=Line 1", "'=Line 2"]
    assert rows[1][6:8] == ["1.00", "EUR"]


def test_very_many_lines_stand_on_pages_of_their_own(invoice, monkeypatch):
    monkeypatch.setattr(documents, "LINES_A_PAGE", 2)
    with scope(Scope(invoice.tenant)):
        desk = world.browser(accounts.session(accounts.member("owner").user).raw_key)
    shown = {
        asked: [
            f"=Line {n}" in desk.get(f"/o/a/invoices/{invoice.invoice}{asked}").content.decode()
            for n in range(3)
        ]
        for asked in ("", "?lines=2", "?lines=9", "?lines=all", "?lines=-1", "?lines=²")
    }
    first, last = [True, True, False], [False, False, True]
    assert shown == {
        "": first, "?lines=2": last, "?lines=9": last, "?lines=all": [True] * 3, "?lines=-1": first, "?lines=²": first
    }  # fmt: skip
    page = desk.get(f"/o/a/invoices/{invoice.invoice}").content.decode()
    assert "Showing 1–2 of 3 lines" in page
    assert "All 3 lines on one page" in page
    # What it comes to is that of all lines.
    assert "3.60" in page


def test_it_is_mailed_by_its_link_alone(invoice):
    with scope(Scope(invoice.tenant)):
        sending.send(invoice_id=ids.decode("invoice", invoice.invoice), actor=billing.ACTOR, at=billing.AT)
    assert sending._attached("", lines=3) == []
    assert sending._attached("xrechnung", lines=3) == [sending.EINVOICE]
    assert sending._attached("", lines=2) == [sending.INVOICE_PDF]
