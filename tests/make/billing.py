"""Builders of billing's records, through the ordinary services, inside the scope that is open."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from django.db import connection

from billing.customers import services as customers
from billing.customers.models import Customer
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.invoices.rules import LineInput
from billing.tax import services as tax
from billing.tax.models import TaxRate
from core.actor import Actor

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACTOR = Actor.system("tests")
EINVOICES = Path(__file__).parents[1] / "data" / "einvoices"


def customer(name: str = "Ada Lovelace", *, currency: str = "EUR", **values) -> Customer:
    """Add a customer."""
    return customers.create(name=name, currency=currency, actor=ACTOR, at=AT, **values)


def tax_rate(percentage: str = "20", *, code: str = "standard", category: str = "S") -> TaxRate:
    """Add a tax rate that has been valid for years."""
    return tax.create(
        code=code,
        name=f"VAT {percentage} %",
        category=category,
        percentage=Decimal(percentage),
        valid_from=date(2020, 1, 1),
        actor=ACTOR,
        at=AT,
    )


def line(
    amount: str = "100.00", *, quantity: str = "1", rate: TaxRate | None = None, text: str = "Work"
) -> LineInput:
    """Describe a line."""
    return LineInput(
        description=text,
        unit_amount=Decimal(amount),
        quantity=Decimal(quantity),
        tax_rate_id=None if rate is None else rate.pk,
    )


def draft(*, of: Customer | None = None, lines: list[LineInput] | None = None, **values) -> Invoice:
    """Draft an invoice over 100.00."""
    return invoices.create_draft(
        customer_id=(of or customer()).pk,
        lines=[line()] if lines is None else lines,
        actor=ACTOR,
        at=AT,
        **values,
    )


def finalized(*, of: Customer | None = None, lines: list[LineInput] | None = None, **values) -> Invoice:
    """Draft and finalize an invoice."""
    return finalize(draft(of=of, lines=lines, **values).pk)


def finalize(invoice_id: UUID) -> Invoice:
    """Finalize a draft."""
    return invoices.finalize(invoice_id=invoice_id, actor=ACTOR, at=AT)


def void(invoice_id: UUID, reason: str = "Sent to the wrong address") -> Invoice:
    """Void a finalized invoice."""
    return invoices.void(invoice_id=invoice_id, reason=reason, actor=ACTOR, at=AT)


def einvoice(name: str) -> bytes:
    """Read one of the public suites' files, such as `xrechnung/01.01a-INVOICE_ubl.xml`."""
    return (EINVOICES / name).read_bytes()


def recorded() -> list[tuple[str, str | None]]:
    """Return code and subject of every event of billing in the scope, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event, subject_id::text FROM audit_event WHERE split_part(event, '.', 1) IN "
            "('customer', 'customers', 'invoice', 'tax_rate', 'ledger', 'series') ORDER BY at, id"
        )
        return cursor.fetchall()


def events_of(subject: UUID) -> list[str]:
    """Return the codes of the events about one record, oldest first."""
    return [code for code, subject_id in recorded() if subject_id == str(subject)]
