"""Our own invoices and credit notes for programs: valid, kept once with their hash, or refused with what to mend."""

import io
from datetime import date
from decimal import Decimal
from hashlib import sha256

import facturx
import pypdf
import pytest

from billing.creditnotes import queries as notes
from billing.creditnotes import services as credit_notes
from billing.customers import services as customers
from billing.documents import archive, making
from billing.documents.einvoice import incoming
from billing.documents.mending import NotValid
from billing.documents.models import DocumentFile
from billing.invoices import queries
from billing.invoices.rules import Discount, LineInput
from billing.issuer import services as issuers
from billing.ledger import queries as ledger
from core.actor import Actor
from tenancy import context
from tenancy.context import Scope, scope
from tests.make import bank
from tests.make import billing as make

SELLER = {
    "name": "Nordwind Instrumente GmbH",
    "address": {"line1": "Hafenstraße 12", "city": "Hamburg", "postal_code": "20457", "country": "DE"},
    "tax_id": "DE123456788",
    "email": "rechnung@nordwind.example",
    "phone": "+49 40 123456",
    "contact_name": "Grete Hansen",
}
BUYER = {
    "address": {"line1": "Amtsweg 1", "city": "Kiel", "postal_code": "24103", "country": "DE"},
    "email": "amt@kiel.example",
    "buyer_reference": "04011000-12345-39",
}


@pytest.fixture
def seller(in_a):
    issuers.set_issuer(**SELLER, actor=make.ACTOR, at=make.AT)
    bank.set_first(make.AT)
    return in_a


def invoice(lines=None, *, of=None, **more):
    rate = more.pop("rate", None) or make.tax_rate("19")
    given = lines or [
        LineInput(description="Kalibrierung", unit_amount=Decimal("128.50"), quantity=Decimal("1.5"),
                  unit_code="HUR", tax_rate_id=rate.pk, period_from=date(2026, 2, 1), period_to=date(2026, 3, 1)),
        LineInput(description="Anfahrt\nHamburg–Kiel", unit_amount=Decimal("0.35"), quantity=Decimal(97),
                  unit_code="KMT", tax_rate_id=rate.pk,
                  discount=Discount(percentage=Decimal(10), reason="Treue")),
        LineInput(description="Gutschein", unit_amount=Decimal("-5"), tax_rate_id=rate.pk),
    ]  # fmt: skip
    return make.finalized(of=of or make.customer("Stadt Kiel", **BUYER), lines=given, **more)


def made(found, kind):
    return making.make(making.prepare(found, kind=kind, at=make.AT))


@pytest.mark.parametrize("kind", ["ubl", "cii", "xrechnung", "facturx"])
def test_an_invoice_of_ours_is_valid_in_every_form_and_says_the_same(seller, kind):
    row = invoice(discounts=[Discount(amount=Decimal("7.00"), reason="Messerabatt")])
    found = queries.get(row.pk)
    document = made(found, kind)
    assert [problem for problem in document.problems if problem.is_error] == []
    xml = document.content
    if kind == "facturx":
        name, xml = facturx.get_xml_from_pdf(document.content, check_xsd=True)
        assert name == "factur-x.xml"
    read = incoming.read(xml)
    assert (read.totals.total_minor, read.totals.tax_minor) == (
        found.total_minor,
        found.total_minor - found.subtotal_minor,
    )
    assert [line.net_minor for line in read.lines] == [
        line.net_minor for line in found.lines if line.kind == "item"
    ]
    assert read.references["payment_account"] == bank.FIRST["iban"].replace(" ", "")
    assert read.references["buyer_reference"] == BUYER["buyer_reference"]
    assert (read.references["period_from"], read.references["period_to"]) == ("2026-02-01", "2026-02-28")


def test_tax_inside_is_written_as_prices_without_it(seller):
    rate = make.tax_rate("19")
    line = LineInput(description="Buch", unit_amount=Decimal("11.90"), quantity=Decimal(3), tax_rate_id=rate.pk,
                     tax_inclusive=True)  # fmt: skip
    found = queries.get(invoice([line], rate=rate).pk)
    document = made(found, "xrechnung")
    assert document.is_valid, document.problems
    assert incoming.read(document.content).lines[0].unit_amount == Decimal(10)


@pytest.mark.parametrize("category", ["AE", "K", "G", "E", "Z", "O"])
def test_what_is_not_taxed_is_valid_too(seller, category):
    rate = make.tax_rate("0", code=category.lower(), category=category)
    line = LineInput(description="Leistung", unit_amount=Decimal(100), tax_rate_id=rate.pk,
                     period_from=date(2026, 2, 1), period_to=date(2026, 3, 1))  # fmt: skip
    buyer = make.customer("Acheteur SA", **{**BUYER, "tax_id": "FR40303265045",
                          "address": {**BUYER["address"], "country": "FR"}})  # fmt: skip
    found = queries.get(invoice([line], rate=rate, of=buyer).pk)
    for kind in ("ubl", "cii"):
        assert made(found, kind).problems == ()


def test_a_taxed_group_below_zero_beside_an_untaxed_one_is_valid_and_can_be_credited(seller):
    full, exempt = make.tax_rate("19"), make.tax_rate("0", code="exempt", category="E")
    returned = make.line("50", quantity="-1", rate=full, text="Pfand")
    lines = [returned, make.line("100", rate=exempt, text="Kurs")]
    row = invoice(lines, rate=full, discounts=[Discount(percentage=Decimal(10), reason="Treue")])
    found = queries.get(row.pk)
    assert [(tax.base_minor, tax.tax_minor) for tax in found.taxes] == [(9000, 0), (-4500, -855)]
    assert found.total_minor == 3645
    piece = credit_notes.issue(
        invoice_id=row.pk, wanted=credit_notes.Wanted(amount_minor=1001), actor=make.ACTOR, at=make.AT
    )
    rest = credit_notes.issue(invoice_id=row.pk, actor=make.ACTOR, at=make.AT)
    assert piece.total_minor + rest.total_minor == 3645
    for each in (found, notes.get(piece.pk), notes.get(rest.pk)):
        for kind in ("ubl", "cii"):
            document = made(each, kind)
            assert document.problems == ()
            assert incoming.read(document.content).totals.total_minor == each.total_minor
    assert ledger.check() == []


