"""Allocations and customer credit. Rows are inserted and never change; what was wrong is countered by a new row.

A payment is known here by its id alone: billing does not know payments. Every row says which payment its money came
from, also when it went through the customer's credit, so that money taken back is taken from where it went.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_KEPT = "10 years after the fiscal year"
_LAW = "commercial and tax law"


class Allocation(TenantModel):
    """Money on an invoice; a negative row takes it off again."""

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, db_constraint=False, db_index=False, related_name="allocations"
    )
    # None: out of credit that no payment left.
    payment_id = models.UUIDField(null=True)
    from_credit = models.BooleanField(default=False)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    booked_on = models.DateField()
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="showing what paid an invoice",
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "customer", "invoice", "payment_id"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["from_credit", "currency"], FieldClass.STATE),
            "amount_minor": FieldClass.MONEY,
            **dict.fromkeys(["booked_on", "at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Found by invoice and by payment."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(amount_minor=0), name="billing_allocation_something")
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "invoice"], name="billing_allocation_invoice"),
            models.Index(fields=["tenant", "payment_id"], name="billing_allocation_payment"),
            # What was owed on a day of the past.
            models.Index(fields=["tenant", "customer", "at"], name="billing_allocation_when"),
        ]


class CreditEntry(TenantModel):
    """Money that a customer has with the organization, more (above zero) or less."""

    class Cause(models.TextChoices):
        """Why."""

        OVERPAYMENT = "overpayment"
        RELEASED = "released"
        APPLIED = "applied"
        REFUNDED = "refunded"
        REVERSED = "reversed"
        CREDIT_NOTE = "credit_note"
        EXPIRED = "expired"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    payment_id = models.UUIDField(null=True)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    cause = models.CharField(max_length=16, choices=Cause)
    # The credit note that gave it, or the rest of whose refund it is.
    credit_note_id = models.UUIDField(null=True)
    # Why it expired before its time, when a person let it.
    reason = EncryptedTextField(purpose="documents", null=True)
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="keeping what a customer has paid too much",
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "payment_id", "credit_note_id"], FieldClass.IDENTIFIER
            ),
            **dict.fromkeys(["currency", "cause"], FieldClass.STATE),
            "reason": FieldClass.CONTENT,
            "amount_minor": FieldClass.MONEY,
            "at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Found by customer and by payment."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(amount_minor=0)
                & Q(
                    cause__in=[
                        "overpayment",
                        "released",
                        "applied",
                        "refunded",
                        "reversed",
                        "credit_note",
                        "expired",
                    ]
                ),
                name="billing_creditentry_sane",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "customer", "currency"], name="billing_creditentry_customer"),
            models.Index(fields=["tenant", "payment_id"], name="billing_creditentry_payment"),
        ]


class WriteOff(TenantModel):
    """What was given up of an invoice as lost; a negative row takes it up again, because money came after all."""

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, db_constraint=False, db_index=False, related_name="write_offs"
    )
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    reason = EncryptedTextField(purpose="documents", null=True)
    # Bare ids: who asked for it, and who agreed; nobody had to up to somebody's limit.
    asked_by = models.UUIDField(null=True)
    agreed_by = models.UUIDField(null=True)
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="showing what was given up as lost, why and by whom",
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "invoice", "asked_by", "agreed_by"], FieldClass.IDENTIFIER
            ),
            "currency": FieldClass.STATE,
            "amount_minor": FieldClass.MONEY,
            "reason": FieldClass.CONTENT,
            "at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Found by invoice; what is given up has a reason."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, reason__isnull=False)
                | Q(amount_minor__lt=0, reason__isnull=True),
                name="billing_writeoff_sane",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "invoice"], name="billing_writeoff_invoice")]


class CreditBalance(TenantModel):
    """What the entries of a customer and currency sum to. Locked while it changes; never below nothing."""

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField(default=0)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="keeping what a customer has paid too much",
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "customer"], FieldClass.IDENTIFIER),
            "currency": FieldClass.STATE,
            "amount_minor": FieldClass.MONEY,
        },
    )

    class Meta(TenantModel.Meta):
        """One a customer and currency."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "customer", "currency"], name="billing_creditbalance_one"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="billing_creditbalance_positive"),
        ]
