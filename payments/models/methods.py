"""Saved payment methods (a token, never a number) and what a customer allowed us to collect with one."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from payments.models.accounts import GatewayAccount
from tenancy.models import TenantModel


class PaymentMethod(TenantModel):
    """A card or bank account at the provider: its token, brand, last four digits and expiry. Nothing else is here."""

    class Kind(models.TextChoices):
        """What it is."""

        CARD = "card"
        SEPA_DEBIT = "sepa_debit"

    class State(models.TextChoices):
        """A removed one stays named on what it paid."""

        ACTIVE = "active"
        REMOVED = "removed"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    account = models.ForeignKey(
        GatewayAccount, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    reference = models.CharField(max_length=80)
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    is_default = models.BooleanField(default=False)
    brand = models.CharField(max_length=20)
    last4 = models.CharField(max_length=4)
    expires_month = models.PositiveSmallIntegerField(null=True)
    expires_year = models.PositiveSmallIntegerField(null=True)
    # The words that were agreed to when it was saved, as they stood there.
    mandate_text = EncryptedTextField(purpose="documents", null=True)
    agreed_at = models.DateTimeField()
    agreed_by = models.UUIDField(null=True)
    removed_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="charging a method that the customer saved",
        retention="until removed, then as long as the payments made with it",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "account", "reference", "agreed_by"], FieldClass.IDENTIFIER
            ),
            **dict.fromkeys(["kind", "state", "is_default", "brand", "last4"], FieldClass.STATE),
            **dict.fromkeys(["expires_month", "expires_year"], FieldClass.TECHNICAL),
            "mandate_text": FieldClass.CONTENT,
            **dict.fromkeys(["agreed_at", "removed_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """A token is here once, and one method is the usual one."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "account", "reference"], name="payments_paymentmethod_once"
            ),
            models.UniqueConstraint(
                fields=["tenant", "customer"],
                condition=Q(is_default=True, state="active"),
                name="payments_paymentmethod_default",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "customer"], name="payments_paymentmethod_list")]


class Autopay(TenantModel):
    """A customer's standing permission: this method, up to this much an invoice, told this many days before."""

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    payment_method = models.ForeignKey(
        PaymentMethod, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    currency = models.CharField(max_length=3)
    limit_minor = models.BigIntegerField()
    notice_days = models.PositiveSmallIntegerField(default=3)
    mandate_text = EncryptedTextField(purpose="documents")
    agreed_at = models.DateTimeField()
    agreed_by = models.UUIDField()
    ended_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="collecting invoices as the customer agreed",
        retention="3 years after it ended",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "payment_method", "agreed_by"], FieldClass.IDENTIFIER
            ),
            "currency": FieldClass.STATE,
            "limit_minor": FieldClass.MONEY,
            "notice_days": FieldClass.TECHNICAL,
            "mandate_text": FieldClass.CONTENT,
            **dict.fromkeys(["agreed_at", "ended_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """One that has not ended, a customer and currency."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "customer", "currency"],
                condition=Q(ended_at__isnull=True),
                name="payments_autopay_one",
            ),
            models.CheckConstraint(condition=Q(limit_minor__gt=0), name="payments_autopay_limit"),
        ]


class AutopayRun(TenantModel):
    """One invoice that autopay announced: charged once, or left alone and why. Its key makes running twice harmless."""

    class State(models.TextChoices):
        """Announced to the customer, then charged or left alone."""

        ANNOUNCED = "announced"
        CHARGED = "charged"
        SKIPPED = "skipped"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    autopay = models.ForeignKey(
        Autopay, models.PROTECT, db_constraint=False, db_index=False, related_name="runs"
    )
    # What it was charged with; payments know their methods, not the other way round.
    payment_id = models.UUIDField(null=True)
    state = models.CharField(max_length=16, choices=State)
    reason_code = models.CharField(max_length=40, blank=True, default="")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    charge_on = models.DateField()
    announced_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="collecting invoices as the customer agreed, each once",
        retention="10 years after the fiscal year",
        legal_basis="commercial and tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "invoice", "autopay", "payment_id"], FieldClass.IDENTIFIER
            ),
            **dict.fromkeys(["state", "reason_code", "currency"], FieldClass.STATE),
            "amount_minor": FieldClass.MONEY,
            **dict.fromkeys(["charge_on", "announced_at", "updated_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Once an invoice, whatever runs twice (a unique key)."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "invoice"], name="payments_autopayrun_once"),
            models.CheckConstraint(
                condition=Q(state__in=["announced", "charged", "skipped"], amount_minor__gt=0),
                name="payments_autopayrun_sane",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "charge_on"],
                condition=Q(state="announced"),
                name="payments_autopayrun_due",
            )
        ]
