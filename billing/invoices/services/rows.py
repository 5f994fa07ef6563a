"""What drafting and finalizing share: the locked row, its share of the tallies, its taxes as rows."""

from datetime import date
from uuid import UUID

from billing.invoices import rules
from billing.invoices.models import Invoice, InvoiceTax
from billing.invoices.queries import due_minor
from billing.tallies import services as tallies
from core import days
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
        payment_status=invoice.payment_status if invoice.status == Invoice.Status.FINALIZED else "",
        currency=invoice.currency,
        total_minor=invoice.total_minor,
        due_minor=due_minor(invoice),
    )


def tell(invoice: Invoice, what: str) -> None:
    """Publish what happened to an invoice, such as `finalized`, with its state and amounts as they now are."""
    webhooks.publish(
        type=f"invoice.{what}",
        subject=("invoice", invoice.pk),
        data={
            "customer": invoice.customer_id,
            "status": invoice.status,
            "payment_status": invoice.payment_status,
            "currency": invoice.currency,
            "total_minor": invoice.total_minor,
            "amount_due_minor": due_minor(invoice),
            "amount_paid_minor": invoice.amount_paid_minor + invoice.prepaid_minor,
            "issued_on": invoice.issued_on,
            "due_on": invoice.due_on,
        },
    )


def locked(invoice_id: UUID) -> Invoice:
    """Lock an invoice and load it with its customer. Raises NotFound."""
    # NO KEY: foreign keys to this row need not wait; whoever changes its parts must (schema.sql).
    rows = Invoice.objects.select_related("customer").select_for_update(of=("self",), no_key=True)
    invoice: Invoice | None = only(rows.filter(pk=invoice_id))
    if invoice is None:
        raise NotFound
    return invoice


def locked_draft(invoice_id: UUID) -> Invoice:
    """Lock a draft, or refuse it as `locked` does or because it is none."""
    invoice = locked(invoice_id)
    if invoice.status != Invoice.Status.DRAFT:
        raise InvoiceNotDraft
    return invoice


def check_days(issued_on: date | None, due_on: date | None) -> None:
    """Refuse days that nobody reckons with (DayOutOfRange), or in the wrong order (DueBeforeIssued)."""
    days.check(issued_on, field="issued_on")
    days.check(due_on, field="due_on")
    if issued_on is not None and due_on is not None and due_on < issued_on:
        raise DueBeforeIssued(field="due_on")


def taxes_of(invoice: Invoice, totals: rules.Totals) -> list[InvoiceTax]:
    """Make the rows of a document's taxes; nothing is stored."""
    return [
        InvoiceTax(
            invoice=invoice,
            customer_id=invoice.customer_id,
            category=item.rate.category,
            percentage=item.rate.percentage,
            base_minor=item.base_minor,
            tax_minor=item.tax_minor,
        )
        for item in totals.taxes
    ]
