"""A person at a customer: readable only with the organization's key and their own."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from billing.customers import rules
from billing.customers.models import Customer
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import BlindIndexField, EncryptedTextField, SubjectKeyField
from tenancy.models import TenantModel


class Contact(TenantModel):
    """Somebody who is written to about what a customer owes, each mail by a role they have."""

    class Role(models.TextChoices):
        """What somebody gets. Without anybody in a role its mail goes to the customer's own address."""

        BILLING = "billing", "Invoices"
        REMINDERS = "reminders", "Reminders"
        RECEIPTS = "receipts", "Receipts"
        STATEMENTS = "statements", "Statements of account"
        DELIVERY = "delivery", "Delivery"

    class State(models.TextChoices):
        """A former contact gets nothing; their row says who was written to."""

        ACTIVE = "active"
        FORMER = "former"

    subject_key = SubjectKeyField(null=True)
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="contacts"
    )
    name = EncryptedTextField(subject="self")
    email = EncryptedTextField(subject="self", null=True)
    email_index = BlindIndexField(source="email", normalize=rules.normalize_email, null=True)
    phone = EncryptedTextField(subject="self", null=True)
    position = EncryptedTextField(subject="self", null=True)
    roles = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    is_primary = models.BooleanField(default=False)
    language = models.CharField(max_length=2, choices=Customer.Language, blank=True, default="")
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="writing to the right person at a customer",
        retention="until they are removed, then until the customer's last document's statutory period ends",
        erasure=Erasure.SUBJECT_KEY,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "subject_key": FieldClass.WRAPPED_KEY,
            "customer": FieldClass.IDENTIFIER,
            "name": FieldClass.PERSONAL,
            "email": FieldClass.PERSONAL,
            "email_index": FieldClass.BLIND_INDEX,
            "phone": FieldClass.PERSONAL,
            "position": FieldClass.PERSONAL,
            "roles": FieldClass.STATE,
            "is_primary": FieldClass.STATE,
            "language": FieldClass.STATE,
            "state": FieldClass.STATE,
            "created_at": FieldClass.TIME,
            "updated_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Found by customer and by address; a customer has one primary contact at most."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "customer"],
                condition=models.Q(is_primary=True),
                name="billing_contact_one_primary",
            ),
            models.CheckConstraint(
                condition=models.Q(state="active") | models.Q(state="former", is_primary=False),
                name="billing_contact_state",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    roles__contained_by=["billing", "reminders", "receipts", "statements", "delivery"]
                ),
                name="billing_contact_roles",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "customer"], name="billing_contact_customer"),
            models.Index(fields=["tenant", "email_index"], name="billing_contact_email"),
        ]
