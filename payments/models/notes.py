"""What people and pages add to a payment: words that explain a decision, and what a payer's page was asked to be."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.customers.models import Customer
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedJSONField, EncryptedTextField
from payments.models.payments import Attempt, Payment
from tenancy.models import TenantModel


class PaymentNote(TenantModel):
    """Why somebody decided something about a payment, in their words. Rows are inserted and never change."""

    class Kind(models.TextChoices):
        """What was decided."""

        REVERSED = "reversed"
        RESOLVED = "resolved"

    payment = models.ForeignKey(
        Payment, models.PROTECT, db_constraint=False, db_index=False, related_name="notes"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    text = EncryptedTextField(purpose="documents")
    written_by = models.UUIDField(null=True)
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="explaining what was decided about a payment",
        retention="10 years after the fiscal year",
        legal_basis="commercial and tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "payment", "customer", "written_by"], FieldClass.IDENTIFIER),
            "kind": FieldClass.STATE,
            "text": FieldClass.CONTENT,
            "at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Found by payment."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=["reversed", "resolved"]), name="payments_paymentnote_kinds"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "payment"], name="payments_paymentnote_payment")]


class PageAsk(TenantModel):
    """What the provider was asked for a payer's page, word for word, until the attempt ends.

    Asking again under the same key must say the same; where the payer returns to may be their link, a secret.
    """

    attempt = models.ForeignKey(
        Attempt, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    ask = EncryptedJSONField(purpose="fields")
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="asking the provider again without asking for a second page",
        retention="until the attempt ends",
        erasure=Erasure.DELETE,
        fields={
            **dict.fromkeys(["id", "tenant", "attempt", "customer"], FieldClass.IDENTIFIER),
            "ask": FieldClass.SECRET,
            "created_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One an attempt: of two who ask at once, both ask the same."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "attempt"], name="payments_pageask_one")
        ]
