"""What comes in from outside arrives with its own totals, once, or is refused by name and leaves nothing."""

import pytest
from django.db import connection

from billing.customers import queries as customers
from billing.customers.models import Customer
from billing.imports import documents, rules, services
from billing.invoices import queries
from billing.invoices import services as invoices
from billing.invoices.models import Invoice, InvoiceLine
from billing.issuer.models import Series
from billing.ledger import queries as books
from billing.ledger.models import LedgerTransaction
from billing.tallies import queries as tallies
from core import ids
from core.cardnumbers import CardNumberRefused
from tenancy import context
from tests.make import billing as make
from tests.rules.test_billing_einvoice import TOTALS, simple

# Number and seller of these are those of another file of the suites.
REPEATED = {
    "en16931/ubl-tc434-example1.xml": "en16931/guide-example1.xml",
    "xrechnung/01.18a-INVOICE_ubl.xml": "xrechnung/01.05a-INVOICE_ubl.xml",
    "xrechnung/02.04a-INVOICE_ubl.xml": "xrechnung/02.01a-INVOICE_ubl.xml",
    "xrechnung/03.02a-INVOICE_ubl.xml": "xrechnung/01.15a-INVOICE_ubl.xml",
}
FIRST = [name for name in sorted(TOTALS) if "CII" not in name and "uncefact" not in name]


def take(data, *, finalize=False, **more):
    return documents.try_document(data=data, actor=make.ACTOR, at=make.AT, finalize=finalize, **more)


@pytest.mark.parametrize("name", sorted(TOTALS))
@pytest.mark.parametrize("finalize", [False, True], ids=["draft", "final"])
def test_every_document_arrives_with_its_own_totals(in_a, name, finalize):
    total, payable, currency = TOTALS[name]
    result = take(make.einvoice(name), finalize=finalize)
    assert (result.refused, result.total_minor, result.currency) == ([], total, currency)
    read = queries.get(result.created[0])
    assert (read.total_minor, read.amount_due_minor, read.currency) == (total, payable, currency)
    assert sum(line.net_minor for line in read.lines) == read.subtotal_minor
    assert sum(tax.tax_minor for tax in read.taxes) == read.tax_minor
    assert read.seller["name"]
    assert books.check() == []
    if finalize:
        assert (read.status, read.number) == ("finalized", read.imported_number)
        assert queries.content_is_intact(read.id) is True
        entries = LedgerTransaction.objects.get(invoice_id=read.id).entries.order_by("-account")
        posted = [(entry.account, entry.amount_minor) for entry in entries]
        assert posted == [("receivable", payable), ("opening_balance", -payable)]
    else:
        assert (read.status, read.number, LedgerTransaction.objects.count()) == ("draft", None, 0)


def test_into_one_organization_each_document_comes_once(in_a):
    made, answers = {}, {}
    for name in FIRST:
        result = take(make.einvoice(name))
        made[name] = result.created
        answers[name] = [(item.code, item.existing_id) for item in result.refused]
    refused = {name: answer for name, answer in answers.items() if answer}
    assert refused == {name: [("already_imported", made[original][0])] for name, original in REPEATED.items()}
    assert Invoice.objects.count() == 13
    again = take(make.einvoice("xrechnung/01.01a-INVOICE_ubl.xml"), finalize=True)
    assert [item.code for item in again.refused] == ["already_imported"]
    assert ids.encode("invoice", made["xrechnung/01.01a-INVOICE_ubl.xml"][0]) in again.refused[0].reason


def test_what_was_prepaid_counts_and_the_rest_is_due(in_a):
    read = queries.get(take(make.einvoice("en16931/ubl-tc434-example5.xml"), finalize=True).created[0])
    assert (read.total_minor, read.amount_paid_minor, read.amount_due_minor) == (467500, 233750, 233750)
    assert read.payment_status == "partially_paid"
    assert read.buyer["tax_id"] == "DK16356607"
    make_void = make.void(read.id)
    assert (make_void.status, books.check()) == ("voided", [])


def test_an_imported_draft_keeps_its_content_and_finalizes_later(in_a):
    key = take(make.einvoice("xrechnung/01.05a-INVOICE_ubl.xml")).created[0]
    before = queries.get(key)
    with pytest.raises(invoices.ImportedContentFixed), context.attempt():
        invoices.update_draft(invoice_id=key, changes={"lines": []}, actor=make.ACTOR, at=make.AT)
    assert queries.get(key) == before
    assert make.finalize(key).number == "PRG1502112"
    assert make.events_of(key) == ["invoice.imported", "invoice.finalized"]
    assert [t.total_minor for t in tallies.totals("invoice")] == [1055530]


def test_a_discarded_import_can_come_again(in_a):
    data = make.einvoice("xrechnung/01.01a-INVOICE_ubl.xml")
    invoices.discard_draft(invoice_id=take(data).created[0], actor=make.ACTOR, at=make.AT)
    assert take(data).refused == []


