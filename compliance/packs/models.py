"""Evidence packs and the key that signs them."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from outbound.models import StoredFile
from tenancy.models import TenantModel


class PackKey(TenantModel):
    """The Ed25519 key with which an organization's packs are signed; its public half is shown to auditors."""

    public = models.BinaryField(max_length=32)
    secret = EncryptedTextField()
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="signing evidence packs, so that an auditor can tell who made them",
        retention="as long as the organization exists",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant"], FieldClass.IDENTIFIER),
            "public": FieldClass.TECHNICAL,
            "secret": FieldClass.SECRET,
            "created_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One an organization."""

        abstract = False
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant"], name="compliance_packkey_one")]


class EvidencePack(TenantModel):
    """A pack that was made of one framework: a signed archive with a PDF for people and JSON for machines."""

    class State(models.TextChoices):
        """Ready and failed are final."""

        QUEUED = "queued"
        READY = "ready"
        FAILED = "failed"

    framework = models.CharField(max_length=16)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    since = models.DateField()
    until = models.DateField()
    controls = models.PositiveIntegerField(default=0)
    passing = models.PositiveIntegerField(default=0)
    failing = models.PositiveIntegerField(default=0)
    manual = models.PositiveIntegerField(default=0)
    file = models.ForeignKey(
        StoredFile, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    digest = models.BinaryField(max_length=32, null=True)
    asked_by = models.UUIDField(null=True)
    asked_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True)
    job_id = models.UUIDField(null=True)
    downloads = models.PositiveIntegerField(default=0)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="handing an auditor what was found, in a form that proves itself",
        retention="6 years",
        erasure=Erasure.NONE,
        legal_basis="legal obligation: showing that the measures work",
        fields={
            **dict.fromkeys(["id", "tenant", "file", "asked_by", "job_id"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["framework", "state"], FieldClass.STATE),
            **dict.fromkeys(["controls", "passing", "failing", "manual", "downloads"], FieldClass.TECHNICAL),
            **dict.fromkeys(["since", "until", "asked_at", "ready_at"], FieldClass.TIME),
            "digest": FieldClass.HASH,
        },
    )

    class Meta(TenantModel.Meta):
        """A ready one has its file."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(state="ready")
                | models.Q(file__isnull=False, digest__isnull=False, ready_at__isnull=False),
                name="compliance_evidencepack_ready",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="compliance_evidencepack_list")]
