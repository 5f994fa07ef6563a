"""A tax rate is never edited: a new one supersedes it from a day on, so no document changes its meaning."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantModel


class TaxRate(TenantModel):
    """One percentage of one category, valid from a day on. Only `valid_to` is ever written again."""

    class Kind(models.TextChoices):
        """Which of its country's rates it is. A group is several taxes on one line."""

        STANDARD = "standard"
        REDUCED = "reduced"
        SECOND_REDUCED = "second_reduced"
        SUPER_REDUCED = "super_reduced"
        PARKING = "parking"
        ZERO = "zero"
        EXEMPT = "exempt"
        REVERSE_CHARGE = "reverse_charge"
        INTRA_COMMUNITY = "intra_community"
        EXPORT = "export"
        OUTSIDE = "outside"
        GROUP = "group"
        OTHER = "other"

    code = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    category = models.CharField(max_length=2)
    percentage = models.DecimalField(max_digits=9, decimal_places=6)
    valid_from = models.DateField()
    # The first day on which it is not valid any more (periods are half-open).
    valid_to = models.DateField(null=True)
    # Where it is the law, such as DE, or US with the region CA; and which of that place's rates it is.
    country = models.CharField(max_length=2, blank=True, default="")
    region = models.CharField(max_length=60, blank=True, default="")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.OTHER)
    # Why nothing is charged, as it stands on the document (BT-120), and by the EU's list (BT-121).
    reason = models.CharField(max_length=400, blank=True, default="")
    reason_code = models.CharField(max_length=30, blank=True, default="")
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
            **dict.fromkeys(["country", "region", "kind", "reason", "reason_code"], FieldClass.STATE),
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


class TaxComponent(TenantModel):
    """One of the taxes of a group, such as the county's among state, county and city."""

    group = models.ForeignKey(
        TaxRate, models.PROTECT, db_constraint=False, db_index=False, related_name="components"
    )
    tax_rate = models.ForeignKey(
        TaxRate, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    position = models.PositiveSmallIntegerField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="computing tax",
        retention="as long as documents name it",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "group", "tax_rate"], FieldClass.IDENTIFIER),
            "position": FieldClass.TECHNICAL,
        },
    )

    class Meta(TenantModel.Meta):
        """A tax stands once in a group, at a place of its own."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "group", "tax_rate"], name="billing_taxcomponent_once"),
            models.UniqueConstraint(
                fields=["tenant", "group", "position"], name="billing_taxcomponent_position"
            ),
        ]
