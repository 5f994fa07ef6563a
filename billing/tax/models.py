"""A tax rate is never edited: a new one supersedes it from a day on, so no document changes its meaning."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantModel


class TaxRate(TenantModel):
    """One percentage of one category, valid from a day on. Only `valid_to` is ever written again."""

    code = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    category = models.CharField(max_length=2)
    percentage = models.DecimalField(max_digits=9, decimal_places=6)
    valid_from = models.DateField()
    # The first day on which it is not valid any more (periods are half-open).
    valid_to = models.DateField(null=True)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="computing tax",
        retention="as long as documents name it",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "code": FieldClass.STATE,
            "name": FieldClass.STATE,
            "category": FieldClass.STATE,
            "percentage": FieldClass.MONEY,
            "valid_from": FieldClass.TIME,
            "valid_to": FieldClass.TIME,
            "created_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One rate of a code begins on a day, and one of a code is open."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "code", "valid_from"], name="billing_taxrate_once"),
            models.UniqueConstraint(
                fields=["tenant", "code"],
                condition=models.Q(valid_to__isnull=True),
                name="billing_taxrate_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(percentage__gte=0, percentage__lte=100), name="billing_taxrate_percentage"
            ),
            models.CheckConstraint(
                condition=models.Q(valid_to__isnull=True) | models.Q(valid_to__gte=models.F("valid_from")),
                name="billing_taxrate_period",
            ),
        ]
