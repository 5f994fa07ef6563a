"""Quotes and their lines. A quote is changed while a draft; from its number on it stands as it was offered."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.customers.models import Customer
from billing.invoices.models import Invoice, InvoiceLine
from billing.issuer.models import Series
from billing.tax.models import TaxRate
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedJSONField, EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "showing what was offered to whom, and agreed on"
_KEPT = "10 years after the fiscal year"
_LAW = "tax law"


class Quote(TenantModel):
    """One offer to a customer, without a number until it is opened."""

    class Status(models.TextChoices):
        """A draft, an offer that stands, and its ends."""

        DRAFT = "draft"
        OPEN = "open"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        EXPIRED = "expired"
        CANCELED = "canceled"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    # The one invoice that was drafted from it; null again when that draft is discarded.
    invoice = models.ForeignKey(
        Invoice, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    series = models.ForeignKey(
        Series, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    fiscal_year = models.PositiveSmallIntegerField(null=True)
    sequence = models.PositiveIntegerField(null=True)
    number = models.CharField(max_length=80, null=True)  # noqa: DJ001  a draft has none
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    currency = models.CharField(max_length=3)
    issued_on = models.DateField(null=True)
    # The last day on which it can be accepted.
    valid_until = models.DateField(null=True)
    subtotal_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    # Each tax: category, percentage, name, base_minor, tax_minor.
    taxes = models.JSONField(default=list)
    note = EncryptedTextField(purpose="documents", null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    # Its lines, when a service has just written them.
    parts: "list[QuoteLine] | None" = None

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "invoice", "series", "number"], FieldClass.IDENTIFIER
            ),
            **dict.fromkeys(["fiscal_year", "sequence"], FieldClass.TECHNICAL),
            **dict.fromkeys(["status", "currency"], FieldClass.STATE),
            **dict.fromkeys(["subtotal_minor", "tax_minor", "total_minor", "taxes"], FieldClass.MONEY),
            "note": FieldClass.CONTENT,
            **dict.fromkeys(["issued_on", "valid_until", "created_at", "updated_at"], FieldClass.TIME),
            **dict.fromkeys(["opened_at", "ended_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """No gap, no twin, one invoice at most; found by state, customer and last day."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "series", "fiscal_year", "sequence"], name="billing_quote_sequence"
            ),
            models.UniqueConstraint(fields=["tenant", "series", "number"], name="billing_quote_number"),
            models.UniqueConstraint(fields=["tenant", "invoice"], name="billing_quote_invoice"),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "open", "accepted", "declined", "expired", "canceled"])
                & (Q(invoice__isnull=True) | Q(status="accepted")),
                name="billing_quote_states",
            ),
            models.CheckConstraint(
                condition=Q(status="draft", number__isnull=True)
                | Q(status="canceled")
                | Q(
                    status__in=["open", "accepted", "declined", "expired"],
                    number__isnull=False,
                    sequence__isnull=False,
                    issued_on__isnull=False,
                ),
                name="billing_quote_number_iff_open",
            ),
            models.CheckConstraint(
                condition=Q(total_minor=F("subtotal_minor") + F("tax_minor"), total_minor__gte=0),
                name="billing_quote_amounts",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "status", "-id"], name="billing_quote_status"),
            models.Index(fields=["tenant", "customer", "-id"], name="billing_quote_customer"),
            models.Index(
                fields=["tenant", "valid_until"], condition=Q(status="open"), name="billing_quote_due"
            ),
            models.Index(fields=["tenant", "valid_until", "id"], name="billing_quote_valid"),
            models.Index(fields=["tenant", "total_minor", "id"], name="billing_quote_total"),
        ]


class QuoteLine(TenantModel):
    """One line as it would stand on the invoice, or an allowance or charge of the whole quote."""

    quote = models.ForeignKey(
        Quote, models.CASCADE, db_constraint=False, db_index=False, related_name="lines"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    tax_rate = models.ForeignKey(
        TaxRate, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=InvoiceLine.Kind, default=InvoiceLine.Kind.ITEM)
    description = EncryptedTextField(purpose="documents")
    quantity = models.DecimalField(max_digits=24, decimal_places=12)
    unit_code = models.CharField(max_length=8, blank=True, default="")
    unit_amount = models.DecimalField(max_digits=24, decimal_places=12)
    net_exact = models.DecimalField(max_digits=48, decimal_places=24)
    net_minor = models.BigIntegerField()
    gross_minor = models.BigIntegerField(null=True)
    tax_category = models.CharField(max_length=2)
    tax_percentage = models.DecimalField(max_digits=9, decimal_places=6)
    price_id = models.UUIDField(null=True)
    period_from = models.DateField(null=True)
    period_to = models.DateField(null=True)
    adjustments = EncryptedJSONField(purpose="documents", null=True)

    # One unit is what a price is for; imported documents alone know others.
    price_base_quantity = Decimal(1)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "quote", "customer", "tax_rate", "price_id"], FieldClass.IDENTIFIER
            ),
            "position": FieldClass.TECHNICAL,
            **dict.fromkeys(["kind", "unit_code", "tax_category"], FieldClass.STATE),
            **dict.fromkeys(["period_from", "period_to"], FieldClass.TIME),
            **dict.fromkeys(["description", "adjustments"], FieldClass.CONTENT),
            **dict.fromkeys(["quantity", "unit_amount", "net_exact", "net_minor"], FieldClass.MONEY),
            **dict.fromkeys(["gross_minor", "tax_percentage"], FieldClass.MONEY),
        },
    )

    class Meta(TenantModel.Meta):
        """Lines have an order."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "quote", "position"], name="billing_quoteline_position"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["item", "allowance", "charge"]), name="billing_quoteline_kind"
            ),
        ]
