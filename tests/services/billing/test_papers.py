"""From the books to the paper: the reference that leads back to its invoice, and what a document says of one."""

import io
import re
from decimal import Decimal
from uuid import UUID

import pypdf
import pytest
from stdnum import iso11649

from billing.documents import papers, pdf, reference
from billing.imports import documents as imports
from billing.invoices import queries
from billing.invoices.models import Invoice
from billing.issuer.models import Issuer, Series
from core import ids
from tenancy import context
from tenancy.context import Scope
from tests.make import billing as make


def text_of(document):
    pages = pypdf.PdfReader(io.BytesIO(pdf.invoice(document))).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages).replace("\u200b", ""))


def twin_of(series: Series) -> Series:
    """Open a series whose letters are those of another."""
    low = (1 << 20) - 1
    other = UUID(int=(ids.uuid7().int & ~low) | (series.pk.int & low))
    made = Series(id=other, code="twin", kind="own", pattern="T-{year}-{sequence}", created_at=make.AT)
    made.save(force_insert=True)
    return made


def test_a_reference_leads_back_to_its_invoice_and_to_no_other(in_a):
    invoices = [make.finalized() for _ in range(3)]
    written = [reference.reference_of(invoice) for invoice in invoices]
    assert len(set(written)) == 3
    assert all(iso11649.is_valid(text) for text in written)
    assert [reference.find(text) for text in written] == [invoice.pk for invoice in invoices]
    assert reference.find(f" {reference.printed(written[1]).lower()} ") == invoices[1].pk
    assert reference.references(invoice.pk for invoice in invoices) == dict(
        zip([invoice.pk for invoice in invoices], written, strict=True)
    )


def test_what_is_no_reference_of_ours_leads_nowhere(in_a):
    invoice = make.finalized()
    written = reference.reference_of(invoice)
    missing = reference.compose(series_id=invoice.series_id, fiscal_year=invoice.fiscal_year, sequence=99)
    strange = reference.compose(series_id=ids.uuid7(), fiscal_year=invoice.fiscal_year, sequence=1)
    wrong = written[:-1] + ("2" if written[-1] != "2" else "3")
    for text in ("", "INV-2026-00001", wrong, missing, strange, "RF18539007547034"):
        assert reference.find(text) is None, text
    draft = make.draft()
    assert reference.reference_of(draft) == ""
    assert reference.references([draft.pk]) == {}


def test_two_series_of_the_same_letters_leave_a_reference_ambiguous(in_a):
    first = make.finalized()
    written = reference.reference_of(first)
    twin = twin_of(Series.objects.get(pk=first.series_id))
    assert reference.compose(series_id=twin.pk, fiscal_year=first.fiscal_year, sequence=1) == written
    assert reference.find(written) == first.pk
    Issuer.objects.update(series=twin)
    assert reference.reference_of(make.finalized()) == written
    assert reference.find(written) is None


@pytest.mark.django_db(transaction=True)
def test_another_organization_finds_nothing(tenant_a, tenant_b):
    with context.scope(Scope(tenant_a)):
        written = reference.reference_of(make.finalized())
    with context.scope(Scope(tenant_b)):
        make.finalized()
        assert reference.find(written) is None


def test_a_document_says_what_was_frozen_and_not_what_is_now(in_a):
    ada = make.customer(
        "Ada Lovelace",
        address={"line1": "12 St James's Square", "city": "London", "country": "GB"},
        reference="C-7",
    )
    rate = make.tax_rate("20")
    final = make.finalized(
        of=ada,
        lines=[
            make.line("1.2345", quantity="2", rate=rate, text="Engine *time*"),
            make.line("-0.10", rate=rate),
        ],
        note="Thanks & regards",
    )
    make.customers.update(customer_id=ada.pk, changes={"name": "Somebody Else"}, actor=make.ACTOR, at=make.AT)
    document = papers.document_of(queries.get(final.pk), at=make.AT)
    assert document.buyer.name == "Ada Lovelace"
    assert document.buyer.address == ("12 St James's Square", "London", "United Kingdom")
    assert document.references == (("Customer number", "C-7"),)
    assert (document.reference, document.mark) == (reference.reference_of(final), pdf.Mark.NONE)
    assert [(line.quantity, line.unit_amount) for line in document.lines] == [
        (Decimal(2), Decimal("1.2345")), (Decimal(1), Decimal("-0.1"))
    ]  # fmt: skip
    text = text_of(document)
    for said in ("Engine *time*", "1.2345", "2.47", "−0.10", "Thanks & regards", "Tax 20 %", "C-7"):
        assert said in text
    assert "Somebody Else" not in text


def test_a_draft_is_printed_as_it_would_be_now(in_a):
    draft = queries.get(make.draft(of=make.customer("Grace Hopper")).pk)
    document = papers.document_of(draft, at=make.AT)
    assert (document.seller.name, document.buyer.name) == ("Organization A", "Grace Hopper")
    assert (document.mark, document.reference, document.number) == (pdf.Mark.DRAFT, "", "")
    assert papers.file_name(draft) == "draft.pdf"
    assert "Given when it is final" in text_of(document)


def test_an_imported_document_says_its_allowances_and_what_was_paid_before(in_a):
    taken = imports.try_document(
        data=make.einvoice("en16931/ubl-tc434-example5.xml"), actor=make.ACTOR, at=make.AT, finalize=True
    )
    found = queries.get(taken.created[0])
    document = papers.document_of(found, at=make.AT)
    text = text_of(document)
    assert document.number == found.number
    assert document.prepaid_minor == found.prepaid_minor
    shown = [line for line in found.lines if line.kind != "item"] + [
        line for line in found.lines if line.adjustments
    ]
    assert shown
    for line in shown:
        for entry in line.adjustments:
            assert str(entry["reason"] or line.description).split()[0] in text


def test_a_file_has_a_name_that_no_file_system_reads_twice(in_a):
    found = queries.get(make.finalized().pk)
    assert papers.file_name(found) == f"{found.number}.pdf"
    object.__setattr__(found, "number", '../2026/ä"\r\n1')
    assert papers.file_name(found) == "2026-----1.pdf"


@pytest.mark.django_db
def test_the_version_of_a_document_follows_from_what_it_says(in_a):
    document = papers.document_of(queries.get(make.finalized().pk), at=make.AT)
    again = papers.document_of(queries.get(Invoice.objects.get().pk), at=make.AT)
    assert pdf.version(document) == pdf.version(again)
    void = make.void(Invoice.objects.get().pk)
    assert pdf.version(papers.document_of(queries.get(void.pk), at=make.AT)) != pdf.version(document)
