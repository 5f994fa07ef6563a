"""Billing runs, what each of their transactions brought, and whom they skipped."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.customers.models import Customer
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantModel

_PURPOSE = "billing everything that is due, once, and showing what came of it"
_KEPT = "10 years after the fiscal year"
_LAW = "commercial and tax law"


class BillingRun(TenantModel):
    """One pass over everything due on or before a day. At most one of a day is under way."""

    class State(models.TextChoices):
        """A run that died stays running: whoever starts it again goes on with it."""

        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    on = models.DateField()
    # The day that the invoices bear.
    issued_on = models.DateField()
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    # The last customer that was handed out to a process, and how often the list has been walked.
    cursor = models.UUIDField(null=True)
    turn = models.PositiveIntegerField(default=1)
    job_id = models.UUIDField(null=True)
    created_by = models.UUIDField(null=True)
    code = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "job_id", "created_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["on", "issued_on", "created_at", "finished_at"], FieldClass.TIME),
            **dict.fromkeys(["state", "code"], FieldClass.STATE),
            **dict.fromkeys(["cursor", "turn"], FieldClass.TECHNICAL),
        },
    )

    class Meta(TenantModel.Meta):
        """Two who start the same run share it."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "on"], condition=Q(state="running"), name="billing_billingrun_one"
            ),
            models.CheckConstraint(
                condition=Q(state="running", finished_at__isnull=True)
                | Q(state__in=["done", "failed"], finished_at__isnull=False),
                name="billing_billingrun_states",
            ),
        ]


class BillingRunChunk(TenantModel):
    """What one transaction of a run brought in one currency; it stands or falls with its invoices."""

    run = models.ForeignKey(
        BillingRun, models.PROTECT, db_constraint=False, db_index=False, related_name="chunks"
    )
    currency = models.CharField(max_length=3)
    invoices = models.PositiveIntegerField()
    total_minor = models.BigIntegerField()
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "run"], FieldClass.IDENTIFIER),
            "currency": FieldClass.STATE,
            **dict.fromkeys(["invoices", "total_minor"], FieldClass.MONEY),
            "at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Summed by run."""

        abstract = False
        indexes: ClassVar = [models.Index(fields=["tenant", "run"], name="billing_runchunk_run")]


class BillingRunSkip(TenantModel):
    """A customer whom a run could not bill, or something of theirs, and why: a code, never words."""

    run = models.ForeignKey(
        BillingRun, models.PROTECT, db_constraint=False, db_index=False, related_name="skips"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    code = models.CharField(max_length=64)
    # What alone was left out, while the rest of the customer was billed: a subscription or a charge.
    subject_kind = models.CharField(max_length=16, blank=True, default="")
    subject_id = models.UUIDField(null=True)
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "run", "customer", "subject_id"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["code", "subject_kind"], FieldClass.STATE),
            "at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """A reason is named once."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "run", "customer", "code", "subject_id"],
                nulls_distinct=False,
                name="billing_billingrunskip_once",
            )
        ]
