"""Messages about an invoice: written once, under the customer's own key."""

from typing import ClassVar

from django.db import models

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel


class InvoiceMessage(TenantModel):
    """One message. It is never changed: what was said stands."""

    class Kind(models.TextChoices):
        """A customer asks or objects; the organization answers both."""

        QUESTION = "question", "Question"
        OBJECTION = "objection", "Objection"
        ANSWER = "answer", "Answer"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    invoice = models.ForeignKey(
        Invoice, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    text = EncryptedTextField(subject="customer")
    author_id = models.UUIDField()
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="answering what a customer asks about an invoice",
        retention="10 years after the fiscal year",
        legal_basis="commercial and tax law: business letters are kept",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "customer", "invoice", "author_id"], FieldClass.IDENTIFIER),
            "kind": FieldClass.STATE,
            "text": FieldClass.CONTENT,
            "at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Found by invoice."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["question", "objection", "answer"]),
                name="billing_invoicemessage_kind",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "invoice"], name="billing_invoicemessage_of")]
