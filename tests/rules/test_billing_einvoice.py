"""The reader reads the family of EN 16931, and refuses by name what is hostile or untrue."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from billing.documents.einvoice import incoming, reading, rules, ubl, xml
from core import money
from core.errors import Refusal

FOLDER = Path(__file__).parents[1] / "data" / "einvoices"
TOTALS = {
    "en16931/CII_business_example_01.xml": (180178, 80178, "NOK"),
    "en16931/CII_example1.xml": (25033, 25033, "EUR"),
    "en16931/CII_example3.xml": (112500, 112500, "DKK"),
    "en16931/CII_example5.xml": (467500, 233750, "DKK"),
    "en16931/guide-example1.xml": (25033, 25033, "EUR"),
    "en16931/ubl-tc434-example1.xml": (25033, 25033, "EUR"),
    "en16931/ubl-tc434-example3.xml": (200500, 200500, "DKK"),
    "en16931/ubl-tc434-example5.xml": (467500, 233750, "DKK"),
    "en16931/ubl-tc434-example7.xml": (320000, 320000, "SEK"),
    "xrechnung/01.01a-INVOICE_ubl.xml": (33690, 33690, "EUR"),
    "xrechnung/01.02a-INVOICE_ubl.xml": (1260, 1260, "EUR"),
    "xrechnung/01.04a-INVOICE_ubl.xml": (12000, 12000, "EUR"),
    "xrechnung/01.05a-INVOICE_ubl.xml": (1055530, 1055530, "EUR"),
    "xrechnung/01.08a-INVOICE_ubl.xml": (282587, 282587, "EUR"),
    "xrechnung/01.11a-INVOICE_ubl.xml": (27938, 27938, "EUR"),
    "xrechnung/01.15a-INVOICE_ubl.xml": (1068620, 1068620, "EUR"),
    "xrechnung/01.18a-INVOICE_ubl.xml": (1055530, 1055530, "EUR"),
    "xrechnung/02.01a-INVOICE_ubl.xml": (1282969, 1282969, "EUR"),
    "xrechnung/02.04a-INVOICE_ubl.xml": (0, 0, "EUR"),
    "xrechnung/03.02a-INVOICE_ubl.xml": (1068620, 1068620, "EUR"),
    "xrechnung/03.05a-INVOICE_ubl.xml": (5317159, 5317159, "EUR"),
}
# Each business case of XRechnung comes in both syntaxes, with the same amounts.
TOTALS |= {
    name.replace("_ubl", "_uncefact"): amounts
    for name, amounts in TOTALS.items()
    if name.startswith("xrechnung/")
}
CREDIT_NOTES = {"en16931/ubl-tc434-creditnote1.xml": (10011, 10011, "EUR")}

HEAD = """<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">"""
PARTY = """<cac:Party><cac:PostalAddress><cac:Country><cbc:IdentificationCode>DE</cbc:IdentificationCode>
</cac:Country></cac:PostalAddress><cac:PartyLegalEntity><cbc:RegistrationName>{}</cbc:RegistrationName></cac:PartyLegalEntity>
</cac:Party>"""
CATEGORY = (
    "<cbc:ID>{}</cbc:ID><cbc:Percent>{}</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
)


def adjustment(charge, amount, currency, category=None):
    tax = f"<cac:TaxCategory>{CATEGORY.format(*category)}</cac:TaxCategory>" if category else ""
    return (
        f"<cac:AllowanceCharge><cbc:ChargeIndicator>{charge}</cbc:ChargeIndicator>"
        f'<cbc:Amount currencyID="{currency}">{amount}</cbc:Amount>{tax}</cac:AllowanceCharge>'
    )


def line(net, category=("S", "20"), *, currency="EUR", quantity="1", price=None, base=None, inside=""):
    per = f'<cbc:BaseQuantity unitCode="EA">{base}</cbc:BaseQuantity>' if base else ""
    return (
        "<cac:InvoiceLine><cbc:ID>1</cbc:ID>"
        f'<cbc:InvoicedQuantity unitCode="EA">{quantity}</cbc:InvoicedQuantity>'
        f'<cbc:LineExtensionAmount currencyID="{currency}">{net}</cbc:LineExtensionAmount>{inside}<cac:Item>'
        f"<cbc:Name>Thing</cbc:Name><cac:ClassifiedTaxCategory>{CATEGORY.format(*category)}"
        f"</cac:ClassifiedTaxCategory></cac:Item><cac:Price>"
        f'<cbc:PriceAmount currencyID="{currency}">{price or net}</cbc:PriceAmount>{per}</cac:Price>'
        "</cac:InvoiceLine>"
    )


