"""Legal holds, and the log of what was removed because its time was over."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.customers.models import Customer
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_LAW = "legal obligation: GDPR Article 5(2)"


class LegalHold(TenantModel):
    """Nothing of a customer, or of the whole organization, is removed or erased while a hold stands."""

    # None: everything the organization has.
    customer = models.ForeignKey(
        Customer, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    reason = EncryptedTextField()
    placed_by = models.UUIDField(null=True)
    placed_at = models.DateTimeField()
    lifted_by = models.UUIDField(null=True)
    lifted_at = models.DateTimeField(null=True)
    lifting_reason = EncryptedTextField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="keeping what a dispute or an authority may ask for",
        retention="3 years after it was lifted",
        legal_basis="legal claims: GDPR Article 17(3)(e)",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "customer", "placed_by", "lifted_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["reason", "lifting_reason"], FieldClass.CONTENT),
            **dict.fromkeys(["placed_at", "lifted_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """One that stands a customer, and one for all."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "customer"],
                condition=Q(lifted_at__isnull=True),
                nulls_distinct=False,
                name="compliance_legalhold_one",
            ),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifting_reason__isnull=True)
                | Q(lifted_at__isnull=False, lifting_reason__isnull=False),
                name="compliance_legalhold_lifted",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="compliance_legalhold_list")]


class RetentionRun(TenantModel):
    """One time somebody looked for what is too old."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    started_by = models.UUIDField(null=True)
    removed = models.PositiveBigIntegerField(default=0)
    held = models.PositiveBigIntegerField(default=0)
    # Rules that could not be carried out; the next run tries again.
    failed = models.PositiveIntegerField(default=0)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="proving that what is too old is removed",
        retention="3 years",
        legal_basis=_LAW,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "started_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["removed", "held", "failed"], FieldClass.TECHNICAL),
            **dict.fromkeys(["started_at", "finished_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Newest first."""

        abstract = False
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="compliance_retentionrun_list")]


class Shredding(TenantModel):
    """What one run removed of one table, and what a hold kept it from removing. Counts, never a row."""

    run = models.ForeignKey(
        RetentionRun, models.PROTECT, db_constraint=False, db_index=False, related_name="shreddings"
    )
    rule = models.CharField(max_length=48)
    # Everything older than this was due.
    cutoff = models.DateTimeField()
    removed = models.PositiveBigIntegerField(default=0)
    held = models.PositiveBigIntegerField(default=0)
    code = models.CharField(max_length=48, blank=True, default="")

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="proving that what is too old is removed",
        retention="3 years",
        legal_basis=_LAW,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "run"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["rule", "code"], FieldClass.STATE),
            **dict.fromkeys(["removed", "held"], FieldClass.TECHNICAL),
            "cutoff": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """A rule once a run."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "run", "rule"], name="compliance_shredding_once")
        ]
