"""What was backed up, where its copies lie, which restores were tried, and how far the stream of changes has come.

Every row belongs to the operator's organization; what others may see of it, `backups.evidence` tells them.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantModel

_PURPOSE = "restoring what was lost, and proving that it can be restored"


def _policy(retention: str, **classes: list[str]) -> DataPolicy:
    fields = {"id": FieldClass.IDENTIFIER, "tenant": FieldClass.IDENTIFIER}
    for kind, names in classes.items():
        fields.update(dict.fromkeys(names, FieldClass(kind)))
    return DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=retention,
        erasure=Erasure.NONE,
        legal_basis="legal obligation (GDPR Article 32)",
        fields=fields,
    )


class Backup(TenantModel):
    """One backup: the whole cluster, or what changed in it since its parent, and the encrypted files."""

    class Kind(models.TextChoices):
        """Whether it stands alone."""

        FULL = "full"
        INCREMENTAL = "incremental"

    class State(models.TextChoices):
        """Running may still move; the others are final, but for a done one that is pruned."""

        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        PRUNED = "pruned"

    generation = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="children", db_constraint=False, db_index=False
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    first_segment = models.CharField(max_length=32, blank=True, default="")
    # Restoring to a time before this one is not possible from here: the copy is not whole before it.
    consistent_at = models.DateTimeField(null=True)
    bytes_in = models.PositiveBigIntegerField(default=0)
    bytes_stored = models.PositiveBigIntegerField(default=0)
    milliseconds = models.PositiveBigIntegerField(default=0)
    manifest_sha256 = models.CharField(max_length=64, blank=True, default="")
    # Rows a table had when it was made: a drill must find at least those of tables that only grow.
    row_counts = models.JSONField(default=dict)
    keep_until = models.DateTimeField()
    is_held = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True)
    is_sound = models.BooleanField(null=True)
    code = models.CharField(max_length=64, blank=True, default="")
    job_id = models.UUIDField(null=True)

    data_policy: ClassVar[DataPolicy] = _policy(
        "7 years: the row outlives the bytes, which go with the retention of backups",
        identifier=["parent", "job_id"],
        state=["kind", "state", "is_held", "is_sound", "code"],
        technical=["generation", "first_segment", "bytes_in", "bytes_stored", "milliseconds", "row_counts"],
        hash=["manifest_sha256"],
        time=["started_at", "finished_at", "consistent_at", "keep_until", "verified_at"],
    )

    class Meta(TenantModel.Meta):
        """Generations never repeat, and only an incremental one has a parent."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "generation"], name="backups_backup_generation"),
            models.CheckConstraint(
                condition=Q(kind="full", parent__isnull=True) | Q(kind="incremental", parent__isnull=False),
                name="backups_backup_parent",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["running", "done", "failed", "pruned"]), name="backups_backup_states"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-started_at"], name="backups_backup_newest"),
            models.Index(fields=["tenant", "parent"], name="backups_backup_parents"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.generation}"


class Copy(TenantModel):
    """One stored object of a backup at one target."""

    class Part(models.TextChoices):
        """What the object holds."""

        DATABASE = "database"
        FILES = "files"

    class State(models.TextChoices):
        """Missing: it should be there and was not found."""

        STORED = "stored"
        MISSING = "missing"
        PRUNED = "pruned"

    backup = models.ForeignKey(
        Backup, models.PROTECT, related_name="copies", db_constraint=False, db_index=False
    )
    part = models.CharField(max_length=16, choices=Part)
    target = models.CharField(max_length=63)
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=16, choices=State, default=State.STORED)
    bytes_stored = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    stored_at = models.DateTimeField()
    keep_until = models.DateTimeField()
    checked_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = _policy(
        "7 years, as the backup's",
        identifier=["backup"],
        state=["part", "state"],
        technical=["target", "name", "bytes_stored"],
        hash=["sha256"],
        time=["stored_at", "keep_until", "checked_at"],
    )

    class Meta(TenantModel.Meta):
        """One object a part and target."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "backup", "part", "target"], name="backups_copy_one"),
            models.CheckConstraint(
                condition=Q(state__in=["stored", "missing", "pruned"]), name="backups_copy_states"
            ),
        ]


class Drill(TenantModel):
    """One restore into a scratch server, and what was found there."""

    class State(models.TextChoices):
        """Running may still move."""

        RUNNING = "running"
        PASSED = "passed"
        FAILED = "failed"

    backup = models.ForeignKey(
        Backup, models.PROTECT, null=True, related_name="drills", db_constraint=False, db_index=False
    )
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    wanted_at = models.DateTimeField(null=True)
    # The commit time of the newest change that was restored.
    reached_at = models.DateTimeField(null=True)
    rto_milliseconds = models.PositiveBigIntegerField(default=0)
    rpo_milliseconds = models.PositiveBigIntegerField(default=0)
    # What was found, as it was signed: whoever changes a row afterwards does not have the key.
    result = models.JSONField(default=dict)
    signature = models.CharField(max_length=128, blank=True, default="")
    code = models.CharField(max_length=64, blank=True, default="")
    job_id = models.UUIDField(null=True)

    data_policy: ClassVar[DataPolicy] = _policy(
        "7 years: evidence",
        identifier=["backup", "job_id"],
        state=["state", "code"],
        technical=["rto_milliseconds", "rpo_milliseconds", "result"],
        hash=["signature"],
        time=["started_at", "finished_at", "wanted_at", "reached_at"],
    )

    class Meta(TenantModel.Meta):
        """Newest first is the list there is."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["running", "passed", "failed"]), name="backups_drill_states"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-started_at"], name="backups_drill_newest"),
            models.Index(fields=["tenant", "backup"], name="backups_drill_backup"),
        ]


