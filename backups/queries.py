"""What is known of backups. All but `evidence` reads inside the operator's scope."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections

from backups import rules
from backups.models import Backup, Copy, Drill, DrillStep, Plan, RestoreRequest
from core.errors import NotFound
from tenancy import context
from tenancy.models import Tenant


class NoOperator(NotFound):
    """The installation has no operator's organization yet."""

    code = "no_operator"


class NoSuchBackup(NotFound):
    """There is no such backup."""

    code = "no_such_backup"


def operator_id() -> UUID:
    """Return the organization that owns what belongs to the whole installation; any scope may ask.

    Raises:
        NoOperator
    """
    found = Tenant.objects.filter(kind=Tenant.Kind.OPERATOR).values_list("pk", flat=True).first()
    if found is None:
        raise NoOperator
    return UUID(str(found))


@contextmanager
def of_operator() -> Iterator[UUID]:
    """Open the operator's scope for host-wide work that runs outside any scope.

    Raises:
        NoOperator
    """
    with context.system_scope(reason="backups are of the whole installation, and the operator's rows"):
        operator = operator_id()
    with context.scope(context.Scope(operator)):
        yield operator


def plan() -> Plan | None:
    """Return the plan, or None before the first look."""
    found: Plan | None = Plan.objects.first()
    return found


def backups(*, limit: int, after: UUID | None = None, state: str = "") -> list[Backup]:
    """List backups, newest first, from behind `after`."""
    rows = Backup.objects.order_by("-id")
    if state:
        rows = rows.filter(state=state)
    return list((rows if after is None else rows.filter(pk__lt=after))[:limit])


def backup(pk: UUID) -> Backup:
    """Return a backup.

    Raises:
        NoSuchBackup
    """
    found: Backup | None = Backup.objects.filter(pk=pk).first()
    if found is None:
        raise NoSuchBackup
    return found


def copies(backup_id: UUID) -> list[Copy]:
    """List the stored objects of a backup."""
    return list(Copy.objects.filter(backup_id=backup_id).order_by("part", "target"))


def chain(newest: Backup) -> list[Backup]:
    """Return a backup and everything it is built on, the full one first."""
    found = [newest]
    while found[0].parent_id is not None:
        found.insert(0, backup(found[0].parent_id))
    return found


def latest_done() -> Backup | None:
    """Return the newest backup that can be restored."""
    found: Backup | None = Backup.objects.filter(state=Backup.State.DONE).order_by("-generation").first()
    return found


def for_time(wanted: datetime | None) -> Backup:
    """Return the backup from which a moment can be reached: the newest that is whole by then.

    Raises:
        NoSuchBackup: none reaches back that far.
    """
    rows = Backup.objects.filter(state=Backup.State.DONE)
    if wanted is not None:
        rows = rows.filter(consistent_at__lte=wanted)
    found: Backup | None = rows.order_by("-generation").first()
    if found is None:
        raise NoSuchBackup("No backup reaches back that far.")
    return found


def taken(*, since: datetime) -> list[rules.Taken]:
    """List what the schedule has to know."""
    rows = Backup.objects.filter(started_at__gte=since).exclude(state=Backup.State.PRUNED)
    good = (Backup.State.DONE, Backup.State.RUNNING)
    return [rules.Taken(row.kind, row.started_at, row.state in good) for row in rows]


def kept() -> list[rules.Kept]:
    """List what pruning has to know."""
    rows = Backup.objects.filter(state__in=[Backup.State.DONE]).select_related("parent")
    return [
        rules.Kept(
            row.generation,
            row.parent.generation if row.parent is not None else None,
            row.keep_until,
            row.is_held,
            row.is_sound is not False,
        )
        for row in rows
    ]


def drills(*, limit: int, after: UUID | None = None) -> list[Drill]:
    """List drills, newest first."""
    rows = Drill.objects.select_related("backup").order_by("-id")
    return list((rows if after is None else rows.filter(pk__lt=after))[:limit])


def drill(pk: UUID) -> Drill:
    """Return a drill.

    Raises:
        NotFound
    """
    found: Drill | None = Drill.objects.select_related("backup").filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def drills_of_jobs(job_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the drill each of these jobs ran, where it ran one."""
    return dict(Drill.objects.filter(job_id__in=job_ids).values_list("job_id", "pk"))


def steps(drill_id: UUID) -> list[DrillStep]:
    """List the checks of a drill in their order."""
    return list(DrillStep.objects.filter(drill_id=drill_id).order_by("position"))


def last_passed() -> Drill | None:
    """Return the newest drill that passed."""
    found: Drill | None = Drill.objects.filter(state=Drill.State.PASSED).order_by("-started_at").first()
    return found


def restores(*, limit: int) -> list[RestoreRequest]:
    """List what was asked for, newest first."""
    return list(RestoreRequest.objects.order_by("-id")[:limit])


def organization_ids(slugs: Sequence[str]) -> dict[str, UUID]:
    """Return the ids of organizations by slug; a slug is no secret of theirs."""
    rows = Tenant.objects.filter(slug__in=slugs).values_list("slug", "pk")
    return {str(slug): UUID(str(pk)) for slug, pk in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What every organization may know of the installation's backups: states, times and counts."""

    last_full_at: datetime | None
    last_backup_at: datetime | None
    last_verified_at: datetime | None
    backups_kept: int
    oldest_kept_at: datetime | None
    targets: int
    targets_immutable: int
    targets_offsite: int
    places_seen_at: datetime | None
    stream_seen_at: datetime | None
    stream_covers_at: datetime | None
    keep_days: int
    drill_days: int
    last_drill_at: datetime | None
    last_drill_passed: bool | None
    last_passed_at: datetime | None
    rpo_milliseconds: int | None
    rto_milliseconds: int | None
    drills_passed: int
    drills_failed: int
    checks: tuple[tuple[str, bool], ...]
    is_backup_late: bool
    is_drill_late: bool
    is_stream_late: bool


def evidence() -> Evidence:
    """Return the state of backups, whatever scope is open.

    Row-level security shows the operator's rows to nobody else: a function of the database hands out these
    figures, and nothing that names a place, a key or an organization.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT backups_evidence()")
        (answer,) = cursor.fetchone()
    known = answer if isinstance(answer, dict) else json.loads(answer)
    for name, value in known.items():
        if name.endswith("_at") and value is not None:
            known[name] = datetime.fromisoformat(value)
    known["checks"] = tuple((str(name), bool(ok)) for name, ok in known["checks"])
    return Evidence(**known)
