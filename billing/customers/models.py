"""A customer: readable only with the organization's key and their own; erasing the latter erases them."""

from typing import ClassVar

from django.db import models

from accounts import grants
from billing.customers import rules
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import BlindIndexField, EncryptedJSONField, EncryptedTextField, SubjectKeyField
from tenancy.models import TenantModel


class Customer(TenantModel):
    """Somebody who is billed. The row's id is what the customer policy compares with."""

    class State(models.TextChoices):
        """An archived customer stays on every document and can be billed again once restored."""

        ACTIVE = "active"
        ARCHIVED = "archived"

    subject_key = SubjectKeyField(null=True)
    name = EncryptedTextField(subject="self")
    name_index = BlindIndexField(source="name", normalize=rules.normalize_name)
    email = EncryptedTextField(subject="self", null=True)
    email_index = BlindIndexField(source="email", normalize=rules.normalize_email, null=True)
    phone = EncryptedTextField(subject="self", null=True)
    address = EncryptedJSONField(subject="self", null=True)
    tax_id = EncryptedTextField(subject="self", null=True)
    tax_id_index = BlindIndexField(source="tax_id", normalize=rules.normalize_tax_id, null=True)
    reference = EncryptedTextField(subject="self", null=True)
    reference_index = BlindIndexField(source="reference", normalize=rules.normalize_reference, null=True)
    notes = EncryptedTextField(subject="self", null=True)
    metadata = EncryptedJSONField(subject="self", null=True)
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="billing the customer and reaching them about it",
        retention="while business lasts, then until the last document's statutory period ends",
        erasure=Erasure.SUBJECT_KEY,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "subject_key": FieldClass.WRAPPED_KEY,
            "name": FieldClass.PERSONAL,
            "name_index": FieldClass.BLIND_INDEX,
            "email": FieldClass.PERSONAL,
            "email_index": FieldClass.BLIND_INDEX,
            "phone": FieldClass.PERSONAL,
            "address": FieldClass.PERSONAL,
            "tax_id": FieldClass.PERSONAL,
            "tax_id_index": FieldClass.BLIND_INDEX,
            "reference": FieldClass.PERSONAL,
            "reference_index": FieldClass.BLIND_INDEX,
            "notes": FieldClass.CONTENT,
            "metadata": FieldClass.CONTENT,
            "currency": FieldClass.STATE,
            "state": FieldClass.STATE,
            "created_at": FieldClass.TIME,
            "updated_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Found by each index within the organization; a customer's own number is theirs alone."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "reference_index"], name="billing_customer_reference"),
            models.CheckConstraint(
                condition=models.Q(state__in=["active", "archived"]), name="billing_customer_state"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "email_index"], name="billing_customer_email"),
            models.Index(fields=["tenant", "tax_id_index"], name="billing_customer_tax_id"),
            models.Index(fields=["tenant", "name_index"], name="billing_customer_name"),
            models.Index(fields=["tenant", "state", "-id"], name="billing_customer_list"),
        ]


class CustomerGrant(grants.ObjectGrant):
    """One member whose role sees no customers sees this one, and its invoices, until the grant ends."""

    content_object = models.ForeignKey(
        Customer, models.CASCADE, related_name="grants", db_constraint=False, db_index=False
    )

    data_policy: ClassVar[DataPolicy] = grants.data_policy_of(
        purpose="opening one customer to a member whose role opens none", owner=Owner.CUSTOMER
    )

    class Meta(grants.ObjectGrant.Meta):
        """One grant a member and customer."""

        abstract = False
        constraints: ClassVar = [grants.one_each("billing_customergrant_one_each")]
        indexes: ClassVar = [grants.by_object("billing_customergrant_object")]