def test_lines_without_a_rate_beside_taxed_ones_say_what_to_mend(seller):
    full = make.tax_rate("19")
    row = invoice([make.line("50", quantity="-1", rate=full), make.line("100")], rate=full)
    with pytest.raises(NotValid, match="Lines without a tax rate stand beside taxed ones"):
        making.assure(queries.get(row.pk), kind="ubl", actor=make.ACTOR, at=make.AT)


def test_a_credit_note_of_ours_is_valid_in_every_form(seller):
    row = invoice()
    note = credit_notes.issue(invoice_id=row.pk, reason="Storno", actor=make.ACTOR, at=make.AT)
    found = notes.get(note.pk)
    for kind in ("ubl", "cii", "xrechnung", "facturx"):
        document = made(found, kind)
        assert [problem for problem in document.problems if problem.is_error] == []
    read = incoming.read(made(found, "ubl").content)
    assert (read.is_credit_note, read.totals.total_minor) == (True, row.total_minor)
    assert read.references["preceding_invoice"] == row.number
    assert "Credit note" in pypdf.PdfReader(io.BytesIO(made(found, "pdf").content)).pages[0].extract_text()


def test_factur_x_is_pdf_a_3_and_says_so(seller):
    content = made(queries.get(invoice().pk), "facturx").content
    root = pypdf.PdfReader(io.BytesIO(content)).trailer["/Root"]
    metadata = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in metadata or 'pdfaid:part="3"' in metadata
    assert "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in metadata
    (file,) = root["/AF"]
    assert (file.get_object()["/AFRelationship"], file.get_object()["/F"]) == ("/Alternative", "factur-x.xml")
    assert "/OutputIntents" in root
    assert "/StructTreeRoot" in root
    assert facturx.get_level(facturx_xml(content)) == "en16931"


def facturx_xml(content):
    from lxml import etree

    return etree.fromstring(facturx.get_xml_from_pdf(content)[1])


def test_what_was_made_is_kept_once_with_its_hash(db, tenant_a):
    with scope(Scope(tenant_a)):
        issuers.set_issuer(**SELLER, actor=make.ACTOR, at=make.AT)
        found = queries.get(invoice().pk)
        prepared = making.prepare(found, kind="xrechnung", at=make.AT)
    for _ in range(2):
        document = making.made_and_kept(tenant_a, prepared, actor=make.ACTOR, at=make.AT)
    with scope(Scope(tenant_a)):
        (kept,) = archive.kept_of(("invoice", found.id))
        again, content = archive.read(document_id=kept.id, actor=make.ACTOR)
        assert content == document.content
        assert kept.sha256 == sha256(content).hexdigest() == again.sha256
        assert (kept.kind, kept.valid, kept.size_bytes) == ("xrechnung", True, len(content))
        known = making.prepare(found, kind="xrechnung", at=make.AT).known
        assert known is not None and known.id == kept.id
        with pytest.raises(Exception, match="permission denied"), context.attempt():
            DocumentFile.objects.filter(pk=kept.id).update(valid=False)


@pytest.mark.parametrize(
    ("missing", "rule", "where"),
    [
        ({"buyer_reference": ""}, "BR-DE-15", "customer"),
        ({"address": {**BUYER["address"], "city": ""}}, "BR-DE-8", "customer"),
        ({"address": {**BUYER["address"], "country": ""}}, "BR-11", "customer"),
    ],
)
def test_what_breaks_a_rule_is_refused_in_words_and_kept(seller, missing, rule, where):
    buyer = make.customer("Stadt Kiel", **{**BUYER, **missing})
    found = queries.get(invoice(of=buyer).pk)
    with pytest.raises(NotValid) as refused:
        making.assure(found, kind="xrechnung", actor=make.ACTOR, at=make.AT)
    assert rule in [problem.rule for problem in refused.value.problems]
    assert refused.value.where == where
    assert "XRechnung" in refused.value.message
    assert next(error.pointer for error in refused.value.errors) == "/einvoice"


def test_what_was_missing_can_be_entered_after_the_invoice_is_final(seller):
    buyer = make.customer("Stadt Kiel", **{**BUYER, "buyer_reference": ""})
    found = queries.get(invoice(of=buyer).pk)
    with pytest.raises(NotValid), context.attempt():
        making.assure(found, kind="xrechnung", actor=make.ACTOR, at=make.AT)
    customers.update(
        customer_id=buyer.pk, changes={"buyer_reference": "992-90009-96"}, actor=make.ACTOR, at=make.AT
    )
    making.assure(found, kind="xrechnung", actor=make.ACTOR, at=make.AT)
    assert archive.kept_of(("invoice", found.id))[0].valid is True


def test_another_customer_sees_none(in_a, tenant_a):
    issuers.set_issuer(**SELLER, actor=make.ACTOR, at=make.AT)
    found = queries.get(invoice().pk)
    making.assure(found, kind="ubl", actor=Actor.system("tests"), at=make.AT)
    other = make.customer("Somebody else")
    with scope(Scope(tenant_a, customer=other.pk)):
        assert archive.kept_of(("invoice", found.id)) == []
