"""Progress of long work: one row a job, written in short transactions of its own, shown wherever people wait.

A job keeps counts, codes and ids, never a value: what it read and which rows it refused is an encrypted file.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import models
from django.db.models import functions
from kombu.exceptions import OperationalError

from core import clock
from tenancy import context
from tenancy.context import use_case
from tenancy.models import Job

_log = logging.getLogger("strongbox.tenancy")
# Why a queued job has not been handed over yet, or why one has failed that no worker took.
NOT_HANDED_OVER, NEVER_BEGUN = "not_handed_over", "never_begun"
# No queue is that long: its message is lost.
_LOST_AFTER = timedelta(days=1)
_MOST_AGAIN = 200
_senders: dict[str, Callable[[Job], object]] = {}


def sent_again_by(kind: str, send: Callable[[Job], object]) -> None:
    """Say how a job of a kind is handed to a worker once more; call it where its task is."""
    _senders[kind] = send


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


def hand_over(job: Job, send: Callable[[], object]) -> None:
    """Hand a job to a worker once the transaction has committed.

    Promise kept: nothing waits for ever on a broker that was away. What can be sent again waits for `send_again`;
    anything else has failed, and says so.
    """

    def hand() -> None:
        try:
            send()
        except OperationalError:
            _log.warning("the broker is away; a job could not be handed over")
            with context.scope(context.current() or context.Scope(job.tenant_id)):
                if job.kind in _senders:
                    Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(code=NOT_HANDED_OVER)
                else:
                    fail(job_id=job.pk, at=clock.now(), code=NOT_HANDED_OVER)

    context.after_commit(hand)


@use_case
def send_again(*, at: datetime) -> int:
    """Hand over what could not be handed over before, and end what was lost on the way; return how many were sent."""
    queued = Job.objects.select_for_update(skip_locked=True).filter(state=Job.State.QUEUED)
    queued.filter(created_at__lt=at - _LOST_AFTER).exclude(code=NOT_HANDED_OVER).update(
        state=Job.State.FAILED, finished_at=at, code=NEVER_BEGUN
    )
    sent = 0
    for job in queued.filter(code=NOT_HANDED_OVER).order_by("id")[:_MOST_AGAIN]:
        _senders[job.kind](job)
        job.code = ""
        job.save(update_fields=["code"])
        sent += 1
    return sent


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