def document(lines, taxes, totals, *, currency="EUR", number="N-1", type_code="380", extra=""):
    subtotals = "".join(
        f'<cac:TaxSubtotal><cbc:TaxableAmount currencyID="{currency}">{base}</cbc:TaxableAmount>'
        f'<cbc:TaxAmount currencyID="{currency}">{tax}</cbc:TaxAmount>'
        f"<cac:TaxCategory>{CATEGORY.format(*category)}</cac:TaxCategory></cac:TaxSubtotal>"
        for category, base, tax in taxes
    )
    tax = sum((Decimal(item[2]) for item in taxes), Decimal(0))
    amounts = "".join(
        f'<cbc:{key} currencyID="{currency}">{value}</cbc:{key}>' for key, value in totals.items()
    )
    return (
        f"{HEAD}<cbc:ID>{number}</cbc:ID><cbc:IssueDate>2026-03-01</cbc:IssueDate>"
        f"<cbc:InvoiceTypeCode>{type_code}</cbc:InvoiceTypeCode>"
        f"<cbc:DocumentCurrencyCode>{currency}</cbc:DocumentCurrencyCode>"
        f"<cac:AccountingSupplierParty>{PARTY.format('Seller')}</cac:AccountingSupplierParty>"
        f"<cac:AccountingCustomerParty>{PARTY.format('Buyer')}</cac:AccountingCustomerParty>{extra}"
        f'<cac:TaxTotal><cbc:TaxAmount currencyID="{currency}">{tax}</cbc:TaxAmount>'
        f"{subtotals}</cac:TaxTotal>"
        f"<cac:LegalMonetaryTotal>{amounts}</cac:LegalMonetaryTotal>{''.join(lines)}</Invoice>"
    ).encode()


def totals(lines, subtotal, total, payable=None, **more):
    return {
        "LineExtensionAmount": lines, "TaxExclusiveAmount": subtotal, "TaxInclusiveAmount": total, **more,
        "PayableAmount": payable or total,
    }  # fmt: skip


def simple(**changes):
    values = {
        "lines": [line("100.00")],
        "taxes": [(("S", "20"), "100.00", "20.00")],
        "totals": totals("100.00", "100.00", "120.00"),
    }
    return document(**{**values, **changes})


@pytest.mark.parametrize("name", sorted(TOTALS | CREDIT_NOTES))
def test_the_public_suites_are_read_to_the_cent(name):
    read = incoming.read((FOLDER / name).read_bytes())
    amounts = (read.totals.total_minor, read.totals.payable_minor, read.currency)
    assert amounts == (TOTALS | CREDIT_NOTES)[name]
    assert read.is_credit_note is (name in CREDIT_NOTES)


def test_the_list_of_totals_is_complete():
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*.xml")}
    assert files == set(TOTALS | CREDIT_NOTES)
    assert len(files) == 34


def test_an_invoice_that_takes_money_back_is_refused_by_name():
    assert ubl.read(simple(type_code="381")).is_credit_note
    negative = document(
        [line("-100.00")], [(("S", "20"), "-100.00", "-20.00")], totals("-100.00", "-100.00", "-120.00")
    )
    with pytest.raises(rules.CreditNoteUnsupported):
        ubl.read(negative)


@pytest.mark.parametrize(
    "data",
    [
        b"<Invoice/>",
        b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-1"/>',
        b'<CrossIndustryInvoice xmlns="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:12"/>',
        b'<sh:StandardBusinessDocument xmlns:sh="urn:x"><sh:Header/></sh:StandardBusinessDocument>',
    ],
)
def test_other_documents_and_other_namespaces_are_refused_by_name(data):
    with pytest.raises(reading.FormatUnsupported) as refused:
        incoming.read(data)
    assert refused.value.code == "format_unsupported"


