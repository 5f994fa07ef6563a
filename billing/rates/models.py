"""Rates by day. Rows are inserted and never change: a later one for the same day takes an earlier one's place."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantModel


class ExchangeRate(TenantModel):
    """How many units of one currency a unit of another was worth on a day."""

    class Source(models.TextChoices):
        """Typed by somebody, or read from a file of the European Central Bank's reference rates."""

        MANUAL = "manual"
        ECB = "ecb"

    valid_on = models.DateField()
    from_currency = models.CharField(max_length=3)
    to_currency = models.CharField(max_length=3)
    rate = models.DecimalField(max_digits=24, decimal_places=12)
    source = models.CharField(max_length=8, choices=Source)
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="valuing what is owed and paid in foreign currencies",
        retention="10 years after the fiscal year",
        legal_basis="commercial and tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "valid_on": FieldClass.TIME,
            "from_currency": FieldClass.STATE,
            "to_currency": FieldClass.STATE,
            "rate": FieldClass.MONEY,
            "source": FieldClass.STATE,
            "created_by": FieldClass.IDENTIFIER,
            "created_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Found by pair and day, the latest entry first."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(rate__gt=0) & ~models.Q(from_currency=models.F("to_currency")),
                name="billing_exchangerate_sane",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "from_currency", "to_currency", "-valid_on", "-id"],
                name="billing_exchangerate_pair",
            ),
            models.Index(fields=["tenant", "-valid_on", "-id"], name="billing_exchangerate_day"),
        ]
