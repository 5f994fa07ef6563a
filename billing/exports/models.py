"""A file that leaves the house, and the switch that lets none out."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedJSONField, EncryptedTextField
from outbound.models import StoredFile
from tenancy.models import TenantModel


class Export(TenantModel):
    """What somebody asked for, which columns of it, and the encrypted file for as long as it lies."""

    class Format(models.TextChoices):
        """What the file is."""

        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel (XLSX)"

    class State(models.TextChoices):
        """Waiting: somebody else has to agree. Expired, deleted, declined and failed are final."""

        WAITING = "waiting"
        QUEUED = "queued"
        RUNNING = "running"
        READY = "ready"
        EXPIRED = "expired"
        DELETED = "deleted"
        DECLINED = "declined"
        FAILED = "failed"

    kind = models.CharField(max_length=32)
    format = models.CharField(max_length=8, choices=Format)
    state = models.CharField(max_length=16, choices=State)
    columns = ArrayField(models.CharField(max_length=40))
    has_personal = models.BooleanField()
    # What the list was narrowed by; somebody's name may be among it.
    filters = EncryptedJSONField(null=True)
    reason = EncryptedTextField(null=True)
    # How many were there when it was asked for, and how many stand in the file.
    rows_expected = models.PositiveIntegerField()
    rows = models.PositiveIntegerField(default=0)
    # Of the file as it is handed out; in clear it would confirm a guess.
    digest = EncryptedTextField(null=True)
    file = models.ForeignKey(
        StoredFile, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    approval_id = models.UUIDField(null=True)
    job_id = models.UUIDField(null=True)
    code = models.CharField(max_length=64, blank=True, default="")
    asked_by = models.UUIDField(null=True)
    asked_key = models.UUIDField(null=True)
    asked_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    downloads = models.PositiveIntegerField(default=0)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="giving somebody a list as a file, and knowing who took which",
        retention="a year; the file itself a day",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "kind": FieldClass.STATE,
            "format": FieldClass.STATE,
            "state": FieldClass.STATE,
            "columns": FieldClass.STATE,
            "has_personal": FieldClass.STATE,
            "filters": FieldClass.CONTENT,
            "reason": FieldClass.CONTENT,
            "rows_expected": FieldClass.TECHNICAL,
            "rows": FieldClass.TECHNICAL,
            "digest": FieldClass.CONTENT,
            "file": FieldClass.IDENTIFIER,
            "approval_id": FieldClass.IDENTIFIER,
            "job_id": FieldClass.IDENTIFIER,
            "code": FieldClass.STATE,
            "asked_by": FieldClass.IDENTIFIER,
            "asked_key": FieldClass.IDENTIFIER,
            "asked_at": FieldClass.TIME,
            "ready_at": FieldClass.TIME,
            "expires_at": FieldClass.TIME,
            "downloads": FieldClass.TECHNICAL,
        },
    )

    class Meta(TenantModel.Meta):
        """A file lies as long as the export is ready, and only then."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    state="ready",
                    file__isnull=False,
                    digest__isnull=False,
                    ready_at__isnull=False,
                    expires_at__isnull=False,
                )
                | models.Q(
                    state__in=[
                        "waiting", "queued", "running", "expired", "deleted", "declined", "failed",
                    ]
                ),
                name="billing_export_state",
            )
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-id"], name="billing_export_newest"),
            models.Index(
                fields=["tenant", "expires_at"],
                condition=models.Q(state="ready"),
                name="billing_export_expiry",
            ),
        ]


class ExportFreeze(TenantModel):
    """While the newest row says so, no export is made and none handed out. Each turn of the switch is a row."""

    frozen = models.BooleanField()
    reason = EncryptedTextField()
    turned_by = models.UUIDField(null=True)
    turned_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="stopping data from leaving while somebody looks into an incident",
        retention="as long as the organization exists",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "frozen": FieldClass.STATE,
            "reason": FieldClass.CONTENT,
            "turned_by": FieldClass.IDENTIFIER,
            "turned_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """The newest row says how it stands."""

        abstract = False
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="billing_exportfreeze_newest")]
