"""A run's invoices are, column by column, those that drafting and finalizing one by one would have made."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from billing.customers.models import Customer
from billing.invoices import services as invoices
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.rules import Discount, LineInput
from billing.issuer import coins
from billing.issuer import services as issuers
from billing.ledger.models import LedgerEntry, LedgerTransaction
from billing.runs.engine import Engine, Job
from billing.runs.models import BillingRun, BillingRunChunk
from billing.runs.rules import Fact, PlannedInvoice
from core import ids
from tenancy import bulk
from tenancy.context import Scope, scope
from tests.make import billing as make

pytestmark = pytest.mark.django_db(transaction=True)
ON = date(2026, 3, 1)
# What tells two rows apart that say the same.
OWN = {"id", "invoice_id", "transaction_id", "number", "sequence", "content_digest"}


class Everything:
    """A planner whose facts nobody else knows."""

    def due(self, on, after, limit):
        return []

    def claim(self, rows, *, at):
        return []


def plain(row: Any) -> dict[str, Any]:
    """Return every column of a row in clear but those that name it."""
    return {
        field.attname: getattr(row, field.attname)
        for field in type(row)._meta.concrete_fields
        if field.attname not in OWN
    }


def whole(invoice: Invoice) -> dict[str, Any]:
    """Return an invoice with everything that belongs to it."""
    entries = LedgerEntry.objects.filter(transaction__invoice_id=invoice.pk).order_by("account")
    return {
        "invoice": plain(invoice),
        "lines": [plain(row) for row in InvoiceLine.objects.filter(invoice=invoice).order_by("position")],
        "taxes": [plain(row) for row in InvoiceTax.objects.filter(invoice=invoice).order_by("percentage")],
        "postings": [plain(row) for row in LedgerTransaction.objects.filter(invoice=invoice)],
        "entries": [plain(row) for row in entries],
    }


def plans() -> list[PlannedInvoice]:
    """Plan an invoice for each way in which one can differ."""
    rate, other = make.tax_rate("19"), make.tax_rate("7", code="reduced")
    free = make.tax_rate("0", code="reverse", category="AE")
    month = {"period_from": date(2026, 3, 1), "period_to": date(2026, 4, 1)}
    off = Discount(percentage=Decimal(10), reason="early")
    lines: list[tuple[LineInput, ...]] = [
        (make.line("100.00", rate=rate), make.line("0.333333", quantity="3", rate=other), make.line("1", rate=rate)),
        (make.line("7"), LineInput(description="A \\ of\ta\n100 % day", unit_amount=Decimal("12.5"), **month)),
        (LineInput(description="Ü €", unit_amount=Decimal("119"), tax_rate_id=rate.pk, tax_inclusive=True),),
        (LineInput(description="Less", unit_amount=Decimal("80"), discount=off),),
        (make.line("50", rate=free), make.line("50", rate=free)),
    ]  # fmt: skip
    people = [
        make.customer("Zoë “Quote” O'Neil", email="zoe@example.com", tax_id="DE136695976", reference="4711",
                      address={"line1": "1 \\ Main\nStreet", "city": "Bonn", "country": "DE"}),
        make.customer("Plain"),
    ]  # fmt: skip
    Customer.objects.filter(pk=people[1].pk).update(payment_days=None)
    fact = Fact(kind="recurring", subject_id=ids.uuid7(), period_from=ON)
    found = [
        PlannedInvoice(customer_id=people[n % 2].pk, currency="EUR", lines=one, facts=(fact,))
        for n, one in enumerate(lines)
    ]
    found.append(
        PlannedInvoice(
            customer_id=people[0].pk, currency="JPY", lines=(make.line("1000"),), facts=(fact,), note="100 % thanks",
            references={"order": "PO \\ 1"}, due_on=date(2026, 6, 1),
        )
    )  # fmt: skip
    # Rounded to the smallest coin.
    coins.round_totals(currencies=["CHF"], actor=make.ACTOR, at=make.AT)
    found.append(
        PlannedInvoice(customer_id=people[0].pk, currency="CHF", lines=(make.line("9.99"),), facts=(fact,))
    )
    return found


def test_every_column_is_as_the_services_would_have_written_it(tenant_a):
    with scope(Scope(tenant_a)):
        planned = plans()
        run = BillingRun.objects.create(on=ON, issued_on=ON, created_at=make.AT)
        one_by_one = []
        for item in planned:
            draft = invoices.create_draft(
                customer_id=item.customer_id, currency=item.currency, lines=item.lines, actor=make.ACTOR, at=make.AT,
                issued_on=ON, due_on=item.due_on, note=item.note, references=item.references,
            )  # fmt: skip
            one_by_one.append(make.finalize(draft.pk).pk)
    job = Job(run_id=run.pk, on=ON, issued_on=ON, planner=Everything(), actor=make.ACTOR)
    with bulk.role(), scope(Scope(tenant_a)):
        outcome = Engine(job).bill(planned, at=make.AT)
        assert connection.settings_dict["USER"] == "strongbox_bulk"
    assert (outcome.invoices, outcome.skipped) == (len(planned), [])
    with scope(Scope(tenant_a)):
        expected = [whole(Invoice.objects.get(pk=key)) for key in one_by_one]
        made = list(Invoice.objects.exclude(pk__in=one_by_one).order_by("sequence"))
        assert [whole(row) for row in made] == expected
        first = len(planned)
        assert [row.sequence for row in made] == [first + n for n in range(1, first + 1)]
        for row in made:
            parts = (
                list(InvoiceLine.objects.filter(invoice=row)),
                list(InvoiceTax.objects.filter(invoice=row)),
            )
            assert bytes(row.content_digest) == invoices_digest(row, *parts)
        chunks = list(
            BillingRunChunk.objects.order_by("currency").values_list("currency", "invoices", "total_minor")
        )
        totals = {"EUR": sum(row.total_minor for row in made if row.currency == "EUR"), "JPY": 1000}
        assert chunks == [("CHF", 1, 999), ("EUR", 5, totals["EUR"]), ("JPY", 1, totals["JPY"])]
        assert made[-1].amount_due_minor == 1000
        assert issuers.next_sequence(series_id=made[0].series_id, fiscal_year=2026) == 2 * first + 1
    assert timedelta(0) == timedelta(0)


def invoices_digest(invoice, lines, taxes):
    from billing.invoices import content

    return content.digest(invoice, lines, taxes)
