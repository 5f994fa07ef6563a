"""A receipt as the document it is: which payment, of whom, to whom, and what it paid.

Reading needs the organization's scope; setting it as PDF needs nothing and wants no transaction.
"""

from datetime import date
from uuid import UUID

from django.utils import translation

from billing.bankaccounts import queries as bankaccounts
from billing.customers import queries as customers
from billing.documents import logo as logos
from billing.documents import look as looks
from billing.documents import papers, pdf
from billing.invoices import rules
from billing.invoices.models import Invoice
from billing.invoices.queries import due_minor
from billing.issuer import queries as issuers
from billing.settlement import queries as settlement
from core import ids
from core.errors import NotFound
from core.money import Money
from payments import words
from payments.models import Payment

ARRIVED = frozenset({Payment.State.SUCCEEDED, Payment.State.REVERSED})


def document_of(payment_id: UUID) -> pdf.ReceiptDocument:
    """Read what stands on the receipt of a payment that arrived.

    Raises:
        NotFound: there is no such payment, or it has not arrived.
    """
    payment = Payment.objects.filter(pk=payment_id, state__in=ARRIVED).first()
    if payment is None or payment.succeeded_at is None:
        raise NotFound
    customer, lang = customers.get(payment.customer_id), papers.language_of(payment.customer_id)
    parts: dict[UUID, int] = {}
    for row in settlement.allocations(payment_id=payment.pk):
        if not row.from_credit:
            parts[row.invoice_id] = parts.get(row.invoice_id, 0) + row.amount_minor
    invoices = {invoice.pk: invoice for invoice in Invoice.objects.filter(pk__in=parts)}
    with translation.override(lang):
        method = words.method(payment.method, payment.brand, payment.last4)
    return pdf.ReceiptDocument(
        number=number_of(payment.pk),
        at=payment.updated_at,
        seller=_seller(list(invoices.values())),
        buyer=papers.party(
            {"name": customer.name, "address": customer.address, "tax_id": customer.tax_id}, lang
        ),
        paid_on=paid_on(payment),
        amount=Money(payment.captured_minor, payment.currency),
        method=method,
        reference=payment.reference,
        invoices=tuple(
            pdf.PaidInvoice(
                number=invoices[pk].number or "",
                amount_minor=amount,
                issued_on=invoices[pk].issued_on,
                left_minor=due_minor(invoices[pk]),
            )
            for pk, amount in sorted(parts.items())
            if amount > 0
        ),
        credit_minor=max(0, payment.captured_minor - payment.reversed_minor - sum(parts.values())),
        refunded_minor=payment.refunded_minor,
        check_url=bankaccounts.check_url(),
        language=lang,
        logo=logos.current(),
        look=looks.current(),
    )


def number_of(payment_id: UUID) -> str:
    """Return the number of a payment's receipt: the payment's own."""
    return ids.encode("payment", payment_id)


def file_name(payment_id: UUID) -> str:
    """Return the name under which a receipt is saved."""
    return f"receipt-{number_of(payment_id)}.pdf"


def paid_on(payment: Payment) -> date:
    """Return the day the money arrived, where the organization is."""
    if payment.received_on is not None:
        return payment.received_on
    assert payment.succeeded_at is not None  # noqa: S101  the database holds it for what arrived
    return rules.local_day(payment.succeeded_at, issuers.time_zone())


def _seller(invoices: list[Invoice]) -> pdf.Party:
    """Name who was paid as the invoices did; the organization as it is now where nothing was paid off."""
    newest = max(invoices, key=lambda invoice: invoice.pk, default=None)
    return papers.party(newest.seller) if newest is not None and newest.seller else papers.issuer_party()