def test_a_peppol_envelope_is_opened():
    inner = simple().decode()
    wrapped = (
        f'<sh:StandardBusinessDocument xmlns:sh="urn:x"><sh:Header/>{inner}</sh:StandardBusinessDocument>'
    )
    assert ubl.read(wrapped.encode()) == ubl.read(simple())


def test_allowances_and_charges_stand_on_lines_and_document():
    inside = adjustment("false", "10.00", "EUR") + adjustment("true", "4.00", "EUR")
    read = ubl.read(
        document(
            [
                line("94.00", quantity="3", price="100.00", base="3", inside=inside),
                line("50.00", ("S", "10")),
            ],
            [(("S", "20"), "104.00", "20.80"), (("S", "10"), "45.00", "4.50")],
            totals("144.00", "149.00", "174.30", AllowanceTotalAmount="5.00", ChargeTotalAmount="10.00"),
            extra=adjustment("false", "5.00", "EUR", ("S", "10"))
            + adjustment("true", "10.00", "EUR", ("S", "20.0")),
        )
    )
    assert [item.signed_minor for item in read.lines[0].adjustments] == [-1000, 400]
    assert [item.signed_minor for item in read.adjustments] == [-500, 1000]
    assert (read.lines[0].price_base_quantity, read.lines[0].quantity) == (3, 3)
    assert (read.totals.total_minor, len(read.taxes)) == (17430, 2)


def test_prepaid_and_rounding_lead_to_what_is_due():
    wanted = totals(
        "100.00", "100.00", "120.00", "70.05", PrepaidAmount="50.00", PayableRoundingAmount="0.05"
    )
    read = ubl.read(simple(totals=wanted))
    assert (read.totals.total_minor, read.totals.prepaid_minor) == (12000, 5000)
    assert (read.totals.rounding_minor, read.totals.payable_minor) == (5, 7005)


@pytest.mark.parametrize("category", ["AE", "E", "K", "G", "Z", "O"])
def test_untaxed_categories_are_read(category):
    taxed = (category, "0")
    read = ubl.read(
        document([line("10.00", taxed)], [(taxed, "10.00", "0.00")], totals("10.00", "10.00", "10.00"))
    )
    assert (read.lines[0].rate.category, read.totals.tax_minor, read.totals.total_minor) == (
        category,
        0,
        1000,
    )


@pytest.mark.parametrize(
    ("currency", "net", "tax", "total", "minor"),
    [
        ("JPY", "1005", "201", "1206", 1206),
        ("KWD", "1.005", "0.201", "1.206", 1206),
        ("JPY", "10.00", "2", "12.0", 12),
    ],
)
def test_other_currencies_keep_their_own_decimals(currency, net, tax, total, minor):
    read = ubl.read(
        document(
            [line(net, currency=currency)],
            [(("S", "20"), net, tax)],
            totals(net, net, total),
            currency=currency,
        )
    )
    assert (read.totals.total_minor, read.currency) == (minor, currency)


