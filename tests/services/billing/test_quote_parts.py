"""Deposits, progress invoices and the final invoice of a quote: together what was offered, by rate, to the cent."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.creditnotes import queries as notes
from billing.creditnotes import services as credit_notes
from billing.documents import making, papers
from billing.documents.einvoice import incoming
from billing.invoices import deductions, explanation, queries
from billing.invoices import services as invoices
from billing.invoices.models import Invoice, InvoiceTax
from billing.invoices.rules import Discount
from billing.issuer import services as issuers
from billing.ledger import queries as ledger
from billing.quotes import parts, progress, services
from billing.quotes.models import Quote
from billing.reports import statements
from core.errors import Invalid
from tests.make import bank
from tests.make import billing as make
from tests.services.billing.documents.test_archive import BUYER, SELLER

DEPOSITS = "customer_deposits"


@pytest.fixture
def rates(in_a):
    return make.tax_rate("19"), make.tax_rate("7", code="reduced")


def agreed(rates, *, of=None, amounts=("1000.01", "333.33"), discounts=()):
    full, reduced = rates
    made = services.create(
        customer_id=(of or make.customer()).pk,
        lines=[
            make.line(amounts[0], rate=full, text="Roof"),
            make.line(amounts[1], quantity="3", rate=reduced, text="Plants"),
        ],
        discounts=discounts,
        currency="EUR",
        actor=make.ACTOR,
        at=make.AT,
    )
    services.open_quote(quote_id=made.pk, actor=make.ACTOR, at=make.AT)
    return services.accept(quote_id=made.pk, actor=make.ACTOR, at=make.AT)


def part(quote, role="deposit", **values):
    return progress.bill_part(quote_id=quote.pk, role=role, actor=make.ACTOR, at=make.AT, **values)


def billed(quote, role="deposit", **values):
    return make.finalize(part(quote, role, **values).pk)


def final(quote):
    return services.convert(quote_id=quote.pk, actor=make.ACTOR, at=make.AT)


def balance(account: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(amount_minor), 0) FROM billing_ledgerentry WHERE account = %s", [account]
        )
        return int(cursor.fetchone()[0])


def by_rate(invoice_ids) -> dict:
    sums: dict = {}
    for category, percentage, base, tax in InvoiceTax.objects.filter(invoice_id__in=invoice_ids).values_list(
        "category", "percentage", "base_minor", "tax_minor"
    ):
        net, charged = sums.get((category, percentage.normalize()), (0, 0))
        sums[category, percentage.normalize()] = net + base, charged + tax
    return sums


def offered(quote) -> dict:
    return {
        (tax["category"], Decimal(tax["percentage"]).normalize()): (tax["base_minor"], tax["tax_minor"])
        for tax in quote.taxes
    }


def test_a_deposit_a_part_and_the_rest_come_to_the_quote(rates) -> None:
    quote = agreed(rates, discounts=[Discount(percentage=Decimal("2.5"), reason="Spring")])
    deposit = billed(quote, percentage=Decimal(30))
    assert deposit.total_minor == round(quote.total_minor * 0.3)
    assert (deposit.role, deposit.quote_id) == ("deposit", quote.pk)
    assert balance(DEPOSITS) == -deposit.subtotal_minor
    assert balance("revenue") == 0
    half = billed(quote, "progress", amount_minor=50_000)
    assert (half.total_minor, balance("revenue")) == (50_000, -half.subtotal_minor)
    rest = final(Quote.objects.get(pk=quote.pk))
    assert rest.role == "final"
    done = make.finalize(rest.pk)
    assert done.total_minor == quote.total_minor - deposit.total_minor - 50_000
    assert by_rate([deposit.pk, half.pk, done.pk]) == offered(quote)
    assert balance(DEPOSITS) == 0
    assert balance("revenue") == -quote.subtotal_minor
    assert balance("tax") == -quote.tax_minor
    assert explanation.explain(queries.get(done.pk)).holds
    assert queries.content_is_intact(done.pk)
    assert ledger.check() == []
    assert parts.standing_of(quote.pk).left_minor == 0
    assert "quote.part_billed" in _events(quote.pk)
    # A piece of the final invoice is credited of what it bills itself; what was paid ahead stays used up.
    note = credit(done, credit_notes.Wanted(amount_minor=5_000))
    assert balance(DEPOSITS) == 0
    assert balance("revenue") == note.subtotal_minor - quote.subtotal_minor
    assert ledger.check() == []
    account = statements.statement(
        customer_id=quote.customer_id, currency="EUR", since=make.AT.date(), until=make.AT.date()
    )
    assert [abs(row.amount_minor) for row in account.rows] == [row.moved_minor for row in account.rows]
    assert account.closing_minor == quote.total_minor - 5_000
    assert parts.standing_of(quote.pk).left_minor == 0
    credit(done)
    assert balance(DEPOSITS) == -deposit.subtotal_minor
    assert ledger.check() == []


def _events(subject) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT event FROM audit_event WHERE subject_id = %s", [str(subject)])
        return [row[0] for row in cursor.fetchall()]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.tuples(st.integers(1, 999_999), st.integers(1, 99_999)),
    st.lists(st.tuples(st.sampled_from(["deposit", "progress"]), st.integers(1, 60)), min_size=1, max_size=4),
)
def test_whatever_the_parts_each_rate_comes_to_what_was_offered(rates, amounts, steps) -> None:
    quote = agreed(rates, amounts=tuple(str(Decimal(minor).scaleb(-2)) for minor in amounts))
    made = []
    for role, percent in steps:
        try:
            with transaction.atomic():
                made.append(billed(quote, role, percentage=Decimal(percent)).pk)
        except (progress.ExceedsQuote, Invalid):
            continue
    done = make.finalize(final(quote).pk)
    assert by_rate([*made, done.pk]) == offered(quote)
    assert done.total_minor == quote.total_minor - sum(
        Invoice.objects.filter(pk__in=made).values_list("total_minor", flat=True)
    )
    assert balance(DEPOSITS) == 0
    assert ledger.check() == []


def test_what_is_more_than_the_quote_or_too_early_or_too_late_is_refused(rates) -> None:
    quote = agreed(rates)
    draft = part(quote, percentage=Decimal(60))
    with pytest.raises(progress.ExceedsQuote, match="is left"), transaction.atomic():
        part(quote, percentage=Decimal("40.1"))
    with pytest.raises(parts.PartsAreDrafts), transaction.atomic():
        final(quote)
    with pytest.raises(services.QuoteConverted), transaction.atomic():
        services.cancel(quote_id=quote.pk, actor=make.ACTOR, at=make.AT)
    with pytest.raises(invoices.QuotedContentFixed), transaction.atomic():
        invoices.update_draft(
            invoice_id=draft.pk, changes={"lines": [make.line("1")]}, actor=make.ACTOR, at=make.AT
        )
    invoices.update_draft(
        invoice_id=draft.pk, changes={"due_on": date(2026, 4, 1)}, actor=make.ACTOR, at=make.AT
    )
    for wrong in (
        {},
        {"percentage": Decimal(0)},
        {"amount_minor": -5},
        {"percentage": Decimal(1), "amount_minor": 1},
    ):
        with pytest.raises(Invalid), transaction.atomic():
            part(quote, **wrong)
    make.finalize(draft.pk)
    assert Invoice.objects.filter(quote_id=quote.pk).count() == 1
    final(quote)
    with pytest.raises(services.QuoteConverted), transaction.atomic():
        part(quote, percentage=Decimal(1))
    assert Quote.objects.get(pk=quote.pk).status == "accepted"


def test_a_part_that_changed_is_not_taken_off_twice_or_wrongly(rates) -> None:
    quote = agreed(rates)
    deposit, whole = billed(quote, percentage=Decimal(50)), billed(quote, "progress", percentage=Decimal(10))
    rest = final(quote)
    credit(deposit, credit_notes.Wanted(amount_minor=10_000))
    assert balance(DEPOSITS) == -sum(net for net, _ in deductions.charged([deposit.pk])[deposit.pk].values())
    with pytest.raises(deductions.DeductionsChanged), transaction.atomic():
        make.finalize(rest.pk)
    invoices.discard_draft(invoice_id=rest.pk, actor=make.ACTOR, at=make.AT)
    done = make.finalize(final(Quote.objects.get(pk=quote.pk)).pk)
    assert done.total_minor == quote.total_minor - deposit.total_minor - whole.total_minor + 10_000
    with pytest.raises(deductions.InvoiceDeducted), transaction.atomic():
        make.void(whole.pk)
    with pytest.raises(deductions.InvoiceDeducted), transaction.atomic():
        credit(deposit)
    assert Invoice.objects.get(pk=deposit.pk).noted_minor == 10_000
    assert Invoice.objects.get(pk=whole.pk).status == "finalized"
    # The final invoice taken back owes the deposit again, which can then go back too.
    credit(done)
    assert balance("revenue") == -whole.subtotal_minor
    credit(deposit)
    make.void(whole.pk)
    assert [balance(each) for each in (DEPOSITS, "revenue", "tax", "receivable")] == [0, 0, 0, 0]
    assert ledger.check() == []


def credit(invoice, wanted=None):
    return credit_notes.issue(invoice_id=invoice.pk, wanted=wanted, actor=make.ACTOR, at=make.AT)


def test_a_german_part_says_its_share_in_german(rates) -> None:
    quote = agreed(rates, of=make.customer(language="de"))
    texts = [row.description for row in part(quote, percentage=Decimal("33.5")).lines.all()]
    assert texts[0] == f"Anzahlung auf Angebot {quote.number}: 33,5 %"


def test_a_voided_deposit_is_not_taken_off(rates) -> None:
    quote = agreed(rates)
    make.void(billed(quote, percentage=Decimal(50)).pk)
    assert balance(DEPOSITS) == 0
    whole = final(quote)
    assert (whole.total_minor, whole.role) == (quote.total_minor, "")
    assert ledger.check() == []


def test_deposit_and_final_invoice_are_valid_for_programs_and_name_each_other(rates) -> None:
    issuers.set_issuer(**SELLER, actor=make.ACTOR, at=make.AT)
    bank.set_first(make.AT)
    quote = agreed(rates, of=make.customer("Stadt Kiel", language="de", **BUYER))
    first, second = billed(quote, percentage=Decimal(20)), billed(quote, "progress", amount_minor=30_001)
    done = make.finalize(final(quote).pk)
    for invoice, code in ((first, "386"), (second, "326"), (done, "380")):
        found = queries.get(invoice.pk)
        for kind in ("ubl", "cii", "xrechnung", "facturx"):
            document = making.make(making.prepare(found, kind=kind, at=make.AT))
            assert [each for each in document.problems if each.is_error] == []
            if kind in ("ubl", "cii"):
                read = incoming.read(document.content)
                assert read.type_code == code
                assert read.totals.total_minor == invoice.total_minor
    assert read.references["preceding_invoice"] == f"{first.number}\n{second.number}"
    assert read.references["preceding_invoice_on"] == "2026-03-01\n2026-03-01"
    assert [line.name for line in read.lines][2:] == [
        f"Abzüglich Anzahlungsrechnung {first.number}",
        f"Abzüglich Anzahlungsrechnung {first.number}",
        f"Abzüglich Abschlagsrechnung {second.number}",
        f"Abzüglich Abschlagsrechnung {second.number}",
    ]
    titles = [papers.document_of(queries.get(each.pk), at=make.AT).title for each in (first, second, done)]
    assert titles == ["Deposit invoice", "Progress invoice", "Final invoice"]
    note = credit_notes.issue(invoice_id=done.pk, actor=make.ACTOR, at=make.AT)
    document = making.make(making.prepare(notes.get(note.pk), kind="ubl", at=make.AT))
    assert document.is_valid, document.problems
