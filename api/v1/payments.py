"""Payments: money that came by bank is recorded here; what a provider takes is read."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from api.v1 import allocations
from billing.invoices.models import Invoice
from billing.issuer import queries as issuers
from billing.settlement import services as settlement
from core import clock, ids
from core.errors import Conflict, NotFound
from edge import idempotency, recording
from edge.access import access
from payments import events, lists
from payments.lists import PaymentRow, Place
from payments.models import Payment
from payments.services import collect

REFERENCE_LENGTH, REASON_LENGTH = 140, 500
_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}


class InvoiceNotPayable(Conflict):
    """Only a finalized invoice is paid: a draft asks for nothing yet, and a void one no longer does."""

    code = "invoice_not_payable"


class NewPayment(fields.Body):
    """Money that came by bank transfer. What is more than due becomes the customer's credit."""

    invoice = fields.Id(kind="invoice")
    amount_minor = fields.Minor()
    method = fields.Choice(words=("bank_transfer",), required=False, help_text="bank_transfer if absent.")
    received_on = fields.Day(help_text="Today if absent.", **_OPTIONAL)
    reference = fields.Text(
        limit=REFERENCE_LENGTH, help_text="What the payer or the bank wrote beside it.", **_OPTIONAL
    )


class Reversal(fields.Body):
    """Why money that was recorded is gone again."""

    reason = fields.Text(limit=REASON_LENGTH, lines=True)


class ShownCard(schema.Shown):
    """What a payer knows a card or account by; nothing else of it is here."""

    brand = serializers.CharField()
    last4 = serializers.CharField()


class ShownPaymentRow(schema.Shown):
    """A payment in a list, without what its payer wrote."""

    id = fields.Id(kind="payment")
    object = serializers.ChoiceField(choices=["payment"])
    status = serializers.ChoiceField(choices=Payment.State.values)
    method = serializers.ChoiceField(choices=Payment.Method.values)
    source = serializers.ChoiceField(choices=Payment.Source.values)  # type: ignore[assignment]  # a field's name, not its source
    customer = fields.Id(kind="customer")
    invoice = fields.Id(
        kind="invoice", allow_null=True, help_text="The first of the invoices it is meant for."
    )
    currency = serializers.CharField()
    amount_minor = serializers.IntegerField()
    captured_minor = serializers.IntegerField(help_text="What came.")
    allocated_minor = serializers.IntegerField(help_text="What of it lies on invoices.")
    refunded_minor = serializers.IntegerField(help_text="What was given back, or is promised back.")
    reversed_minor = serializers.IntegerField()
    refundable_minor = serializers.IntegerField()
    card = ShownCard(allow_null=True)
    provider_reference = serializers.CharField(allow_null=True)
    failure_code = serializers.CharField(allow_null=True)
    received_on = serializers.DateField(allow_null=True)
    succeeded_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ShownPayment(ShownPaymentRow):
    """A payment."""

    reference = serializers.CharField(allow_null=True)
    credit_minor = serializers.IntegerField(help_text="What of it the customer still has in credit.")
    allocations = allocations.ShownAllocation(many=True)


