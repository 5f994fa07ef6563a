"""Credit notes. There are no drafts: one is issued whole, numbered and frozen, and never changes afterwards.

Amounts are above zero where the invoice's are: a credit note of 10.00 takes 10.00 back. What it takes back goes to
three places: off what is still open of its invoice (offset), to the customer's credit, and back to who paid (refund).
"""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.customers.models import Customer
from billing.invoices.models import Invoice, InvoiceLine
from billing.issuer.models import Series
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedJSONField, EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "showing what of an invoice was taken back, why and from whom"
_KEPT = "10 years after the fiscal year"
_LAW = "tax law"


class CreditNote(TenantModel):
    """One credit note of an invoice; an imported one may name an invoice that never was here."""

    class Reason(models.TextChoices):
        """Why, in one code."""

        DUPLICATED_CHARGE = "duplicated_charge"
        PRODUCT_UNSATISFACTORY = "product_unsatisfactory"
        ORDER_CHANGE = "order_change"
        ORDER_CANCELLATION = "order_cancellation"
        OTHER = "other"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="credit_notes"
    )
    series = models.ForeignKey(Series, models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    fiscal_year = models.PositiveSmallIntegerField()
    sequence = models.PositiveIntegerField()
    number = models.CharField(max_length=80)
    imported_number = models.CharField(max_length=80, null=True)  # noqa: DJ001  most were never elsewhere
    currency = models.CharField(max_length=3)
    issued_on = models.DateField()
    reason_code = models.CharField(max_length=24, choices=Reason)
    reason = EncryptedTextField(purpose="documents", null=True)
    subtotal_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    # What an imported document says was given back before (BT-113); and what rounding adds to it (BT-114).
    prepaid_minor = models.BigIntegerField(default=0)
    rounding_minor = models.BigIntegerField(default=0)
    offset_minor = models.BigIntegerField()
    credit_minor = models.BigIntegerField()
    refund_minor = models.BigIntegerField()
    seller = EncryptedJSONField(purpose="documents")
    buyer = EncryptedJSONField(purpose="documents")
    # The invoice it corrects (`invoice`, `invoice_issued_on`), and what the invoice referred to.
    references = EncryptedJSONField(purpose="documents", null=True)
    note = EncryptedTextField(purpose="documents", null=True)
    content_digest = models.BinaryField()
    line_count = models.PositiveIntegerField()
    tax_count = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()

    # Lines and taxes, when a service has just written them.
    parts: "tuple[list[CreditNoteLine], list[CreditNoteTax]] | None" = None

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "invoice", "series", "number", "imported_number"],
                FieldClass.IDENTIFIER,
            ),
            **dict.fromkeys(["fiscal_year", "sequence", "line_count", "tax_count"], FieldClass.TECHNICAL),
            **dict.fromkeys(["currency", "reason_code"], FieldClass.STATE),
            **dict.fromkeys(
                ["subtotal_minor", "tax_minor", "total_minor", "prepaid_minor", "rounding_minor"],
                FieldClass.MONEY,
            ),
            **dict.fromkeys(["offset_minor", "credit_minor", "refund_minor"], FieldClass.MONEY),
            **dict.fromkeys(["seller", "buyer"], FieldClass.PERSONAL),
            **dict.fromkeys(["reason", "references", "note"], FieldClass.CONTENT),
            "content_digest": FieldClass.HASH,
            **dict.fromkeys(["issued_on", "created_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """No gap, no twin; every cent it takes back goes somewhere; found by invoice, customer and number."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "series", "fiscal_year", "sequence"], name="billing_creditnote_sequence"
            ),
            models.UniqueConstraint(fields=["tenant", "series", "number"], name="billing_creditnote_number"),
            models.UniqueConstraint(
                fields=["tenant", "series", "imported_number"], name="billing_creditnote_imported"
            ),
            models.CheckConstraint(
                condition=Q(total_minor=F("subtotal_minor") + F("tax_minor"), total_minor__gte=0)
                & Q(offset_minor__gte=0, credit_minor__gte=0, refund_minor__gte=0, prepaid_minor__gte=0),
                name="billing_creditnote_amounts",
            ),
            models.CheckConstraint(
                condition=Q(
                    total_minor=F("offset_minor")
                    + F("credit_minor")
                    + F("refund_minor")
                    + F("prepaid_minor")
                    - F("rounding_minor")
                ),
                name="billing_creditnote_goes_somewhere",
            ),
            models.CheckConstraint(
                condition=Q(imported_number__isnull=False)
                | Q(invoice__isnull=False, prepaid_minor=0, total_minor__gt=0),
                name="billing_creditnote_of_invoice",
            ),
            models.CheckConstraint(
                condition=Q(
                    reason_code__in=[
                        "duplicated_charge",
                        "product_unsatisfactory",
                        "order_change",
                        "order_cancellation",
                        "other",
                    ]
                ),
                name="billing_creditnote_reason",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "customer", "-id"], name="billing_creditnote_customer"),
            models.Index(fields=["tenant", "invoice"], name="billing_creditnote_invoice"),
            models.Index(fields=["tenant", "number"], name="billing_creditnote_find"),
        ]


