"""A file that somebody brings along: what its columns mean, what became of its rows, when it can be undone."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedJSONField
from outbound.models import StoredFile
from tenancy.models import TenantModel


class Import(TenantModel):
    """One file on its way in. The file and the rows that were refused lie encrypted in outbound, for a day."""

    class Kind(models.TextChoices):
        """What a row becomes."""

        CUSTOMERS = "customers"

    class State(models.TextChoices):
        """Reading: a workbook waits to be read. Checked: a dry run says what it would do. Undone, dropped: final."""

        READING = "reading"
        UPLOADED = "uploaded"
        CHECKING = "checking"
        CHECKED = "checked"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        UNDONE = "undone"
        DROPPED = "dropped"

    kind = models.CharField(max_length=16, choices=Kind, default=Kind.CUSTOMERS)
    state = models.CharField(max_length=16, choices=State, default=State.UPLOADED)
    file = models.ForeignKey(
        StoredFile, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    refused_file = models.ForeignKey(
        StoredFile, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    # The first line of the file, and which field each column is: {"columns": ["name", "", …]}.
    heads = EncryptedJSONField()
    mapping = EncryptedJSONField()
    # Refused rows for the page, the first of them: [[row, field, code, reason], …], never a value.
    refused_first = EncryptedJSONField(null=True)
    rows = models.PositiveIntegerField(default=0)
    ready = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    # The number of the last row that has been taken in: a run that was cut off goes on behind it.
    position = models.PositiveIntegerField(default=0)
    # Of an import that was undone: how many rows stay, because something happened to them since.
    stayed = models.PositiveIntegerField(default=0)
    code = models.CharField(max_length=64, blank=True, default="")
    job_id = models.UUIDField(null=True)
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="bringing records along, and taking them back within a day",
        retention="a year; the file itself a day",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "kind": FieldClass.STATE,
            "state": FieldClass.STATE,
            "file": FieldClass.IDENTIFIER,
            "refused_file": FieldClass.IDENTIFIER,
            "heads": FieldClass.CONTENT,
            "mapping": FieldClass.CONTENT,
            "refused_first": FieldClass.CONTENT,
            "rows": FieldClass.TECHNICAL,
            "ready": FieldClass.TECHNICAL,
            "refused": FieldClass.TECHNICAL,
            "created": FieldClass.TECHNICAL,
            "position": FieldClass.TECHNICAL,
            "stayed": FieldClass.TECHNICAL,
            "code": FieldClass.STATE,
            "job_id": FieldClass.IDENTIFIER,
            "created_by": FieldClass.IDENTIFIER,
            "created_at": FieldClass.TIME,
            "updated_at": FieldClass.TIME,
            "done_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Newest first is the one list there is."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[
                        "reading", "uploaded", "checking", "checked", "running", "done", "failed", "undone",
                        "dropped",
                    ],
                    kind__in=["customers"],
                ),
                name="billing_import_state",
            )
        ]  # fmt: skip
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="billing_import_newest")]
