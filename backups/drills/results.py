"""The result of a drill: kept with its checks, and signed by the key that signs archives.

Promise kept: whoever can change rows of the database, and cannot sign, cannot make a failed drill a passed one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from audit import queries as trail
from audit import services as audit
from audit.models import Event
from backups import events, newest, places
from backups.drills.inside import Found
from backups.models import Backup, Drill, DrillStep
from backups.services import ABANDONED_AFTER
from core import canonical, ids, primitives
from core.actor import Actor
from core.errors import Conflict
from tenancy.context import use_case

DOMAIN = b"strongbox.backup.drill.v1\0"


@use_case
def begin(*, wanted: datetime | None, job_id: UUID | None, actor: Actor, at: datetime) -> Drill:
    """Note that a drill begins. One that a dead worker left behind is over, and has failed."""
    # Work that is delivered again finds its own first try.
    left = Q(started_at__lt=at - ABANDONED_AFTER) | (Q(job_id=job_id) if job_id is not None else Q(pk=None))
    for one in Drill.objects.select_for_update().filter(left, state=Drill.State.RUNNING):
        one.state, one.finished_at, one.code = Drill.State.FAILED, at, "abandoned"
        one.save(update_fields=["state", "finished_at", "code"])
        audit.record(
            events.DRILL_FAILED,
            actor=actor,
            subject=("restore_drill", one.pk),
            facts={"code": one.code},
            result="failed",
        )
    made = Drill(started_at=at, wanted_at=wanted, job_id=job_id)
    made.save(force_insert=True)
    return made


@use_case
def keep(
    *,
    drill_id: UUID,
    backup: Backup | None,
    found: Sequence[Found],
    reached_at: datetime | None,
    rto_milliseconds: int,
    rpo_milliseconds: int,
    actor: Actor,
    at: datetime,
) -> Drill:
    """Note what a drill found, under a signature."""
    made: Drill = Drill.objects.select_for_update().get(pk=drill_id)
    wrong = [one for one in found if not one.ok]
    passed = bool(found) and not wrong and {one.name for one in found} == EXPECTED
    made.state = Drill.State.PASSED if passed else Drill.State.FAILED
    made.backup, made.finished_at, made.reached_at = backup, at, reached_at
    made.rto_milliseconds, made.rpo_milliseconds = rto_milliseconds, rpo_milliseconds
    made.code = "" if passed else (wrong[0].code if wrong else "checks_are_missing")
    made.result = _document(made, backup, found)
    made.signature = primitives.ed25519_sign(
        places.signer().private, DOMAIN + canonical.dumps(made.result)
    ).hex()
    made.save()
    for position, one in enumerate(found):
        DrillStep(
            drill=made,
            position=position,
            name=one.name,
            is_ok=one.ok,
            milliseconds=one.milliseconds,
            counts=one.counts,
            code=one.code[:64],
        ).save(force_insert=True)
    subject = ("restore_drill", made.pk)
    if passed and backup is not None:
        facts = {"generation": backup.generation, "checks": len(found), "rto_ms": rto_milliseconds}
        audit.record(events.DRILL_PASSED, actor=actor, subject=subject, facts=facts)
    else:
        audit.record(
            events.DRILL_FAILED,
            actor=actor,
            subject=subject,
            facts={"code": made.code or "backup_unknown"},
            result="failed",
        )
    return made


class NotToBeSignedFor(Conflict):
    """Only a drill that passed, and whose result still is what was signed, can be signed for."""

    code = "drill_not_to_be_signed_for"


class SignedForAlready(Conflict):
    """Somebody has signed for this drill."""

    code = "drill_signed_for"


@use_case
def sign_for(*, drill_id: UUID, actor: Actor, at: datetime) -> None:
    """Let a person say that they looked at what a drill found. The trail, which is sealed, keeps it.

    Raises:
        NotToBeSignedFor: it runs, it failed, or its result is not what was signed.
        SignedForAlready
    """
    found: Drill = Drill.objects.select_for_update(of=("self",)).select_related("backup").get(pk=drill_id)
    if found.state != Drill.State.PASSED or found.backup is None or not is_genuine(found):
        raise NotToBeSignedFor
    if signed_for(found) is not None:
        raise SignedForAlready
    audit.record(
        events.DRILL_SIGNED,
        actor=actor,
        subject=("restore_drill", found.pk),
        facts={"generation": found.backup.generation},
    )


def signed_for(drill: Drill) -> Event | None:
    """Return the entry of the trail in which somebody signed for a drill."""
    asked = trail.Filters(event=events.DRILL_SIGNED.code, subject=drill.pk, since=drill.started_at)
    return next(iter(trail.events(asked, limit=1).events), None)


EXPECTED = frozenset(
    {"archive", "manifest", "recovery", "amcheck", "rows", "ledger", "seals", "decrypt", "files", "sign_in"}
)


def is_genuine(drill: Drill) -> bool:
    """Tell whether the result is what was signed, and the row says the same."""
    if not drill.signature or drill.result.get("state") != drill.state:
        return False
    if drill.result.get("drill") != ids.encode("restore_drill", drill.pk):
        return False
    message = DOMAIN + canonical.dumps(drill.result)
    for public in places.trusted():
        try:
            primitives.ed25519_verify(public, bytes.fromhex(drill.signature), message)
        except (primitives.InvalidSignature, ValueError):
            continue
        return True
    return False


def _document(made: Drill, backup: Backup | None, found: Sequence[Found]) -> dict[str, Any]:
    return {
        "format": "strongbox.drill.v1",
        "drill": ids.encode("restore_drill", made.pk),
        "state": str(made.state),
        "backup": ids.encode("backup", backup.pk) if backup is not None else None,
        "generation": backup.generation if backup is not None else None,
        "started_at": _written(made.started_at),
        "finished_at": _written(made.finished_at),
        "wanted_at": _written(made.wanted_at),
        "reached_at": _written(made.reached_at),
        "rto_milliseconds": made.rto_milliseconds,
        "rpo_milliseconds": made.rpo_milliseconds,
        # On paper and in other hands: whoever restores can tell an old archive by it.
        "newest": _newest(),
        "checks": [
            {
                "name": one.name,
                "ok": one.ok,
                "milliseconds": one.milliseconds,
                "counts": dict(one.counts),
                "code": one.code,
            }
            for one in found
        ],
    }


def _newest() -> dict[str, dict[str, Any]]:
    try:
        return newest.by_target()
    except newest.NewestNoteBroken:
        return {}


def _written(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at is not None else None
