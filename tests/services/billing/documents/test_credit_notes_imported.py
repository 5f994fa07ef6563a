"""A credit note from outside keeps its number and seller, is final at once, and opens what the customer has of it."""

import pytest

from audit.models import Event
from billing.creditnotes import queries as notes
from billing.creditnotes.models import CreditNote
from billing.documents.einvoice import incoming
from billing.imports import documents
from billing.invoices import queries as invoices
from billing.ledger import queries as books
from billing.settlement import queries as settlement
from core import ids
from tests.make import billing as make
from tests.rules.test_billing_einvoice import simple

NAME = "en16931/ubl-tc434-creditnote1.xml"


def take(data, **more):
    return documents.try_document(data=data, actor=make.ACTOR, at=make.AT, **more)


def test_it_arrives_with_its_own_totals_and_posts_an_opening_entry(in_a):
    result = take(make.einvoice(NAME))
    assert (result.refused, result.kind, result.total_minor) == ([], "credit_note", 10011)
    found = notes.get(result.created[0])
    original = incoming.read(make.einvoice(NAME))
    assert (found.number, found.imported_number) == (original.number, original.number)
    assert (found.seller["name"], found.total_minor) == (original.seller.name, 10011)
    assert sum(line.net_minor for line in found.lines) == found.subtotal_minor
    assert notes.content_is_intact(found.id) is True
    assert books.check() == []
    assert settlement.credit(customer_id=found.customer_id) == {"EUR": 10011}
    assert Event.objects.filter(event="credit_note.imported").exists()


def test_it_comes_once(in_a):
    first = take(make.einvoice(NAME))
    (again,) = take(make.einvoice(NAME)).refused
    assert (again.code, again.existing_id, again.existing_kind) == (
        "already_imported",
        first.created[0],
        "credit_note",
    )
    assert ids.encode("credit_note", first.created[0]) in again.reason
    assert CreditNote.objects.count() == 1


def test_it_goes_off_the_invoice_it_names(in_a):
    key = take(simple(number="N-1"), finalize=True).created[0]
    inner = "<cac:InvoiceDocumentReference><cbc:ID>N-1</cbc:ID></cac:InvoiceDocumentReference>"
    reference = f"<cac:BillingReference>{inner}</cac:BillingReference>"
    note = simple(number="C-1", type_code="381", extra=reference)
    made = notes.get(take(note).created[0])
    assert (made.invoice_id, made.offset_minor, made.credit_minor) == (key, 12000, 0)
    assert (invoices.get(key).amount_due_minor, books.check()) == (0, [])


@pytest.mark.parametrize("dry_run", [False, True])
def test_who_may_not_finalize_takes_none_in(in_a, dry_run):
    (refused,) = take(make.einvoice(NAME), credit_notes=False, dry_run=dry_run).refused
    assert refused.code == "credit_note_is_final"
    assert CreditNote.objects.count() == 0


def test_a_dry_run_says_what_would_happen_and_stores_nothing(in_a):
    result = take(make.einvoice(NAME), dry_run=True)
    assert (result.created, result.kind, result.total_minor) == ([], "credit_note", 10011)
    assert (CreditNote.objects.count(), make.recorded()) == (0, [])
