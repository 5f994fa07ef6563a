"""Products and prices. A price is never edited: a new version supersedes it from a day on."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.usage.models import Meter
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "saying what is sold and for how much"
_KEPT = "as long as subscriptions or documents name it"


class Product(TenantModel):
    """Something that is sold. Its code is the organization's own; its name says what was bought."""

    class Kind(models.TextChoices):
        """What tax law asks: a thing, work, or something delivered over a network."""

        GOODS = "goods"
        SERVICE = "service"
        DIGITAL = "digital"

    class State(models.TextChoices):
        """A retired product is sold to nobody new; who has it keeps it."""

        ACTIVE = "active"
        RETIRED = "retired"

    code = models.CharField(max_length=40)
    name = EncryptedTextField()
    description = EncryptedTextField(null=True)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.SERVICE)
    # The code of the tax rate that new prices begin with; the rate itself is the one valid on the day.
    tax_code = models.CharField(max_length=40, blank=True, default="")
    unit_code = models.CharField(max_length=8, blank=True, default="")
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["code", "kind", "tax_code", "unit_code", "state"], FieldClass.STATE),
            **dict.fromkeys(["name", "description"], FieldClass.CONTENT),
            **dict.fromkeys(["created_at", "updated_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """A code names one product."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "code"], name="billing_product_code"),
            models.CheckConstraint(
                condition=Q(kind__in=["goods", "service", "digital"], state__in=["active", "retired"]),
                name="billing_product_states",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "state", "-id"], name="billing_product_list")]


class Price(TenantModel):
    """One version of one price of a product. Only `valid_to` is ever written again."""

    class Model(models.TextChoices):
        """How a quantity becomes an amount."""

        FLAT = "flat"
        PER_UNIT = "per_unit"
        GRADUATED = "graduated"
        VOLUME = "volume"
        PACKAGE = "package"

    class Interval(models.TextChoices):
        """How long a period is; `none` is charged once."""

        NONE = "none"
        DAY = "day"
        WEEK = "week"
        MONTH = "month"
        YEAR = "year"

    class TaxBehavior(models.TextChoices):
        """Whether tax comes on top of the price or is part of it."""

        EXCLUSIVE = "exclusive"
        INCLUSIVE = "inclusive"

    product = models.ForeignKey(
        Product, models.PROTECT, db_constraint=False, db_index=False, related_name="prices"
    )
    # Together with product and currency it names the price through all its versions: "monthly".
    code = models.CharField(max_length=40)
    version = models.PositiveSmallIntegerField(default=1)
    supersedes = models.ForeignKey(
        "self", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    currency = models.CharField(max_length=3)
    model = models.CharField(max_length=16, choices=Model)
    # Major units, of one unit or one package.
    unit_amount = models.DecimalField(max_digits=24, decimal_places=12, default=Decimal(0))
    package_size = models.DecimalField(max_digits=24, decimal_places=12, null=True)
    # Charged once a period, whatever the quantity; and the least a period comes to.
    flat_minor = models.BigIntegerField(default=0)
    minimum_minor = models.BigIntegerField(default=0)
    tax_behavior = models.CharField(max_length=16, choices=TaxBehavior, default=TaxBehavior.EXCLUSIVE)
    tax_code = models.CharField(max_length=40, blank=True, default="")
    interval = models.CharField(max_length=8, choices=Interval, default=Interval.NONE)
    interval_count = models.PositiveSmallIntegerField(default=1)
    # With a meter the quantity is what was used in the period.
    meter = models.ForeignKey(
        Meter, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    # How many tiers it was made with: none is added later.
    steps = models.PositiveSmallIntegerField(default=0)
    valid_from = models.DateField()
    # The first day on which it is sold to nobody new (periods are half-open); who has it keeps it.
    valid_to = models.DateField(null=True)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "product", "supersedes", "meter"], FieldClass.IDENTIFIER),
            **dict.fromkeys(
                ["code", "currency", "model", "tax_behavior", "tax_code", "interval"], FieldClass.STATE
            ),
            **dict.fromkeys(["version", "interval_count", "steps"], FieldClass.TECHNICAL),
            **dict.fromkeys(["unit_amount", "package_size", "flat_minor", "minimum_minor"], FieldClass.MONEY),
            **dict.fromkeys(["valid_from", "valid_to", "created_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Versions follow each other, and one of them is open."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "product", "code", "currency", "version"], name="billing_price_version"
            ),
            models.UniqueConstraint(
                fields=["tenant", "product", "code", "currency"],
                condition=Q(valid_to__isnull=True),
                name="billing_price_one_open",
            ),
            models.CheckConstraint(
                condition=Q(
                    model__in=["flat", "per_unit", "graduated", "volume", "package"],
                    interval__in=["none", "day", "week", "month", "year"],
                    tax_behavior__in=["exclusive", "inclusive"],
                ),
                name="billing_price_states",
            ),
            models.CheckConstraint(
                condition=Q(
                    unit_amount__gte=0, flat_minor__gte=0, minimum_minor__gte=0, interval_count__gte=1
                )
                & (
                    Q(model="package", package_size__gt=0)
                    | (~Q(model="package") & Q(package_size__isnull=True))
                )
                & (Q(meter__isnull=True) | ~Q(interval="none")),
                name="billing_price_sane",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="billing_price_period",
            ),
        ]


class PriceTier(TenantModel):
    """One step of a graduated or volume price; the last one has no end."""

    price = models.ForeignKey(
        Price, models.PROTECT, db_constraint=False, db_index=False, related_name="tiers"
    )
    position = models.PositiveSmallIntegerField()
    up_to = models.DecimalField(max_digits=24, decimal_places=12, null=True)
    unit_amount = models.DecimalField(max_digits=24, decimal_places=12)
    flat_minor = models.BigIntegerField(default=0)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "price"], FieldClass.IDENTIFIER),
            "position": FieldClass.TECHNICAL,
            **dict.fromkeys(["up_to", "unit_amount", "flat_minor"], FieldClass.MONEY),
        },
    )

    class Meta(TenantModel.Meta):
        """Steps have an order."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "price", "position"], name="billing_pricetier_position"
            ),
            models.CheckConstraint(
                condition=Q(unit_amount__gte=0, flat_minor__gte=0) & (Q(up_to__isnull=True) | Q(up_to__gt=0)),
                name="billing_pricetier_sane",
            ),
        ]