def test_tax_rounded_line_by_line_is_taken_as_its_seller_wrote_it():
    lines = [line("0.03"), line("0.03"), line("0.03")]  # 20 %: each 0.01 (0.006), together 0.02 (0.018)
    read = ubl.read(document(lines, [(("S", "20"), "0.09", "0.03")], totals("0.09", "0.09", "0.12")))
    assert (read.totals.tax_minor, read.totals.total_minor) == (3, 12)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"totals": totals("100.00", "100.00", "120.01")}, "BR-CO-15"),
        ({"totals": totals("100.01", "100.01", "120.01")}, "BR-CO-10"),
        ({"totals": totals("100.00", "101.00", "121.00")}, "BR-CO-13"),
        ({"totals": totals("100.00", "100.00", "120.00", "119.99")}, "BR-CO-16"),
        ({"totals": totals("100.00", "99.00", "119.00", AllowanceTotalAmount="1.00")}, "BR-CO-11"),
        ({"totals": totals("100.00", "101.00", "121.00", ChargeTotalAmount="1.00")}, "BR-CO-12"),
        (
            {"taxes": [(("S", "20"), "100.00", "21.50")], "totals": totals("100.00", "100.00", "121.50")},
            "BR-CO-17",
        ),
        (
            {"taxes": [(("S", "20"), "90.00", "18.00")], "totals": totals("100.00", "100.00", "118.00")},
            "BR-S-08",
        ),
    ],
)
def test_figures_that_contradict_each_other_are_refused_by_rule(changes, rule):
    with pytest.raises(rules.TotalsDisagree) as refused:
        ubl.read(simple(**changes))
    assert refused.value.facts["rule"] == rule
    assert rule in str(refused.value)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (b"<cbc:ID>N-1</cbc:ID>", b"", "missing_field"),
        (b"<cbc:IssueDate>2026-03-01</cbc:IssueDate>", b"", "missing_field"),
        (b"2026-03-01", b"2026-02-30", "malformed_field"),
        (b"2026-03-01", b"01.03.2026", "malformed_field"),
        (b">Buyer<", b"><", "missing_field"),
        (b'currencyID="EUR">120.00', b'currencyID="USD">120.00', "currency_mismatch"),
        (b">EUR</cbc:DocumentCurrencyCode>", b">XXX</cbc:DocumentCurrencyCode>", "unknown_currency"),
        (b">120.00<", b">1.2E2<", "malformed_field"),
        (b">120.00<", b">120.001<", "amount_too_precise"),
        (b">120.00<", b">NaN<", "malformed_field"),
        (b"<cbc:Percent>20", b"<cbc:Percent>0", "percentage_not_allowed"),
        (b"</Invoice>", b"", "not_xml"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(before, after, code):
    whole = simple()
    assert before in whole
    with pytest.raises(Refusal) as refused:
        ubl.read(whole.replace(before, after))
    assert refused.value.code == code


BOMB = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "lol" * 10}">' for i in range(10))


@pytest.mark.parametrize(
    ("prolog", "body", "refusal"),
    [
        (f"<!DOCTYPE Invoice [{BOMB}]>", "&l9;", xml.EntityRefused),
        ('<!DOCTYPE Invoice [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;", xml.ExternalEntityRefused),
        (
            '<!DOCTYPE Invoice [<!ENTITY % p SYSTEM "http://127.0.0.1/p.dtd"> %p;]>',
            "",
            xml.ExternalEntityRefused,
        ),
        ('<!DOCTYPE Invoice SYSTEM "http://127.0.0.1/i.dtd">', "", xml.ExternalEntityRefused),
        ("<!DOCTYPE Invoice>", "", xml.DocumentTypeRefused),
        ("<!DOCTYPE Invoice [<!ELEMENT Invoice ANY>]>", "", xml.DocumentTypeRefused),
        ("", "&undeclared;", xml.NotXml),
        ("", "<a>" * 100 + "</a>" * 100, xml.TooLarge),
    ],
)
def test_hostile_xml_is_refused_by_name(prolog, body, refusal):
    with pytest.raises(refusal) as refused:
        xml.parse(f"<?xml version='1.0'?>{prolog}<Invoice>{body}</Invoice>".encode())
    assert type(refused.value) is refusal


def test_a_file_too_large_to_be_an_invoice_is_not_even_read():
    with pytest.raises(xml.TooLarge):
        xml.parse(b"<" * (xml.MAX_BYTES + 1))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_the_encodings_of_xml_are_understood(encoding):
    assert xml.parse(f"<?xml version='1.0' encoding='{encoding}'?><a>ä</a>".encode(encoding)).text == "ä"


def test_an_unknown_encoding_is_refused():
    with pytest.raises(xml.NotXml):
        xml.parse(b"<?xml version='1.0' encoding='ebcdic-xx'?><a/>")


def test_parties_and_references_are_kept():
    read = ubl.read((FOLDER / "en16931/ubl-tc434-example5.xml").read_bytes())
    assert read.seller.identity == "tax:NL16356706"
    assert (read.buyer.name, read.buyer.tax_id) == ("Buyercompany ltd", "DK16356607")
    assert read.buyer.address["country"] == "DK"
    assert (read.issued_on, read.due_on) == (date(2013, 4, 10), date(2013, 5, 10))
    assert read.references["buyer_reference"] == "qwerty"
    assert read.references["order"] == "PO4711"
    assert money.from_minor(read.totals.prepaid_minor, "DKK") == Decimal("2337.50")
