"""Backups and drills as rows: what was made and what was found, without a byte behind it."""

from datetime import timedelta
from uuid import UUID

from backups import queries, services
from backups.drills import results
from backups.drills.inside import Found
from backups.models import Backup, Drill
from core import clock
from core.actor import Actor

ACTOR = Actor.system("tests")


def backup(*, at=None, kind="full", parent=None, code="", targets=("x",)) -> Backup:
    """One backup, done, or failed with a code; inside the operator's scope."""
    at = at or clock.now()
    made = services.begin(kind=kind, parent=parent, floor=0, job_id=None, actor=ACTOR, at=at)
    if code:
        services.fail(backup_id=made.pk, code=code, actor=ACTOR, at=at)
        return made
    stored = [
        services.StoredCopy(
            part=part,
            target=target,
            name=f"backups/{made.generation:08d}-{kind}/{part}.sbk",
            bytes_stored=4_096_000 if kind == "full" else 96_000,
            sha256="ab" * 32,
        )
        for part in ("database", "files")
        for target in targets
    ]
    return services.finish(
        backup_id=made.pk,
        copies=stored,
        actor=ACTOR,
        at=at + timedelta(seconds=9),
        consistent_at=at,
        bytes_in=83_000_000,
    )


def found(*, wrong: str = "") -> list[Found]:
    """What a drill's checks found; one of them may be wrong."""
    return [
        Found(
            name=name,
            ok=name != wrong,
            milliseconds=1_200,
            counts={"rows": 1_234},
            code="books_do_not_balance" if name == wrong else "",
        )
        for name in sorted(results.EXPECTED)
    ]


def drill(checks: list[Found] | None = None, *, job_id: UUID | None = None) -> Drill:
    """One drill of the newest backup."""
    at = clock.now()
    made = results.begin(wanted=None, job_id=job_id, actor=ACTOR, at=at)
    return results.keep(
        drill_id=made.pk,
        backup=queries.latest_done(),
        found=found() if checks is None else checks,
        reached_at=at,
        rto_milliseconds=21_400,
        rpo_milliseconds=41_000,
        actor=ACTOR,
        at=at + timedelta(seconds=20),
    )
