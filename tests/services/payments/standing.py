"""How far an invoice is paid, and what its customer has in credit."""

from billing.settlement import queries as settlement
from tests.make import payments as make


def state(invoice):
    """Return how far an invoice is paid, how much of it, and its marks."""
    invoice = make.fresh(invoice)
    return (
        invoice.payment_status,
        invoice.amount_paid_minor,
        invoice.attempts_open,
        invoice.attempts_processing,
    )


def credit(invoice):
    return settlement.credit(customer_id=invoice.customer_id).get("EUR", 0)
