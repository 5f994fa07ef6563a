"""Subscriptions: what somebody has, in half-open periods of days, and which of those days stand on which invoice.

What a customer has is never edited: a change ends one item and begins another. What was billed is never edited either:
a correction is a further row. What is due is the difference between the two.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.catalog.models import Price
from billing.customers.models import Customer
from billing.invoices.models import Invoice
from billing.tax.models import TaxRate
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "billing the customer regularly, each day once"
_KEPT = "10 years after the fiscal year"
_LAW = "commercial and tax law"


class Subscription(TenantModel):
    """An agreement to be billed every so often, in the days of the organization's time zone."""

    class Status(models.TextChoices):
        """Canceled has an end that lies ahead; ended has passed it."""

        TRIALING = "trialing"
        ACTIVE = "active"
        PAUSED = "paused"
        CANCELED = "canceled"
        ENDED = "ended"

    class Timing(models.TextChoices):
        """Whether a period is billed on its first day or after its last. What is metered always comes after."""

        ADVANCE = "advance"
        ARREARS = "arrears"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=16, choices=Status)
    timing = models.CharField(max_length=16, choices=Timing, default=Timing.ADVANCE)
    interval = models.CharField(max_length=8, choices=Price.Interval)
    interval_count = models.PositiveSmallIntegerField(default=1)
    start_on = models.DateField()
    # The first day that costs something, when the beginning is free.
    trial_until = models.DateField(null=True)
    # A period begins on this day, and every other one as many intervals away from it: the 31st is never forgotten.
    anchor_on = models.DateField()
    paused_from = models.DateField(null=True)
    # The first day it is not there any more.
    ends_on = models.DateField(null=True)
    cancel_at_period_end = models.BooleanField(default=False)
    # When planning has to look at it again, and from which period on something may still be open. None: never, nothing.
    next_on = models.DateField(null=True)
    open_from = models.DateField(null=True)
    # Counts changes and billings: what was planned before another of them is planned again.
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "customer"], FieldClass.IDENTIFIER),
            **dict.fromkeys(
                ["currency", "status", "timing", "interval", "cancel_at_period_end"], FieldClass.STATE
            ),
            **dict.fromkeys(["interval_count", "revision"], FieldClass.TECHNICAL),
            **dict.fromkeys(
                ["start_on", "trial_until", "anchor_on", "paused_from", "ends_on"], FieldClass.TIME
            ),
            **dict.fromkeys(["next_on", "open_from", "created_at", "updated_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """What is due is found by customer: one invoice a customer."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=["trialing", "active", "paused", "canceled", "ended"])
                & Q(timing__in=["advance", "arrears"])
                & Q(interval__in=["day", "week", "month", "year"], interval_count__gte=1),
                name="billing_subscription_states",
            ),
            models.CheckConstraint(
                condition=(Q(ends_on__isnull=True) | Q(ends_on__gte=F("start_on")))
                & (Q(trial_until__isnull=True) | Q(trial_until__gte=F("start_on")))
                & (~Q(status__in=["canceled", "ended"]) | Q(ends_on__isnull=False))
                & (~Q(status="paused") | Q(paused_from__isnull=False)),
                name="billing_subscription_days",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "customer", "next_on"],
                condition=Q(next_on__isnull=False),
                name="billing_subscription_due",
            ),
            models.Index(fields=["tenant", "customer", "-id"], name="billing_subscription_customer"),
            models.Index(fields=["tenant", "status", "-id"], name="billing_subscription_status"),
            models.Index(fields=["tenant", "next_on", "id"], name="billing_subscription_next"),
        ]


class SubscriptionItem(TenantModel):
    """So many of something from a day on, to another day. Only its end is ever written again."""

    subscription = models.ForeignKey(
        Subscription, models.PROTECT, db_constraint=False, db_index=False, related_name="items"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    price = models.ForeignKey(Price, models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    replaces = models.ForeignKey(
        "self", models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    quantity = models.DecimalField(max_digits=24, decimal_places=12)
    from_on = models.DateField()
    # Half-open; an item that ends where it begins never was.
    to_on = models.DateField(null=True)
    # It ended by a pause and comes back when that is over.
    is_paused = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "subscription", "customer", "price", "replaces"], FieldClass.IDENTIFIER
            ),
            "quantity": FieldClass.MONEY,
            "is_paused": FieldClass.STATE,
            **dict.fromkeys(["from_on", "to_on", "created_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Found by subscription and by price."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(quantity__gt=0) & (Q(to_on__isnull=True) | Q(to_on__gte=F("from_on"))),
                name="billing_subscriptionitem_sane",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "subscription", "from_on"], name="billing_subscriptionitem_days"),
            models.Index(fields=["tenant", "price"], name="billing_subscriptionitem_price"),
        ]


