"""Progress of long work: one row a job, written in short transactions of its own, shown wherever people wait.

A job keeps counts, codes and ids, never a value: what it read and which rows it refused is an encrypted file.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import functions

from tenancy.context import use_case
from tenancy.models import Job


@use_case
def start(*, kind: str, at: datetime, total: int = 0, created_by: UUID | None = None) -> Job:
    """Note that long work has been asked for."""
    job = Job(kind=kind, total=total, created_by=created_by, created_at=at)
    job.save(force_insert=True)
    return job


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
        started_at=functions.Coalesce("started_at", models.Value(at)),
    )


@use_case
def finish(*, job_id: UUID, at: datetime, counts: Mapping[str, int] | None = None) -> None:
    """Note that it is done."""
    Job.objects.filter(pk=job_id).update(
        state=Job.State.DONE, done=models.F("total"), finished_at=at, counts=dict(counts or {})
    )


@use_case
def cancel(*, job_id: UUID, at: datetime) -> bool:
    """Note that nobody wants it any more; whoever works on it looks before each step. False when it has ended."""
    lasts = Job.objects.filter(pk=job_id, state__in=(Job.State.QUEUED, Job.State.RUNNING))
    return bool(lasts.update(state=Job.State.CANCELLED, finished_at=at))


@use_case
def fail(*, job_id: UUID, at: datetime, code: str) -> None:
    """Note that it has failed, with a code and never with a message that might quote a value."""
    Job.objects.filter(pk=job_id).update(state=Job.State.FAILED, finished_at=at, code=code)


@use_case
def end_lost(*, kinds: Collection[str], before: datetime, at: datetime) -> None:
    """Note of work that began before a restore that nobody does it any more."""
    waiting = (Job.State.QUEUED, Job.State.RUNNING)
    lost = Job.objects.filter(kind__in=kinds, state__in=waiting, created_at__lt=before)
    lost.update(state=Job.State.FAILED, finished_at=at, code="restored")


def page(*, limit: int, after: UUID | None = None) -> list[Job]:
    """List the jobs of the organization in scope, newest first, from behind `after`."""
    rows = Job.objects.order_by("-id")
    return list((rows if after is None else rows.filter(pk__lt=after))[:limit])


def find(job_id: UUID) -> Job | None:
    """Return a job of the organization in scope."""
    found: Job | None = Job.objects.filter(pk=job_id).first()
    return found


def lasting(*, kind: str) -> Job | None:
    """Return the newest job of a kind that is queued or running."""
    waiting = (Job.State.QUEUED, Job.State.RUNNING)
    found: Job | None = Job.objects.filter(kind=kind, state__in=waiting).order_by("-id").first()
    return found


def waiting(*, kind: str, since: datetime, until: datetime, created_by: UUID | None = None) -> list[Job]:
    """Return jobs of a kind, asked for in a span of time, that nobody has begun yet; the newest first."""
    rows = Job.objects.filter(
        kind__startswith=kind, state=Job.State.QUEUED, created_at__gte=since, created_at__lte=until
    )
    rows = rows if created_by is None else rows.filter(created_by=created_by)
    return list(rows.order_by("-id")[:100])
