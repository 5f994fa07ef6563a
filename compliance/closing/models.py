"""The end of an organization: asked for, held for a month, then its keys are gone."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from outbound.models import StoredFile
from tenancy.models import TenantModel


class Closing(TenantModel):
    """One closing. The certificate outlives the keys: it holds ids, counts and hashes alone."""

    class State(models.TextChoices):
        """Holding: everything is still there, and it can be taken back."""

        HOLDING = "holding"
        CANCELED = "canceled"
        CLOSED = "closed"

    state = models.CharField(max_length=16, choices=State, default=State.HOLDING)
    asked_by = models.UUIDField(null=True)
    asked_at = models.DateTimeField()
    until = models.DateTimeField()
    file = models.ForeignKey(
        StoredFile, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    # SHA-256 of the export as it was handed over: proves later which file it was.
    digest = models.CharField(max_length=64, blank=True, default="")
    canceled_by = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)
    certificate = models.JSONField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="ending an organization, and proving that its data is gone",
        retention="as long as the installation exists: it names nobody",
        legal_basis="legal obligation: GDPR Articles 5(2) and 28(3)(g)",
        erasure=Erasure.NONE,
        fields={
            **dict.fromkeys(["id", "tenant", "asked_by", "file", "canceled_by"], FieldClass.IDENTIFIER),
            "state": FieldClass.STATE,
            "digest": FieldClass.HASH,
            "certificate": FieldClass.TECHNICAL,
            **dict.fromkeys(["asked_at", "until", "ended_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """One at a time; closed only with a certificate."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(state="holding"), name="compliance_closing_one"
            ),
            models.CheckConstraint(
                condition=Q(state="holding", ended_at__isnull=True)
                | Q(state="canceled", ended_at__isnull=False)
                | Q(state="closed", ended_at__isnull=False, certificate__isnull=False),
                name="compliance_closing_states",
            ),
        ]