class PendingCharge(TenantModel):
    """Something charged once, on the customer's next invoice."""

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    price = models.ForeignKey(
        Price, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    currency = models.CharField(max_length=3)
    description = EncryptedTextField(purpose="documents")
    quantity = models.DecimalField(max_digits=24, decimal_places=12)
    unit_code = models.CharField(max_length=8, blank=True, default="")
    # Major units; with a price, what its quantity comes to is computed when it is billed.
    unit_amount = models.DecimalField(max_digits=24, decimal_places=12)
    tax_behavior = models.CharField(
        max_length=16, choices=Price.TaxBehavior, default=Price.TaxBehavior.EXCLUSIVE
    )
    tax_code = models.CharField(max_length=40, blank=True, default="")
    # Not before this day.
    due_on = models.DateField()
    billed_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "customer", "subscription", "price"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["currency", "unit_code", "tax_behavior", "tax_code"], FieldClass.STATE),
            "description": FieldClass.CONTENT,
            **dict.fromkeys(["quantity", "unit_amount"], FieldClass.MONEY),
            **dict.fromkeys(["due_on", "billed_at", "withdrawn_at", "created_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Those that wait are found by customer."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(quantity=0)
                & Q(tax_behavior__in=["exclusive", "inclusive"])
                & (Q(billed_at__isnull=True) | Q(withdrawn_at__isnull=True)),
                name="billing_pendingcharge_sane",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "customer", "due_on"],
                condition=Q(billed_at__isnull=True, withdrawn_at__isnull=True),
                name="billing_pendingcharge_due",
            ),
            models.Index(fields=["tenant", "customer", "-id"], name="billing_pendingcharge_list"),
        ]


class BilledPeriod(TenantModel):
    """Days of an item, its usage or a single charge that stand on an invoice. Billing them twice is refused here."""

    class Kind(models.TextChoices):
        """What the days were billed for."""

        RECURRING = "recurring"
        USAGE = "usage"
        CHARGE = "charge"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    item = models.ForeignKey(
        SubscriptionItem, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    charge = models.ForeignKey(
        PendingCharge, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    # None: nothing was to be paid, so that no invoice was made.
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    tax_rate = models.ForeignKey(
        TaxRate, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    period_from = models.DateField()
    period_to = models.DateField()
    # The first row of an item and period is 0; each correction is one more.
    revision = models.PositiveSmallIntegerField(default=0)
    # The days of this row: charged when the amount is not below zero, given back when it is.
    from_on = models.DateField()
    to_on = models.DateField()
    quantity = models.DecimalField(max_digits=24, decimal_places=12)
    amount_minor = models.BigIntegerField()
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "customer", "subscription", "item", "charge", "invoice", "tax_rate"],
                FieldClass.IDENTIFIER,
            ),
            "kind": FieldClass.STATE,
            "revision": FieldClass.TECHNICAL,
            **dict.fromkeys(["quantity", "amount_minor"], FieldClass.MONEY),
            **dict.fromkeys(["period_from", "period_to", "from_on", "to_on", "at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Once is once."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "item", "kind", "period_from", "revision"], name="billing_billedperiod_once"
            ),
            models.UniqueConstraint(fields=["tenant", "charge"], name="billing_billedperiod_charge"),
            models.CheckConstraint(
                condition=(
                    Q(kind="charge", charge__isnull=False, item__isnull=True)
                    | Q(kind__in=["recurring", "usage"], charge__isnull=True)
                    & Q(item__isnull=False, subscription__isnull=False)
                )
                & Q(period_to__gte=F("period_from"), to_on__gte=F("from_on")),
                name="billing_billedperiod_sane",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "subscription", "period_from"], name="billing_billedperiod_days"),
            models.Index(fields=["tenant", "invoice"], name="billing_billedperiod_invoice"),
        ]


class TestClock(TenantModel):
    """The day it is in an organization of mode test, once somebody has moved it. A live one has none."""

    today = models.DateField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="trying out what time brings",
        retention="as long as the organization exists",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["today", "updated_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """One an organization."""

        abstract = False
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant"], name="billing_testclock_one")]
