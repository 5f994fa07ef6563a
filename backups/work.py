"""The long work of backups as the ops-worker does it: each with a job that shows how far it has come.

Whoever asks, a page, a command or the clock, goes through `ask`; whoever works goes through `run`.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from audit import services as audit
from backups import (
    archive,
    chains,
    events,
    keeping,
    lateness,
    lost,
    places,
    queries,
    rules,
    server,
    services,
    taking,
    targets,
)
from backups.drills import results, running
from backups.models import Backup, Copy, Drill
from core import clock
from core.actor import Actor
from core.errors import Conflict, Refusal
from tenancy import jobs
from tenancy.context import use_case
from tenancy.models import Job, Tenant

_log = logging.getLogger("strongbox.backups")
BACKUP, VERIFY, DRILL, KEEP = "backup.run", "backup.verify", "backup.drill", "backup.keep"
_KEPT_ROWS = timedelta(days=45)


class BackupWorkRuns(Conflict):
    """This has been asked for already and is not finished."""

    code = "backup_work_runs"


@use_case
def ask(
    *,
    kind: str,
    actor: Actor,
    at: datetime,
    send: Callable[..., object],
    backup_kind: str = "",
    backup_id: UUID | None = None,
    wanted: datetime | None = None,
) -> Job:
    """Ask for work in the operator's scope; `send` hands it to the ops-worker after the commit.

    Raises:
        BackupWorkRuns: the same has been asked for and is not finished.
    """
    lasting = jobs.lasting(kind=kind)
    # Another hold is another thing to do; the rest would be done twice.
    if kind != KEEP and lasting is not None and at - lasting.created_at < services.ABANDONED_AFTER:
        raise BackupWorkRuns
    job = jobs.start(kind=kind, at=at, created_by=actor.id)
    if kind == BACKUP:
        audit.record(events.BACKUP_ASKED, actor=actor, subject=("job", job.pk), facts={"kind": backup_kind})
    elif kind == DRILL:
        audit.record(events.DRILL_ASKED, actor=actor, subject=("job", job.pk))
    arguments = {
        "kind": kind,
        "job_id": str(job.pk),
        "backup_kind": backup_kind,
        "backup_id": str(backup_id) if backup_id else "",
        "wanted": wanted.isoformat() if wanted else "",
    }
    jobs.hand_over(job, lambda: send(arguments))
    return job


def run(
    arguments: dict[str, str], *, actor: Actor, now: Callable[[], datetime] = clock.now
) -> dict[str, Any]:
    """Do what was asked for, noting progress and outcome on its job; returns counts and the id of the result.

    Raises:
        Refusal: it failed; the job says so with its code.
    """
    job_id = UUID(arguments["job_id"])

    def progress(done: int, total: int) -> None:
        with queries.of_operator():
            jobs.advance(job_id=job_id, at=now(), done=done, total=total)

    act = {BACKUP: _backup, VERIFY: _verify, DRILL: _drill, KEEP: _keep_held}[arguments["kind"]]
    try:
        progress(0, 0)
        counts = act(arguments, job_id, actor, now, progress)
    except Exception as error:
        # Whoever waits must hear of it: a code, never a message that might quote a value.
        code = error.code if isinstance(error, Refusal) else "failed"
        with queries.of_operator():
            jobs.fail(job_id=job_id, at=now(), code=code)
        raise
    with queries.of_operator():
        jobs.finish(job_id=job_id, at=now(), counts=counts)
    return counts


_Progress = Callable[[int, int], None]


def _backup(
    arguments: dict[str, str], job_id: UUID, actor: Actor, now: Callable[[], datetime], progress: _Progress
) -> dict[str, int]:
    def take(kind: str) -> Backup:
        return taking.take(
            kind=kind, actor=actor, now=now, progress=lambda done: progress(done, 0), job_id=job_id
        )

    try:
        made = take(arguments["backup_kind"] or rules.FULL)
    except server.ProgramFailed:
        if arguments["backup_kind"] != rules.INCREMENTAL:
            raise
        # After a restore the cluster is on another branch of time, and nothing there can be built on.
        made = take(rules.FULL)
    verify(made.pk, actor=actor, now=now)
    keeping.prune(actor=actor, now=now)
    return {"generation": made.generation, "bytes": made.bytes_stored}


def _verify(
    arguments: dict[str, str], job_id: UUID, actor: Actor, now: Callable[[], datetime], progress: _Progress
) -> dict[str, int]:
    sound, wrong = verify(UUID(arguments["backup_id"]), actor=actor, now=now, progress=progress)
    return {"sound": sound, "faults": wrong}


def _drill(
    arguments: dict[str, str], job_id: UUID, actor: Actor, now: Callable[[], datetime], progress: _Progress
) -> dict[str, int]:
    wanted = datetime.fromisoformat(arguments["wanted"]) if arguments["wanted"] else None
    with queries.of_operator():
        made = results.begin(wanted=wanted, job_id=job_id, actor=actor, at=now())
    done = running.run(drill_id=made.pk, wanted=wanted, actor=actor, now=now, progress=progress)
    return {"passed": int(done.state == Drill.State.PASSED), "rto_ms": done.rto_milliseconds}


def _keep_held(
    arguments: dict[str, str], job_id: UUID, actor: Actor, now: Callable[[], datetime], progress: _Progress
) -> dict[str, int]:
    """Lengthen the locks at the targets at once: a hold that waits for the next backup holds nothing until then."""
    return {"copies": keeping.lengthen(at=now())}


def verify(
    backup_id: UUID,
    *,
    actor: Actor,
    now: Callable[[], datetime],
    progress: _Progress = lambda done, total: None,
) -> tuple[int, int]:
    """Read every stored byte of a backup at every target and check it against the signatures and the catalogue.

    Returns how many copies are sound and how many are not. It needs no private key.
    """
    with queries.of_operator():
        made = queries.backup(backup_id)
        copies = queries.copies(backup_id)
    trusted = places.trusted()
    by_name = {one.name: one.place for one in places.open_targets()}
    faults: dict[UUID, str] = {}
    for number, copy in enumerate(copies):
        progress(number, len(copies))
        code = _fault_of(copy, made, by_name.get(copy.target), trusted)
        if code:
            _log.error("backup %s at %s is not sound: %s", copy.name, copy.target, code)
            faults[copy.pk] = code
    with queries.of_operator():
        services.note_verified(
            backup_id=backup_id, sound=len(copies) - len(faults), faults=faults, actor=actor, at=now()
        )
    return len(copies) - len(faults), len(faults)


def _fault_of(copy: Copy, made: Backup, target: Any, trusted: list[bytes]) -> str:
    if target is None:
        return "target_unknown"
    try:
        with target.get(copy.name) as source:
            hashed = chains.Hashed(source)
            header = archive.verify(hashed, trusted=trusted, newest_known=made.generation)
    except Refusal as error:
        return error.code
    except OSError:
        return targets.TargetUnusable.code
    right = (
        header.archive == str(made.pk) if copy.part == Copy.Part.DATABASE else header.parent == str(made.pk)
    )
    if header.generation != made.generation or not right:
        return archive.AnotherArchive.code
    return "" if hashed.digest == copy.sha256 else "not_what_was_stored"


def tick(*, actor: Actor, now: Callable[[], datetime], send: Callable[..., object]) -> list[str]:
    """Look what is due and ask for it, and give the signals of what is late; returns what was done."""
    at = now()
    done: list[str] = []
    _note_restore(actor=actor, at=at)
    with queries.of_operator() as operator:
        plan = services.plan()
        taken = queries.taken(since=at - _KEPT_ROWS)
        drills = list(Drill.objects.order_by("-started_at").values_list("started_at", flat=True)[:1])
        has_backup = queries.latest_done() is not None
        since = Tenant.objects.values_list("created_at", flat=True).get(pk=operator)
        lateness.look_for_lateness(since=since, actor=actor, at=at)
        lateness.note_places(found=_kinds_of_places(), actor=actor, at=at)
        wanted = rules.backup_due(at, taken=taken)
        if wanted and _is_free(BACKUP, at):
            ask(kind=BACKUP, actor=actor, at=at, send=send, backup_kind=wanted)
            done.append(wanted)
        elif _is_free(DRILL, at) and rules.drill_due(
            at, every_days=plan.drill_days, started=drills, has_backup=has_backup
        ):
            ask(kind=DRILL, actor=actor, at=at, send=send)
            done.append("drill")
    return done


def _kinds_of_places() -> lateness.Places:
    found = places.open_targets()
    return lateness.Places(
        targets=len(found),
        immutable=sum(one.place.immutable for one in found),
        offsite=sum(one.is_offsite for one in found),
    )


def _note_restore(*, actor: Actor, at: datetime) -> None:
    """Write into the trail of a cluster that it was restored: while it was being restored it could not say so."""
    told = lost.restored()
    if told is None:
        return
    end_lost_work(at=at)
    numbers = ("files", "segments", "generation", "accepted_older")
    counts = {name: int(told[name]) for name in numbers if name in told}
    request = str(told.get("request") or "")
    with queries.of_operator():
        services.note_restored(
            kind="cluster", request_id=UUID(request) if request else None, counts=counts, actor=actor, at=at
        )
    lost.marker().unlink()


def end_lost_work(*, at: datetime) -> None:
    """End what a restored cluster believes to be under way; asked again, there is nothing left to end."""
    told = lost.restored()
    if told is not None:
        with queries.of_operator():
            before = datetime.fromisoformat(told["at"])
            lost.end(kinds=(BACKUP, VERIFY, DRILL, KEEP), before=before, at=at)


def _is_free(kind: str, at: datetime) -> bool:
    lasting = jobs.lasting(kind=kind)
    return lasting is None or at - lasting.created_at >= services.ABANDONED_AFTER
