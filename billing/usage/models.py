"""Meters, and the events they read. An event comes once and stays; what was wrong is countered by another."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.customers.models import Customer
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel


class Meter(TenantModel):
    """What is counted, and how the events of a period become one number."""

    class Aggregation(models.TextChoices):
        """Sum of the quantities, the largest, the last one, or how many different values."""

        SUM = "sum"
        MAX = "max"
        LAST = "last"
        UNIQUE = "unique"

    code = models.CharField(max_length=40)
    name = EncryptedTextField()
    aggregation = models.CharField(max_length=8, choices=Aggregation)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="counting what customers use",
        retention="as long as prices name it",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["code", "aggregation"], FieldClass.STATE),
            "name": FieldClass.CONTENT,
            "created_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """A code names one meter."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "code"], name="billing_meter_code"),
            models.CheckConstraint(
                condition=Q(aggregation__in=["sum", "max", "last", "unique"]),
                name="billing_meter_aggregation",
            ),
        ]


class UsageEvent(TenantModel):
    """Something a customer used, at a moment. The caller's key makes it arrive once."""

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    subscription = models.ForeignKey(
        "billing.Subscription", models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    meter = models.ForeignKey(Meter, models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    at = models.DateTimeField()
    quantity = models.DecimalField(max_digits=24, decimal_places=12)
    # Keyed digests: a caller's key or value may name a person, and nobody needs to read them again.
    key_digest = models.BinaryField()
    value_digest = models.BinaryField(null=True)
    recorded_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="billing what was used",
        retention="10 years after the fiscal year",
        legal_basis="commercial and tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "customer", "subscription", "meter"], FieldClass.IDENTIFIER),
            "quantity": FieldClass.MONEY,
            **dict.fromkeys(["key_digest", "value_digest"], FieldClass.HASH),
            **dict.fromkeys(["at", "recorded_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """A key comes once; a period of a subscription is read by one index."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "key_digest"], name="billing_usageevent_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "subscription", "meter", "at"], name="billing_usageevent_period")
        ]
