"""The visit of an auditor."""

from datetime import timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.people import normalize_email
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import BlindIndexField, EncryptedTextField
from tenancy.models import TenantModel

LONGEST_VISIT = timedelta(days=90)


class AuditorVisit(TenantModel):
    """Somebody outside looks at some frameworks for some time. Their membership ends by itself."""

    email = EncryptedTextField()
    email_index = BlindIndexField(source="email", normalize=normalize_email)
    frameworks = ArrayField(models.CharField(max_length=16))
    invited_by = models.UUIDField()
    created_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_by = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="letting an auditor see what they came for, and no longer than that",
        retention="6 years",
        erasure=Erasure.KEPT_BY_LAW,
        legal_basis="legal obligation: showing who audited",
        fields={
            **dict.fromkeys(["id", "tenant", "invited_by", "ended_by"], FieldClass.IDENTIFIER),
            "email": FieldClass.PERSONAL,
            "email_index": FieldClass.BLIND_INDEX,
            "frameworks": FieldClass.STATE,
            **dict.fromkeys(["created_at", "ends_at", "ended_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Never longer than 90 days."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    ends_at__gt=models.F("created_at"),
                    ends_at__lte=models.F("created_at")
                    + models.Value(LONGEST_VISIT, output_field=models.DurationField()),
                ),
                name="compliance_auditorvisit_ends",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "email_index"], name="compliance_auditorvisit_email")
        ]