def write_row(row: PaymentRow) -> dict[str, Any]:
    """Write a payment as lists show it."""
    return {
        "id": ids.encode("payment", row.id),
        "object": "payment",
        "status": row.state,
        "method": row.method,
        "source": row.source,
        "customer": ids.encode("customer", row.customer_id),
        "invoice": ids.encode("invoice", row.invoice_ids[0]) if row.invoice_ids else None,
        "currency": row.currency,
        "amount_minor": row.amount_minor,
        "captured_minor": row.captured_minor,
        "allocated_minor": row.allocated_minor,
        "refunded_minor": row.refunded_minor + row.refunding_minor,
        "reversed_minor": row.reversed_minor,
        "refundable_minor": row.refundable_minor,
        "card": {"brand": row.brand, "last4": row.last4} if row.last4 else None,
        "provider_reference": row.reference or None,
        "failure_code": row.failure_code or None,
        "received_on": row.received_on,
        "succeeded_at": row.succeeded_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def write(payment: Payment) -> dict[str, Any]:
    """Write a payment as it is shown alone."""
    (row,) = lists.payment_rows([payment], with_names=False)
    return {
        **write_row(row),
        "reference": payment.remittance or None,
        "credit_minor": settlement.credit_of(payment_id=payment.pk),
        "allocations": [allocations.write(each) for each in allocations.of_payment(payment.pk)],
    }


def load(payment_id: UUID) -> Payment:
    """Return one payment.

    Raises:
        NotFound: there is none.
    """
    payment: Payment | None = Payment.objects.filter(pk=payment_id).first()
    if payment is None:
        raise NotFound
    return payment


@idempotency.demanded
@access(get=Permission.PAYMENT_READ, post=Permission.PAYMENT_WRITE)
class Payments(Endpoint):
    """All payments."""

    listed = "payments"
    filters = frozenset({"customer", "invoice", "method", "status"})

    @schema.describe(
        "payments_list",
        "List payments",
        gives=ShownPaymentRow,
        listed=True,
        filters=[
            ("customer", "Only this customer's."),
            ("invoice", "Only those meant for this invoice, or that paid it."),
            ("method", "card, sepa_debit or bank_transfer."),
            ("status", "Only those that stand so."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of payments, newest first."""
        page, filters = self.page()
        found = lists.payments(
            place=Place(page.after, limit=page.limit), with_names=False, **self._wanted(filters)
        )
        recording.read(
            self.edge,
            events.PAYMENT_LISTED,
            subjects=[row.id for row in found.rows],
            fields=sorted(filters),
        )
        return Response(page.answer([write_row(row) for row in found.rows], found.next_after))

    def _wanted(self, filters: Mapping[str, str]) -> dict[str, Any]:
        status = self.choice(filters, "status", Payment.State.values)
        wanted: dict[str, Any] = {
            "states": [status] if status else (),
            "method": self.choice(filters, "method", Payment.Method.values) or "",
        }
        if "customer" in filters:
            wanted["customer_ids"] = [self.value("customer", fields.Id(kind="customer"), filters)]
        if "invoice" in filters:
            wanted["invoice_id"] = self.value("invoice", fields.Id(kind="invoice"), filters)
        return wanted

    @schema.describe(
        "payments_create",
        "Record a bank payment",
        takes=NewPayment,
        gives=ShownPayment,
        created=True,
        examples={
            "A transfer that pays an invoice": {
                "invoice": "inv_01h455vb4pex5vsknk084sn02q",
                "amount_minor": 12_500,
                "method": "bank_transfer",
                "received_on": "2026-11-20",
                "reference": "RF18 5390 0754 7034",
            }
        },
    )
    def post(self, request: Request) -> Response:
        """Record money that came, and put it onto its invoice as far as that is due."""
        given = self.body(NewPayment)
        invoice = Invoice.objects.filter(pk=given["invoice"]).first()
        if invoice is None:
            raise NotFound("There is no such invoice.", field="invoice")
        if invoice.status != Invoice.Status.FINALIZED:
            raise InvoiceNotPayable(field="invoice")
        payment = collect.record(
            customer_id=invoice.customer_id,
            currency=invoice.currency,
            amount_minor=given["amount_minor"],
            wanted=[(invoice.pk, given["amount_minor"])],
            method=given.get("method", "bank_transfer"),
            received_on=given.get("received_on") or clock.today(issuers.time_zone()),
            reference=given.get("reference") or "",
            source=Payment.Source.API,
            actor=self.actor,
            at=clock.now(),
        )
        return self.created(write(load(payment.pk)), "payments")


@access(get=Permission.PAYMENT_READ)
class OnePayment(Endpoint):
    """One payment."""

    @schema.describe("payments_get", "Read a payment", gives=ShownPayment)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the payment and what it paid."""
        payment = load(ids.decode("payment", pk))
        recording.read(self.edge, events.PAYMENT_READ, subject=("payment", payment.pk), fields=["remittance"])
        return self.one(write(payment))


@idempotency.demanded
@access(post=Permission.PAYMENT_WRITE)
class Reversed(Endpoint):
    """Taking a bank payment back."""

    @schema.describe("payments_reverse", "Reverse a bank payment", takes=Reversal, gives=ShownPayment)
    def post(self, request: Request, pk: str) -> Response:
        """Take the money back: because the bank did, or it was recorded by mistake. Its invoices open again."""
        payment = load(ids.decode("payment", pk))
        reason = self.body(Reversal)["reason"]
        collect.reverse(payment_id=payment.pk, reason=reason, actor=self.actor, at=clock.now())
        return self.changed(write(load(payment.pk)))
