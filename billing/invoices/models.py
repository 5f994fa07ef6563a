"""Invoices. Once finalized, no business column of one can change or go: a trigger refuses it to everybody.

Sums stand in plain minor units, so that SQL can add them; what was bought, by whom and from whom is encrypted with the
organization's document key, which outlives the customer's own.
"""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Case, F, Q, Value, When

from billing.customers.models import Customer
from billing.issuer.models import Rounding, Series
from billing.issuer.rules import MOST_ROUNDED
from billing.tax.models import TaxRate
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedJSONField, EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "showing what is owed, why and by whom"
_KEPT = "10 years after the fiscal year"
_LAW = "tax law"
# What the lists add up, and what row-level security asks for: sums are then read from an index alone.
_SUMMED = ("currency", "customer_id", "total_minor", "amount_due_minor")
_COMPLETE = (
    "series", "fiscal_year", "sequence", "issued_on", "seller", "buyer", "content_digest", "finalized_at",
)  # fmt: skip


class Invoice(TenantModel):
    """One invoice: a draft, then finalized for good, perhaps voided."""

    class Status(models.TextChoices):
        """The document's own state. Overdue and disputed are derived."""

        DRAFT = "draft"
        FINALIZED = "finalized"
        VOIDED = "voided"

    class PaymentStatus(models.TextChoices):
        """How far it is paid; an axis of its own."""

        UNPAID = "unpaid"
        PARTIALLY_PAID = "partially_paid"
        PROCESSING = "processing"
        PAID = "paid"

    class Role(models.TextChoices):
        """What of a quote it bills: a part ahead of the supply, a part as work goes on, or what is left of all."""

        DEPOSIT = "deposit"
        PROGRESS = "progress"
        FINAL = "final"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="invoices"
    )
    series = models.ForeignKey(
        Series, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    fiscal_year = models.PositiveSmallIntegerField(null=True)
    sequence = models.PositiveIntegerField(null=True)
    number = models.CharField(max_length=80, null=True)  # noqa: DJ001  a draft has none, which is not an empty one
    imported_number = models.CharField(max_length=80, null=True)  # noqa: DJ001  most were never elsewhere
    # The quote it bills with others, and how; or the draft on whose total deposits are billed, itself included.
    role = models.CharField(max_length=8, choices=Role, blank=True, default="")
    quote = models.ForeignKey(
        "billing.Quote", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    plan_id = models.UUIDField(null=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    payment_status = models.CharField(max_length=16, choices=PaymentStatus, default=PaymentStatus.UNPAID)
    currency = models.CharField(max_length=3)
    # How its tax was rounded, by the policy of its series; and which rule of place of supply chose it, if one did.
    rounding = models.CharField(max_length=8, choices=Rounding, default=Rounding.DOCUMENT)
    tax_rule = models.CharField(max_length=24, blank=True, default="")
    issued_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    subtotal_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    # What an imported document says was paid before (BT-113); and what rounding added to what is to be paid (BT-114).
    prepaid_minor = models.BigIntegerField(default=0)
    rounding_minor = models.BigIntegerField(default=0)
    amount_paid_minor = models.BigIntegerField(default=0)
    # What credit notes took back in all, and what of that came off what was open; what was given up as lost.
    noted_minor = models.BigIntegerField(default=0)
    credited_minor = models.BigIntegerField(default=0)
    written_off_minor = models.BigIntegerField(default=0)
    # Payments that may still move money, those of them that are on their way, and disputes without an end.
    attempts_open = models.PositiveSmallIntegerField(default=0)
    attempts_processing = models.PositiveSmallIntegerField(default=0)
    disputes_open = models.PositiveSmallIntegerField(default=0)
    amount_due_minor = models.GeneratedField(
        expression=Case(
            When(status="voided", then=Value(0)),
            default=F("total_minor")
            + F("rounding_minor")
            - F("prepaid_minor")
            - F("amount_paid_minor")
            - F("credited_minor")
            - F("written_off_minor"),
        ),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    seller = EncryptedJSONField(purpose="documents", null=True)
    buyer = EncryptedJSONField(purpose="documents", null=True)
    references = EncryptedJSONField(purpose="documents", null=True)
    note = EncryptedTextField(purpose="documents", null=True)
    void_reason = EncryptedTextField(purpose="documents", null=True)
    content_digest = models.BinaryField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finalized_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)

    # Lines and taxes, when a service has just written or read them: whoever shows the result asks no more.
    parts: "tuple[list[InvoiceLine], list[InvoiceTax]] | None" = None

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "customer", "series"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["number", "imported_number", "quote", "plan_id"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["fiscal_year", "sequence"], FieldClass.TECHNICAL),
            **dict.fromkeys(["attempts_open", "attempts_processing", "disputes_open"], FieldClass.STATE),
            **dict.fromkeys(["status", "payment_status", "role"], FieldClass.STATE),
            **dict.fromkeys(["currency", "rounding", "tax_rule"], FieldClass.STATE),
            **dict.fromkeys(["subtotal_minor", "tax_minor", "total_minor"], FieldClass.MONEY),
            **dict.fromkeys(["prepaid_minor", "rounding_minor", "amount_paid_minor"], FieldClass.MONEY),
            **dict.fromkeys(["amount_due_minor", "noted_minor", "credited_minor"], FieldClass.MONEY),
            "written_off_minor": FieldClass.MONEY,
            **dict.fromkeys(["seller", "buyer"], FieldClass.PERSONAL),
            **dict.fromkeys(["references", "note", "void_reason"], FieldClass.CONTENT),
            "content_digest": FieldClass.HASH,
            **dict.fromkeys(["issued_on", "due_on", "created_at", "updated_at"], FieldClass.TIME),
            **dict.fromkeys(["finalized_at", "voided_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """No gap, no twin, a number exactly when it is no draft, and an index for every list there is."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "series", "fiscal_year", "sequence"], name="billing_invoice_sequence"
            ),
            models.UniqueConstraint(fields=["tenant", "series", "number"], name="billing_invoice_number"),
            models.UniqueConstraint(
                fields=["tenant", "series", "imported_number"], name="billing_invoice_imported"
            ),
            models.CheckConstraint(
                condition=Q(status="draft", number__isnull=True)
                | (~Q(status="draft") & Q(number__isnull=False)),
                name="billing_invoice_number_iff_final",
            ),
            models.CheckConstraint(
                condition=Q(status="draft", sequence__isnull=True, finalized_at__isnull=True)
                | (~Q(status="draft") & Q(**{f"{name}__isnull": False for name in _COMPLETE})),
                name="billing_invoice_complete",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "finalized", "voided"], rounding__in=["document", "line"])
                & Q(payment_status__in=["unpaid", "partially_paid", "processing", "paid"]),
                name="billing_invoice_states",
            ),
            models.CheckConstraint(
                condition=Q(status="voided", voided_at__isnull=False)
                | (~Q(status="voided") & Q(voided_at__isnull=True, void_reason__isnull=True)),
                name="billing_invoice_voided",
            ),
            models.CheckConstraint(
                condition=Q(total_minor=F("subtotal_minor") + F("tax_minor"), total_minor__gte=0)
                & Q(amount_paid_minor__gte=0, prepaid_minor__gte=0),
                name="billing_invoice_amounts",
            ),
            models.CheckConstraint(
                condition=Q(amount_paid_minor=0, credited_minor=0, written_off_minor=0)
                | Q(
                    amount_paid_minor__lte=F("total_minor")
                    + F("rounding_minor")
                    - F("prepaid_minor")
                    - F("credited_minor")
                    - F("written_off_minor")
                ),
                name="billing_invoice_not_overpaid",
            ),
            models.CheckConstraint(
                condition=Q(credited_minor__gte=0, written_off_minor__gte=0)
                & Q(noted_minor__gte=F("credited_minor") - MOST_ROUNDED)
                & Q(noted_minor__lte=F("total_minor")),
                name="billing_invoice_not_overcredited",
            ),
            models.CheckConstraint(
                condition=~Q(status="voided")
                | Q(
                    amount_paid_minor=0, attempts_open=0, disputes_open=0, noted_minor=0, written_off_minor=0
                ),
                name="billing_invoice_void_is_free",
            ),
            models.CheckConstraint(
                condition=Q(imported_number__isnull=True, prepaid_minor=0)
                | Q(imported_number__isnull=False, series__isnull=False),
                name="billing_invoice_imported_series",
            ),
            models.CheckConstraint(
                condition=Q(role="", quote__isnull=True, plan_id__isnull=True)
                | Q(role__in=["deposit", "progress", "final"], quote__isnull=False, plan_id__isnull=True)
                | Q(role__in=["deposit", "final"], quote__isnull=True, plan_id__isnull=False),
                name="billing_invoice_role",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "status", "-id"], name="billing_invoice_status"),
            models.Index(fields=["tenant", "customer", "-id"], name="billing_invoice_customer"),
            models.Index(
                fields=["tenant", "payment_status", "-id"],
                condition=Q(status="finalized"),
                name="billing_invoice_payment",
            ),
            models.Index(fields=["tenant", "number"], name="billing_invoice_find_number"),
            models.Index(
                fields=["tenant", "due_on", "id"],
                condition=Q(status="finalized") & ~Q(payment_status="paid"),
                include=_SUMMED,
                name="billing_invoice_due",
            ),
            models.Index(fields=["tenant", "due_on", "id"], include=_SUMMED, name="billing_invoice_due_any"),
            models.Index(
                fields=["tenant", "currency", "due_on"],
                condition=~Q(amount_due_minor=0) & ~Q(status="draft"),
                name="billing_invoice_owing",
            ),
            models.Index(
                fields=["tenant", "quote"], condition=Q(quote__isnull=False), name="billing_invoice_quote"
            ),
            models.Index(
                fields=["tenant", "plan_id"], condition=Q(plan_id__isnull=False), name="billing_invoice_plan"
            ),
            models.Index(fields=["tenant", "total_minor", "id"], name="billing_invoice_total"),
        ]


