"""Every real e-invoice comes in, and goes out again in both syntaxes: valid by schema and rules, to the same cent."""

import pytest

from billing.documents.einvoice import incoming, outgoing, validation, write_cii, write_ubl
from billing.documents.einvoice.writing import Profile
from billing.imports import documents
from billing.invoices import queries
from tests.make import billing as make
from tests.rules.test_billing_einvoice import CREDIT_NOTES, TOTALS

WRITERS = {"ubl": write_ubl, "cii": write_cii}


def amounts(document):
    """All money on a document, whatever the syntax; texts may be joined on the way."""
    return {
        "totals": document.totals,
        "lines": [(line.net_minor, line.quantity, line.unit_amount, line.price_base_quantity, line.rate,
                   [item.signed_minor for item in line.adjustments]) for line in document.lines],
        "adjustments": [(item.signed_minor, item.rate) for item in document.adjustments],
        "taxes": sorted((item.rate, item.base_minor, item.tax_minor) for item in document.taxes),
        "currency": document.currency,
    }  # fmt: skip


def profile_of(name):
    return Profile.XRECHNUNG if name.startswith("xrechnung/") else Profile.EN16931


@pytest.mark.parametrize("name", sorted(TOTALS | CREDIT_NOTES))
@pytest.mark.parametrize("syntax", sorted(WRITERS))
def test_what_was_read_is_written_validly_and_read_back(name, syntax):
    document = incoming.read(make.einvoice(name))
    written = WRITERS[syntax].write(document, profile_of(name))
    problems = validation.check(written, profile=profile_of(name))
    assert [problem for problem in problems if problem.is_error] == []
    again = incoming.read(written)
    assert amounts(again) == amounts(document)
    assert (again.number, again.issued_on, again.due_on) == (
        document.number,
        document.issued_on,
        document.due_on,
    )
    assert (again.seller.name, again.buyer.name, again.type_code) == (
        document.seller.name,
        document.buyer.name,
        document.type_code,
    )


@pytest.mark.parametrize("name", sorted(TOTALS))
def test_what_was_imported_and_finalized_is_exported_with_the_same_amounts(in_a, name):
    result = documents.try_document(data=make.einvoice(name), actor=make.ACTOR, at=make.AT, finalize=True)
    assert result.refused == []
    found = queries.get(result.created[0])
    document = outgoing.document_of(found, at=make.AT)
    original = incoming.read(make.einvoice(name))
    assert amounts(document) == amounts(original)
    for writer in WRITERS.values():
        written = writer.write(document, profile_of(name))
        problems = validation.check(written, profile=profile_of(name))
        assert [problem for problem in problems if problem.is_error] == []
        assert amounts(incoming.read(written)) == amounts(original)
