"""What drafting and finalizing share: the locked row, its share of the tallies, its lines and taxes as rows."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from billing.invoices import pricing
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.queries import LOST, due_minor, with_twin
from billing.invoices.rules import LineInput
from billing.tallies import services as tallies
from billing.tax import rules as tax
from core import days, money
from core.errors import Conflict, NotFound, Refusal
from outbound.webhooks import services as webhooks
from tenancy.models import only


class InvoiceNotDraft(Conflict):
    """Only a draft can be changed or finalized."""

    code = "invoice_not_draft"


class DueBeforeIssued(Refusal):
    """An invoice cannot be due before it is issued."""

    code = "due_before_issued"


def change_of(invoice: Invoice) -> tallies.Change:
    """Return what an invoice adds to the tallies as it stands."""
    return tallies.Change(
        noun="invoice",
        state=invoice.status,
        payment_status=_paid_as(invoice),
        currency=invoice.currency,
        day=invoice.due_on if _is_open(invoice) else None,
        total_minor=invoice.total_minor + invoice.rounding_minor,
        due_minor=due_minor(invoice),
    )


def _is_open(invoice: Invoice) -> bool:
    final = invoice.status == Invoice.Status.FINALIZED
    return final and invoice.payment_status != Invoice.PaymentStatus.PAID and due_minor(invoice) > 0


def _paid_as(invoice: Invoice) -> str:
    if invoice.status != Invoice.Status.FINALIZED:
        return ""
    if invoice.written_off_minor and due_minor(invoice) <= 0:
        return LOST
    return str(invoice.payment_status)


def tell(invoice: Invoice, what: str) -> None:
    """Publish what happened to an invoice, such as `finalized`, with its state and amounts as they now are."""
    data = {"customer": invoice.customer_id, **news_of(invoice)}
    webhooks.publish(type=f"invoice.{what}", subject=("invoice", invoice.pk), data=data)


def news_of(invoice: Invoice) -> dict[str, Any]:
    """Return the state and amounts of an invoice as an event tells them, its customer apart."""
    return {
        "status": invoice.status,
        "payment_status": invoice.payment_status,
        "currency": invoice.currency,
        "total_minor": invoice.total_minor,
        "amount_due_minor": due_minor(invoice),
        "amount_paid_minor": invoice.amount_paid_minor + invoice.prepaid_minor,
        "credited_minor": invoice.credited_minor,
        "written_off_minor": invoice.written_off_minor,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
    }


def locked(invoice_id: UUID) -> Invoice:
    """Lock an invoice and load it with its customer. Raises NotFound."""
    # NO KEY: foreign keys to this row need not wait; whoever changes its parts must (schema.sql).
    rows = Invoice.objects.select_related("customer").select_for_update(of=("self",), no_key=True)
    invoice: Invoice | None = only(with_twin(rows.filter(pk=invoice_id)))
    if invoice is None:
        raise NotFound
    return invoice


def locked_draft(invoice_id: UUID) -> Invoice:
    """Lock a draft, or refuse it as `locked` does or because it is none."""
    invoice = locked(invoice_id)
    if invoice.status != Invoice.Status.DRAFT:
        raise InvoiceNotDraft
    return invoice


def check_days(issued_on: date | None, due_on: date | None, *, at: datetime | None) -> None:
    """Refuse days that nobody reckons with (DayOutOfRange), or in the wrong order (DueBeforeIssued).

    `at` is when somebody wrote the first of them: it lies about there (DayTooFar). None: it stood there before.
    """
    if at is not None:
        days.check_near(issued_on, today=at.date(), field="issued_on")
    days.check(due_on, field="due_on")
    if issued_on is not None and due_on is not None and due_on < issued_on:
        raise DueBeforeIssued(field="due_on")


def parts_of(invoice: Invoice, bill: pricing.Bill) -> tuple[list[InvoiceLine], list[InvoiceTax]]:
    """Make the rows of a document's lines and taxes; nothing is stored."""
    lines = [_line(invoice, position, item) for position, item in enumerate(bill.lines, start=1)]
    return lines, taxes_of(invoice, bill.totals.taxes)


def _line(invoice: Invoice, position: int, item: pricing.Priced) -> InvoiceLine:
    taxes = item.taxes(invoice.currency)
    named = [
        {"name": part.name, "percentage": str(part.percentage), "tax_exact": str(tax.plain(exact))}
        for part, exact in taxes
        if part.name
    ]
    return InvoiceLine(
        invoice=invoice,
        customer_id=invoice.customer_id,
        tax_rate_id=item.tax_rate_id,
        position=position,
        kind=item.kind,
        description=item.description,
        quantity=item.quantity,
        unit_code=item.unit_code,
        unit_amount=item.unit_amount,
        net_exact=item.net_exact,
        net_minor=item.net_minor,
        gross_minor=item.gross_minor,
        tax_category=item.rate.category,
        tax_percentage=item.rate.percentage,
        tax_exact=money.add(*(exact for _, exact in taxes)),
        tax_components=named or None,
        price_id=item.price_id,
        period_from=item.period_from,
        period_to=item.period_to,
        deducts_id=item.deducts_id,
        adjustments=list(item.adjustments) or None,
    )


def taxes_of(invoice: Invoice, taxes: Iterable[tax.AppliedTax]) -> list[InvoiceTax]:
    """Make the rows of a document's taxes; nothing is stored."""
    return [
        InvoiceTax(
            invoice=invoice,
            customer_id=invoice.customer_id,
            category=item.rate.category,
            percentage=item.rate.percentage,
            name=item.name,
            base_minor=item.base_minor,
            tax_minor=item.tax_minor,
            tax_exact=item.exact.quantize(pricing.EXACT, context=money.EXACT),
            reason=item.rate.reason or None,
            reason_code=item.rate.reason_code,
        )
        for item in taxes
    ]


def asked(kept: Iterable[Any], currency: str) -> list[LineInput]:
    """Return kept lines, of an invoice or a quote, as somebody asked for them."""
    return [
        LineInput(
            description=line.description,
            unit_amount=line.unit_amount,
            quantity=line.quantity,
            tax_rate_id=line.tax_rate_id,
            unit_code=line.unit_code,
            price_id=line.price_id,
            period_from=line.period_from,
            period_to=line.period_to,
            discount=pricing.asked_discount(line.adjustments[0]) if line.adjustments else None,
            tax_inclusive=line.gross_minor is not None,
            deducts_id=getattr(line, "deducts_id", None),
            settled=pricing.settled_of(line, currency),
        )
        for line in kept
        if line.kind == pricing.ITEM
    ]
