"""What is done with backups, inside the operator's scope: asked for, noted, kept, held, and restored by two people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.permissions import Permission
from accounts.services import approvals
from audit import services as audit
from backups import events, queries, rules
from backups.models import Backup, Copy, Plan, RestoreRequest
from core.actor import Actor
from core.errors import Conflict, FieldError, Forbidden, Invalid
from tenancy import context
from tenancy.context import use_case
from tenancy.models import Tenant

# Nothing takes longer; what is older was left behind by a process that died.
ABANDONED_AFTER = timedelta(hours=12)
AGREED_FOR = timedelta(days=7)
RESTORE_KIND = "backup_restore"


class BackupRuns(Conflict):
    """A backup is under way already. Wait until it is finished."""

    code = "backup_runs"


class NothingToBuildOn(Conflict):
    """There is no full backup to build on. Make a full one first."""

    code = "backup_needs_full"


class BackupNotRestorable(Conflict):
    """This backup is not complete, or its bytes have been removed."""

    code = "backup_not_restorable"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCopy:
    """One object as it was stored."""

    part: str
    target: str
    name: str
    bytes_stored: int
    sha256: str


@use_case
def plan() -> Plan:
    """Return the plan; the first call makes it."""
    found = queries.plan()
    if found is None:
        found = Plan()
        found.save(force_insert=True)
    return found


@use_case
def begin(
    *, kind: str, parent: Backup | None, floor: int, job_id: UUID | None, actor: Actor, at: datetime
) -> Backup:
    """Note that a backup begins; its generation is above every one known here and `floor`, the target's.

    Raises:
        BackupRuns: another one is under way.
    """
    kept = plan()
    Plan.objects.select_for_update().get(pk=kept.pk)
    running = Backup.objects.filter(state=Backup.State.RUNNING)
    # Work that is delivered again, because the worker died, finds its own first try.
    left = Q(started_at__lt=at - ABANDONED_AFTER) | (Q(job_id=job_id) if job_id is not None else Q(pk=None))
    running.filter(left).update(state=Backup.State.FAILED, finished_at=at, code="abandoned")
    if running.exists():
        raise BackupRuns
    newest = Backup.objects.order_by("-generation").values_list("generation", flat=True).first() or 0
    made = Backup(
        generation=max(newest, floor) + 1,
        kind=kind,
        parent=parent,
        started_at=at,
        keep_until=rules.keep_until(at, keep_days=kept.keep_days),
        job_id=job_id,
    )
    made.save(force_insert=True)
    return made


@use_case
def finish(
    *,
    backup_id: UUID,
    copies: list[StoredCopy],
    actor: Actor,
    at: datetime,
    missed: Mapping[str, str] = MappingProxyType({}),
    **facts: Any,
) -> Backup:
    """Note that a backup is complete and where its copies lie; `missed` are the targets without one, and why."""
    made: Backup = Backup.objects.select_for_update().get(pk=backup_id)
    made.state, made.finished_at = Backup.State.DONE, at
    made.milliseconds = int((at - made.started_at).total_seconds() * 1000)
    for name, value in facts.items():
        setattr(made, name, value)
    made.bytes_stored = sum({copy.part: copy.bytes_stored for copy in copies}.values())
    made.save()
    for copy in copies:
        Copy(
            backup=made,
            part=copy.part,
            target=copy.target,
            name=copy.name,
            bytes_stored=copy.bytes_stored,
            sha256=copy.sha256,
            stored_at=at,
            keep_until=made.keep_until,
        ).save(force_insert=True)
    audit.record(
        events.BACKUP_COMPLETED,
        actor=actor,
        subject=("backup", made.pk),
        facts={"kind": made.kind, "generation": made.generation, "bytes": made.bytes_stored},
    )
    for target, code in sorted(missed.items()):
        told: dict[str, str | int] = {"target": target, "part": "backup", "number": made.generation}
        audit.record(
            events.COPY_MISSED,
            actor=actor,
            subject=("backup", made.pk),
            facts={**told, "code": code},
            result="failed",
        )
    return made


@use_case
def fail(*, backup_id: UUID, code: str, actor: Actor, at: datetime) -> None:
    """Note that a backup failed."""
    made = Backup.objects.select_for_update().get(pk=backup_id)
    made.state, made.finished_at, made.code = Backup.State.FAILED, at, code
    made.save(update_fields=["state", "finished_at", "code"])
    audit.record(
        events.BACKUP_FAILED,
        actor=actor,
        subject=("backup", made.pk),
        facts={"kind": made.kind, "generation": made.generation, "code": code},
        result="failed",
    )


@use_case
def note_verified(
    *, backup_id: UUID, sound: int, faults: Mapping[UUID, str], actor: Actor, at: datetime
) -> Backup:
    """Note what a verification found; `faults` names the copies that are not sound."""
    made: Backup = Backup.objects.select_for_update().get(pk=backup_id)
    made.verified_at, made.is_sound = at, not faults and sound > 0
    made.save(update_fields=["verified_at", "is_sound"])
    # A target that was away, or a copy that was brought back, counts again.
    Copy.objects.filter(backup_id=backup_id).exclude(pk__in=faults).exclude(state=Copy.State.PRUNED).update(
        checked_at=at, state=Copy.State.STORED
    )
    Copy.objects.filter(pk__in=faults).update(checked_at=at, state=Copy.State.MISSING)
    subject = ("backup", made.pk)
    if made.is_sound:
        facts = {"generation": made.generation, "copies": sound}
        audit.record(events.BACKUP_VERIFIED, actor=actor, subject=subject, facts=facts)
    else:
        code = next(iter(faults.values()), "no_copies")
        audit.record(
            events.BACKUP_VERIFY_FAILED,
            actor=actor,
            subject=subject,
            facts={"generation": made.generation, "code": code},
            result="failed",
        )
    return made


@use_case
def note_pruned(*, backup_id: UUID, objects: int, actor: Actor, at: datetime) -> None:
    """Note that the bytes of a backup are gone; the row stays."""
    made = Backup.objects.select_for_update().get(pk=backup_id)
    made.state = Backup.State.PRUNED
    made.save(update_fields=["state"])
    Copy.objects.filter(backup_id=backup_id).update(state=Copy.State.PRUNED)
    audit.record(
        events.BACKUP_PRUNED,
        actor=actor,
        subject=("backup", made.pk),
        facts={"generation": made.generation, "objects": objects},
    )


@use_case
def hold(*, backup_id: UUID, held: bool, actor: Actor, at: datetime) -> Backup:
    """Keep a backup past its day, or let its day count again.

    Raises:
        NoSuchBackup
        BackupNotRestorable: there is nothing left to keep.
    """
    made = queries.backup(backup_id)
    if made.state != Backup.State.DONE:
        raise BackupNotRestorable
    made.is_held = held
    made.save(update_fields=["is_held"])
    audit.record(
        events.BACKUP_HELD,
        actor=actor,
        subject=("backup", made.pk),
        facts={"generation": made.generation, "held": held},
    )
    return made


@use_case
def change_plan(*, keep_days: int, drill_days: int, actor: Actor, at: datetime) -> Plan:
    """Change how long backups are kept and how often drills run; what is stored keeps its own day.

    Raises:
        Invalid: outside the bounds.
    """
    faults = []
    if not 14 <= keep_days <= 3650:
        faults.append(FieldError("/keep_days", "out_of_bounds", "Enter a number of days from 14 to 3650."))
    if not 1 <= drill_days <= 31:
        faults.append(FieldError("/drill_days", "out_of_bounds", "Enter a number of days from 1 to 31."))
    if faults:
        raise Invalid(faults)
    kept = plan()
    kept.keep_days, kept.drill_days = keep_days, drill_days
    kept.save(update_fields=["keep_days", "drill_days"])
    facts = {"keep_days": keep_days, "drill_days": drill_days}
    audit.record(events.RETENTION_CHANGED, actor=actor, subject=("plan", kept.pk), facts=facts)
    return kept


@use_case
def ask_restore(
    *, kind: str, organization: str, wanted_at: datetime | None, reason: str, actor: Actor, at: datetime
) -> RestoreRequest:
    """Ask a second person for a restore.

    Raises:
        Invalid: no such organization, or a moment that no backup reaches.
        OnlyPeopleAsk
    """
    faults = []
    organization_id = None
    if kind == RestoreRequest.Kind.ORGANIZATION:
        organization_id = Tenant.objects.filter(slug=organization).values_list("pk", flat=True).first()
        if organization_id is None:
            faults.append(FieldError("/organization", "unknown", "There is no organization of this name."))
    if wanted_at is not None and wanted_at > at:
        faults.append(FieldError("/wanted_at", "in_the_future", "Choose a moment that has passed."))
    elif wanted_at is not None:
        try:
            queries.for_time(wanted_at)
        except queries.NoSuchBackup as error:
            faults.append(FieldError("/wanted_at", "not_reached", error.message))
    if not reason.strip():
        faults.append(FieldError("/reason", "required", "Say why, for the person who decides."))
    if faults:
        raise Invalid(faults)
    asked = RestoreRequest(
        kind=kind,
        organization_id=organization_id,
        wanted_at=wanted_at,
        requested_by=actor.id,
        asked_at=at,
    )
    asked.save(force_insert=True)
    approval = approvals.request(
        kind=RESTORE_KIND,
        payload={"restore": str(asked.pk)},
        actor=actor,
        at=at,
        subject=("restore", asked.pk),
        reason=reason,
    )
    asked.approval_id = approval.pk
    asked.save(update_fields=["approval_id"])
    audit.record(events.RESTORE_REQUESTED, actor=actor, subject=("restore", asked.pk), facts={"kind": kind})
    return asked


def agreed(*, payload: Mapping[str, Any], request: Any, actor: Actor, at: datetime) -> None:
    """Note that a second person agreed; the command that restores looks for this."""
    asked = RestoreRequest.objects.select_for_update().get(pk=UUID(payload["restore"]))
    asked.state, asked.approved_by, asked.approved_at = RestoreRequest.State.APPROVED, actor.id, at
    asked.save(update_fields=["state", "approved_by", "approved_at"])
    audit.record(
        events.RESTORE_APPROVED, actor=actor, subject=("restore", asked.pk), facts={"kind": asked.kind}
    )


def declined(*, payload: Mapping[str, Any], request: Any, actor: Actor, at: datetime) -> None:
    """Note that nobody agreed."""
    RestoreRequest.objects.filter(pk=UUID(payload["restore"])).update(state=RestoreRequest.State.DECLINED)


APPROVAL = approvals.Kind(
    code=RESTORE_KIND, execute=agreed, withdrawn=declined, permission=Permission.OPS_RESTORE
)


@use_case
def note_restored(
    *, kind: str, request_id: UUID | None, counts: Mapping[str, int], actor: Actor, at: datetime
) -> None:
    """Note that a restore is complete."""
    if request_id is not None:
        RestoreRequest.objects.filter(pk=request_id).update(
            state=RestoreRequest.State.DONE, finished_at=at, counts=dict(counts)
        )
    audit.record(
        events.RESTORE_COMPLETED,
        actor=actor,
        subject=("restore", request_id) if request_id else None,
        facts={"kind": kind, **counts},
    )


class RestoreNotAgreed(Forbidden):
    """Two people have to agree to this restore first, and each agreement is used once within seven days."""

    code = "restore_not_agreed"


@use_case
def agreed_restore(
    *, request_id: UUID, kind: str, organization_id: UUID | None, wanted_at: datetime | None, at: datetime
) -> RestoreRequest:
    """Return a restore that two people agreed to, if it is this one; to its own moment, and to no other.

    Raises:
        RestoreNotAgreed
    """
    asked: RestoreRequest | None = (
        RestoreRequest.objects.select_for_update()
        .filter(pk=request_id, kind=kind, state=RestoreRequest.State.APPROVED)
        .first()
    )
    if asked is None or (wanted_at is not None and wanted_at != asked.wanted_at):
        raise RestoreNotAgreed
    if asked.organization_id != organization_id:
        # The row of an organization that is gone says no more which one has this name.
        there = asked.organization_id and Tenant.objects.filter(pk=asked.organization_id).exists()
        if organization_id is not None or there:
            raise RestoreNotAgreed
    if asked.approved_at is None or at - asked.approved_at > AGREED_FOR:
        raise RestoreNotAgreed
    return asked


def note_restored_to(*, tenant_id: UUID, counts: Mapping[str, int], actor: Actor) -> None:
    """Write into an organization's own trail that it was put back; opens a scope of its own."""
    with context.scope(context.Scope(tenant_id)):
        audit.record(events.RESTORE_COMPLETED, actor=actor, facts={"kind": "organization", **counts})