class InvoiceLine(TenantModel):
    """One line, or an allowance or charge of the whole document. The rounded amounts sum to the subtotal."""

    class Kind(models.TextChoices):
        """Items are numbered; allowances and charges belong to the document (BG-20, BG-21)."""

        ITEM = "item"
        ALLOWANCE = "allowance"
        CHARGE = "charge"

    invoice = models.ForeignKey(
        Invoice, models.CASCADE, db_constraint=False, db_index=False, related_name="lines"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    tax_rate = models.ForeignKey(
        TaxRate, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.ITEM)
    description = EncryptedTextField(purpose="documents")
    quantity = models.DecimalField(max_digits=24, decimal_places=12)
    unit_code = models.CharField(max_length=8, blank=True, default="")
    unit_amount = models.DecimalField(max_digits=24, decimal_places=12)
    price_base_quantity = models.DecimalField(max_digits=24, decimal_places=12, default=Decimal(1))
    # Wide enough for the exact product of quantity and price.
    net_exact = models.DecimalField(max_digits=48, decimal_places=24)
    net_minor = models.BigIntegerField()
    tax_category = models.CharField(max_length=2)
    tax_percentage = models.DecimalField(max_digits=9, decimal_places=6)
    # What was asked with the tax inside, after discounts; null where the price is without tax.
    gross_minor = models.BigIntegerField(null=True)
    # The tax of this line before any rounding, in major units; of stacked taxes also each with its name.
    tax_exact = models.DecimalField(max_digits=48, decimal_places=24, null=True)
    tax_components = models.JSONField(null=True)
    # The catalogue's price, and the days the line is for: from the first, up to but without the second.
    price_id = models.UUIDField(null=True)
    period_from = models.DateField(null=True)
    period_to = models.DateField(null=True)
    # The earlier invoice whose amount of this rate it takes off, exactly as it was taxed there.
    deducts = models.ForeignKey(
        Invoice, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    # Allowances and charges of the line with their reasons (BG-27, BG-28); the net amount includes them.
    adjustments = EncryptedJSONField(purpose="documents", null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "invoice", "customer"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["tax_rate", "price_id", "deducts"], FieldClass.IDENTIFIER),
            "position": FieldClass.TECHNICAL,
            **dict.fromkeys(["kind", "unit_code", "tax_category", "tax_components"], FieldClass.STATE),
            **dict.fromkeys(["period_from", "period_to"], FieldClass.TIME),
            **dict.fromkeys(["description", "adjustments"], FieldClass.CONTENT),
            **dict.fromkeys(
                ["quantity", "unit_amount", "price_base_quantity", "net_exact", "net_minor"], FieldClass.MONEY
            ),
            **dict.fromkeys(["gross_minor", "tax_exact", "tax_percentage"], FieldClass.MONEY),
        },
    )

    class Meta(TenantModel.Meta):
        """Lines have an order."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "invoice", "position"],
                name="billing_invoiceline_position",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(
                condition=Q(price_base_quantity__gt=0) & Q(kind__in=["item", "allowance", "charge"]),
                name="billing_invoiceline_sane",
            ),
            models.CheckConstraint(
                condition=Q(period_from__isnull=True, period_to__isnull=True)
                | Q(period_from__isnull=False, period_to__gt=F("period_from")),
                name="billing_invoiceline_period",
            ),
            models.CheckConstraint(
                condition=Q(deducts__isnull=True) | Q(kind="item", gross_minor__isnull=False),
                name="billing_invoiceline_deducts",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "deducts"],
                condition=Q(deducts__isnull=False),
                name="billing_invoiceline_less",
            )
        ]


class InvoiceTax(TenantModel):
    """The tax of one rate on one document, frozen (EN 16931 BG-23)."""

    invoice = models.ForeignKey(
        Invoice, models.CASCADE, db_constraint=False, db_index=False, related_name="taxes"
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
    # Before it was rounded, in major units; unknown of imported documents.
    tax_exact = models.DecimalField(max_digits=48, decimal_places=24, null=True)
    # Why nothing is charged: in words (BT-120), and by the list of the EU's VAT exemptions (BT-121).
    reason_code = models.CharField(max_length=30, blank=True, default="")
    reason = EncryptedTextField(purpose="documents", null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "invoice", "customer"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["category", "name", "reason_code"], FieldClass.STATE),
            **dict.fromkeys(["percentage", "base_minor", "tax_minor", "tax_exact"], FieldClass.MONEY),
            "reason": FieldClass.CONTENT,
        },
    )

    class Meta(TenantModel.Meta):
        """A rate stands once on a document; of stacked taxes each name."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "invoice", "category", "percentage", "name"], name="billing_invoicetax_once"
            )
        ]