def test_buyers_become_customers_once(in_a):
    for name in ("en16931/ubl-tc434-example5.xml", "en16931/ubl-tc434-example3.xml"):
        take(make.einvoice(name))
    (row,) = customers.find(tax_id="DK 16356607")
    read = customers.get(row.id)
    assert (read.name, read.email, read.currency) == (
        "Buyercompany ltd",
        "john.hansen@buyercompany.dk",
        "DKK",
    )
    assert (read.address["city"], read.address["country"]) == ("Anytown", "DK")
    # The two buyers have one name and different tax ids.
    assert sorted(customers.get(row.id).tax_id for row in customers.find(name="buyercompany LTD")) == [
        "DK16356607",
        "NO987654321MVA",
    ]
    take(make.einvoice("en16931/ubl-tc434-example5.xml").replace(b"TOSL110", b"TOSL111"))
    assert (Customer.objects.count(), Invoice.objects.filter(customer_id=row.id).count()) == (2, 2)


def test_two_sellers_may_use_one_number(in_a):
    one = simple()
    two = one.replace(b">Seller<", b">Another seller<")
    assert [take(data, finalize=True).refused for data in (one, two)] == [[], []]
    assert [row.number for row in queries.page().rows] == ["N-1", "N-1"]
    assert Series.objects.filter(kind="imported").count() == 2


def test_a_card_number_in_a_document_is_refused_and_stored_nowhere(in_a):
    data = simple().replace(b"<cbc:Name>Thing<", b"<cbc:Name>Card 4111 1111 1111 1111<")
    with pytest.raises(CardNumberRefused) as refused, context.attempt():
        documents.import_document(data=data, actor=make.ACTOR, at=make.AT)
    assert refused.value.field == "lines/1/description"
    assert (Invoice.objects.count(), InvoiceLine.objects.count(), Customer.objects.count()) == (0, 0, 0)
    assert (Series.objects.filter(kind="imported").count(), make.recorded()) == (0, [])


def test_a_dry_run_says_what_would_happen_and_stores_nothing(in_a):
    result = take(make.einvoice("xrechnung/01.05a-INVOICE_ubl.xml"), finalize=True, dry_run=True)
    assert (result.created, result.refused, result.total_minor, result.dry_run) == ([], [], 1055530, True)
    assert (Invoice.objects.count(), Customer.objects.count(), make.recorded()) == (0, 0, [])


CSV = """name;e-mail;VAT ID;number;street;zip;city;country;notes;metadata.segment
Ada;ada@example.com;GB123;1;Street 1;SW1;London;gb;"a; b";science
;grace@example.com;;;;;;;;
Alan;alan@example.com;;1;;;;;;
Linus;not an address;;;;;;;;
Eve;;;;;;;;card 4111 1111 1111 1111;
Bob;bob@example.com;;;;;;Germany;;

Ada again;ADA@example.com;;;;;;;;
Too;many;;;;;;;;;cells
"""


def test_customers_come_in_and_every_refused_row_is_named(in_a):
    result = services.import_customers(data=CSV.encode(), actor=make.ACTOR, at=make.AT)
    assert [(item.row, item.field, item.code) for item in result.refused] == [
        (3, "name", "required"),
        (4, "reference", "already_exists"),
        (5, "email", "invalid_email"),
        (6, "notes", "card_number"),
        (7, "address/country", "invalid_country"),
        (9, "email", "already_exists"),
        (10, "", "too_many_cells"),
    ]
    assert "4111" not in str(result.refused)
    (key,) = result.created
    read = customers.get(key)
    assert (read.name, read.email, read.tax_id, read.reference) == ("Ada", "ada@example.com", "GB123", "1")
    assert read.address == {"line1": "Street 1", "postal_code": "SW1", "city": "London", "country": "GB"}
    assert (read.notes, read.metadata, read.currency) == ("a; b", {"segment": "science"}, "EUR")
    assert [code for code, _ in make.recorded()] == ["customer.created", "customers.imported"]
    again = services.import_customers(data=CSV.encode(), actor=make.ACTOR, at=make.AT)
    assert (again.created, again.refused[0].code) == ([], "already_exists")
    assert [t.count for t in tallies.totals("customer")] == [1]


def test_a_dry_run_of_customers_stores_nothing(in_a):
    result = services.import_customers(data=CSV.encode(), actor=make.ACTOR, at=make.AT, dry_run=True)
    assert (result.created, len(result.refused), Customer.objects.count()) == ([], 7, 0)
    assert make.recorded() == []


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", rules.MissingColumn),
        (b"email\nx@y.z\n", rules.MissingColumn),
        (b"name,colour\nAda,red\n", rules.UnknownColumn),
        (b"name,name\nAda,Ada\n", rules.NotACsvFile),
        (b"name\n\xff\xfe\n", rules.NotACsvFile),
        (b'name\n"Ada\n', rules.NotACsvFile),
        (b"name\nA\x00da\n", rules.NotACsvFile),
    ],
)
def test_a_file_that_is_no_customers_file_is_refused_whole(in_a, data, refusal):
    with pytest.raises(refusal), context.attempt():
        services.import_customers(data=data, actor=make.ACTOR, at=make.AT)
    assert Customer.objects.count() == 0


def test_many_customers_take_few_statements(in_a, django_assert_max_num_queries):
    data = "name,email\n" + "".join(f"Customer {n},c{n}@example.com\n" for n in range(1_000))
    with django_assert_max_num_queries(20):  # by the file, not by the row
        result = services.import_customers(data=data.encode(), actor=make.ACTOR, at=make.AT)
    assert (len(result.created), result.refused) == (1_000, [])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_event WHERE event = 'customer.created'")
        assert cursor.fetchone() == (1_000,)