class DrillStep(TenantModel):
    """One check of a drill."""

    drill = models.ForeignKey(
        Drill, models.PROTECT, related_name="steps", db_constraint=False, db_index=False
    )
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=32)
    is_ok = models.BooleanField()
    milliseconds = models.PositiveBigIntegerField()
    counts = models.JSONField(default=dict)
    code = models.CharField(max_length=64, blank=True, default="")

    data_policy: ClassVar[DataPolicy] = _policy(
        "7 years: evidence",
        identifier=["drill"],
        state=["name", "is_ok", "code"],
        technical=["position", "milliseconds", "counts"],
    )

    class Meta(TenantModel.Meta):
        """Each check once."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "drill", "position"], name="backups_drillstep_place")
        ]


class RestoreRequest(TenantModel):
    """Somebody asked for a restore; a second person agrees, and the command carries it out."""

    class Kind(models.TextChoices):
        """Everything, or one organization beside the others."""

        CLUSTER = "cluster"
        ORGANIZATION = "organization"

    class State(models.TextChoices):
        """Approved is what the command looks for."""

        ASKED = "asked"
        APPROVED = "approved"
        DECLINED = "declined"
        DONE = "done"

    kind = models.CharField(max_length=16, choices=Kind)
    state = models.CharField(max_length=16, choices=State, default=State.ASKED)
    # The id of an organization whose row may be gone: hence no foreign key.
    organization_id = models.UUIDField(null=True)
    wanted_at = models.DateTimeField(null=True)
    approval_id = models.UUIDField(null=True)
    requested_by = models.UUIDField(null=True)
    approved_by = models.UUIDField(null=True)
    asked_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)

    data_policy: ClassVar[DataPolicy] = _policy(
        "7 years: evidence",
        identifier=["organization_id", "approval_id", "requested_by", "approved_by"],
        state=["kind", "state"],
        technical=["counts"],
        time=["wanted_at", "asked_at", "approved_at", "finished_at"],
    )

    class Meta(TenantModel.Meta):
        """One organization, or none."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["asked", "approved", "declined", "done"])
                & (
                    Q(kind="cluster", organization_id__isnull=True)
                    | Q(kind="organization", organization_id__isnull=False)
                ),
                name="backups_restorerequest_states",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-asked_at"], name="backups_restore_newest")]


class Plan(TenantModel):
    """How long backups are kept, how often drills run, and which signals stand: one row."""

    keep_days = models.PositiveSmallIntegerField(default=35)
    drill_days = models.PositiveSmallIntegerField(default=7)
    # How far the stream of changes has come; the receiver writes it every few seconds.
    stream_seen_at = models.DateTimeField(null=True)
    stream_segment = models.CharField(max_length=32, blank=True, default="")
    stream_stored_at = models.DateTimeField(null=True)
    # Every change that was committed before this moment lies at the targets.
    stream_covers_at = models.DateTimeField(null=True)
    stream_lag_bytes = models.PositiveBigIntegerField(default=0)
    # Of how many stored changes each target is short; whoever lacks none is not named.
    changes_missing = models.JSONField(default=dict)
    # Of what kind the targets are; the worker, which alone reaches them, says so.
    targets = models.PositiveSmallIntegerField(default=0)
    targets_immutable = models.PositiveSmallIntegerField(default=0)
    targets_offsite = models.PositiveSmallIntegerField(default=0)
    places_seen_at = models.DateTimeField(null=True)
    # Since when it is late; empty while it is not: each signal is given once per change.
    overdue_since = models.DateTimeField(null=True)
    drill_overdue_since = models.DateTimeField(null=True)
    stream_behind_since = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = _policy(
        "as long as the installation exists",
        technical=[
            "keep_days",
            "drill_days",
            "stream_segment",
            "stream_lag_bytes",
            "changes_missing",
            "targets",
            "targets_immutable",
            "targets_offsite",
        ],
        time=[
            "places_seen_at",
            "stream_seen_at",
            "stream_stored_at",
            "stream_covers_at",
            "overdue_since",
            "drill_overdue_since",
            "stream_behind_since",
        ],
    )

    class Meta(TenantModel.Meta):
        """One row, within bounds."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant"], name="backups_plan_one"),
            models.CheckConstraint(
                condition=Q(keep_days__gte=14, keep_days__lte=3650, drill_days__gte=1, drill_days__lte=31),
                name="backups_plan_bounds",
            ),
        ]
