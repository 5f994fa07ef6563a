"""Evidence that people bring, as encrypted files with an end."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from outbound.models import StoredFile
from tenancy.models import TenantModel


class Evidence(TenantModel):
    """A file that shows a control which no machine can decide. Out of date, it shows nothing."""

    code = models.CharField(max_length=64)
    title = EncryptedTextField()
    note = EncryptedTextField(null=True)
    file = models.ForeignKey(
        StoredFile, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    # Of the file as it was brought, so that its bearer can recognise it.
    digest = models.BinaryField(max_length=32)
    added_by = models.UUIDField(null=True)
    added_at = models.DateTimeField()
    valid_until = models.DateField()
    # Said once in the trail.
    expired_at = models.DateTimeField(null=True)
    withdrawn_by = models.UUIDField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="showing what no machine can check",
        retention="6 years",
        erasure=Erasure.KEPT_BY_LAW,
        legal_basis="legal obligation: showing that the measures work",
        fields={
            **dict.fromkeys(["id", "tenant", "file", "added_by", "withdrawn_by"], FieldClass.IDENTIFIER),
            "code": FieldClass.STATE,
            **dict.fromkeys(["title", "note"], FieldClass.CONTENT),
            "digest": FieldClass.HASH,
            **dict.fromkeys(["added_at", "valid_until", "expired_at", "withdrawn_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Found by its control, and listed by age."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "file"], name="compliance_evidence_file")
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "code", "-valid_until"], name="compliance_evidence_of"),
            models.Index(fields=["tenant", "-id"], name="compliance_evidence_list"),
        ]
