"""Progress of long work: one row a job, written in short transactions of its own, shown wherever people wait.

A job keeps counts, codes and ids, never a value: what it read and which rows it refused is an encrypted file.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.context import use_case
from tenancy.models import TenantModel


class Job(TenantModel):
    """One piece of long work and how far it has come."""

    class State(models.TextChoices):
        """Queued and running may still move; the others are final."""

        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    kind = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    counts = models.JSONField(default=dict)
    code = models.CharField(max_length=64, blank=True, default="")
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="showing how far long work has come",
        retention="90 days",
        erasure=Erasure.NONE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "kind": FieldClass.STATE,
            "state": FieldClass.STATE,
            "done": FieldClass.TECHNICAL,
            "total": FieldClass.TECHNICAL,
            "counts": FieldClass.TECHNICAL,
            "code": FieldClass.STATE,
            "created_by": FieldClass.IDENTIFIER,
            "created_at": FieldClass.TIME,
            "started_at": FieldClass.TIME,
            "finished_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Newest first is the one list there is."""

        app_label = "tenancy"
        indexes: ClassVar = [models.Index(fields=["tenant", "-created_at"], name="tenancy_job_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


@use_case
def start(*, kind: str, at: datetime, total: int = 0, created_by: UUID | None = None) -> Job:
    """Note that long work has been asked for."""
    return Job.objects.create(kind=kind, total=total, created_by=created_by, created_at=at)


@use_case
def advance(
    *, job_id: UUID, at: datetime, done: int, total: int, counts: Mapping[str, int] | None = None
) -> None:
    """Note how far it has come; the first call also notes that it began."""
    Job.objects.filter(pk=job_id).exclude(state=Job.State.CANCELLED).update(
        state=Job.State.RUNNING,
        done=done,
        total=total,
        counts=dict(counts or {}),
        started_at=models.functions.Coalesce("started_at", models.Value(at)),
    )


@use_case
def finish(*, job_id: UUID, at: datetime, counts: Mapping[str, int] | None = None) -> None:
    """Note that it is done."""
    Job.objects.filter(pk=job_id).update(
        state=Job.State.DONE, done=models.F("total"), finished_at=at, counts=dict(counts or {})
    )


@use_case
def fail(*, job_id: UUID, at: datetime, code: str) -> None:
    """Note that it has failed, with a code and never with a message that might quote a value."""
    Job.objects.filter(pk=job_id).update(state=Job.State.FAILED, finished_at=at, code=code)