class CreditNoteLine(TenantModel):
    """What of one line of the invoice is taken back. The rounded amounts sum to the subtotal."""

    credit_note = models.ForeignKey(
        CreditNote, models.PROTECT, db_constraint=False, db_index=False, related_name="lines"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    invoice_line = models.ForeignKey(
        InvoiceLine, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=InvoiceLine.Kind, default=InvoiceLine.Kind.ITEM)
    description = EncryptedTextField(purpose="documents")
    quantity = models.DecimalField(max_digits=24, decimal_places=12)
    unit_code = models.CharField(max_length=8, blank=True, default="")
    unit_amount = models.DecimalField(max_digits=24, decimal_places=12)
    price_base_quantity = models.DecimalField(max_digits=24, decimal_places=12, default=Decimal(1))
    net_minor = models.BigIntegerField()
    tax_category = models.CharField(max_length=2)
    tax_percentage = models.DecimalField(max_digits=9, decimal_places=6)
    tax_components = models.JSONField(null=True)
    # Allowances and charges of the line with their reasons (BG-27, BG-28); the net amount includes them.
    adjustments = EncryptedJSONField(purpose="documents", null=True)
    # The days the invoice's line is for: from the first, up to but without the second.
    period_from = models.DateField(null=True)
    period_to = models.DateField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "credit_note", "customer", "invoice_line"], FieldClass.IDENTIFIER
            ),
            "position": FieldClass.TECHNICAL,
            **dict.fromkeys(["kind", "unit_code", "tax_category", "tax_components"], FieldClass.STATE),
            **dict.fromkeys(["description", "adjustments"], FieldClass.CONTENT),
            **dict.fromkeys(
                ["quantity", "unit_amount", "price_base_quantity", "net_minor", "tax_percentage"],
                FieldClass.MONEY,
            ),
            **dict.fromkeys(["period_from", "period_to"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Lines have an order, and are found by the line they take back."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "credit_note", "position"], name="billing_creditnoteline_position"
            ),
            models.CheckConstraint(
                condition=Q(price_base_quantity__gt=0) & Q(kind__in=["item", "allowance", "charge"]),
                name="billing_creditnoteline_sane",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "invoice_line"], name="billing_creditnoteline_of")
        ]


class CreditNoteTax(TenantModel):
    """The tax of one rate that a credit note takes back, frozen (EN 16931 BG-23)."""

    credit_note = models.ForeignKey(
        CreditNote, models.PROTECT, db_constraint=False, db_index=False, related_name="taxes"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    category = models.CharField(max_length=2)
    percentage = models.DecimalField(max_digits=9, decimal_places=6)
    # Which of several stacked taxes this is; empty where there is one.
    name = models.CharField(max_length=120, blank=True, default="")
    base_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    reason = EncryptedTextField(purpose="documents", null=True)
    reason_code = models.CharField(max_length=30, blank=True, default="")

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "credit_note", "customer"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["category", "name", "reason_code"], FieldClass.STATE),
            **dict.fromkeys(["percentage", "base_minor", "tax_minor"], FieldClass.MONEY),
            "reason": FieldClass.CONTENT,
        },
    )

    class Meta(TenantModel.Meta):
        """A rate stands once on a document."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "credit_note", "category", "percentage", "name"],
                name="billing_creditnotetax_once",
            )
        ]
