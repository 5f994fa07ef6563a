"""When a backup, a drill or an alarm is due: pure, told what time it is and what there is.

One night of the week everything is copied, the other nights what has changed; changes stream out in between.
Whatever a night missed, because a machine was off or a backup failed, is made up for at the next look.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FULL, INCREMENTAL = "full", "incremental"
_NIGHT = timedelta(hours=2)
_FULL_WEEKDAY = 6
_DAY = timedelta(days=1)
RETRY_AFTER = timedelta(minutes=30)
OVERDUE_AFTER = timedelta(hours=26)
DRILL_GRACE = _DAY
# The receiver closes a segment after a minute; three of them missed is no accident.
STREAM_BEHIND_AFTER = timedelta(minutes=5)


class Late(StrEnum):
    """What can be late."""

    BACKUP = "backup"
    DRILL = "drill"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Taken:
    """One backup as the schedule sees it."""

    kind: str
    started_at: datetime
    is_good: bool


def night(at: datetime) -> datetime:
    """Return the last two o'clock (UTC) at or before a moment."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + _NIGHT if at >= midnight + _NIGHT else midnight - _DAY + _NIGHT


def full_night(at: datetime) -> datetime:
    """Return the last Sunday's two o'clock at or before a moment."""
    last = night(at)
    return last - _DAY * ((last.weekday() - _FULL_WEEKDAY) % 7)


def backup_due(at: datetime, *, taken: Sequence[Taken]) -> str | None:
    """Return which kind of backup is due, or None. A failed one is tried again after half an hour."""
    good = [one for one in taken if one.is_good]
    fulls = [one.started_at for one in good if one.kind == FULL]
    wanted: str | None = None
    if not fulls or max(fulls) < full_night(at):
        wanted = FULL
    elif max(one.started_at for one in good) < night(at):
        wanted = INCREMENTAL
    newest = max(taken, key=lambda one: one.started_at, default=None)
    if wanted == INCREMENTAL and newest is not None and not newest.is_good and newest.kind == INCREMENTAL:
        # What it was to be built on may be what is wrong: begin anew.
        wanted = FULL
    failed = [one.started_at for one in taken if not one.is_good]
    if wanted and failed and at - max(failed) < RETRY_AFTER:
        return None
    return wanted


def drill_due(at: datetime, *, every_days: int, started: Iterable[datetime], has_backup: bool) -> bool:
    """Tell whether a drill is due: `every_days` after the start of the last one, passed or failed."""
    last = max(started, default=None)
    return has_backup and (last is None or at - last >= _DAY * every_days)


def backup_is_late(at: datetime, *, last_good: datetime | None, since: datetime) -> bool:
    """Tell whether a backup is overdue; `since` is when the installation began to keep backups."""
    return at - (last_good or since) > OVERDUE_AFTER


def drill_is_late(at: datetime, *, every_days: int, last_passed: datetime | None, since: datetime) -> bool:
    """Tell whether a drill is overdue."""
    return at - (last_passed or since) > _DAY * every_days + DRILL_GRACE


def stream_is_late(at: datetime, *, covers: datetime | None, since: datetime) -> bool:
    """Tell whether the stream of changes has fallen behind."""
    return at - (covers or since) > STREAM_BEHIND_AFTER


def keep_until(at: datetime, *, keep_days: int) -> datetime:
    """Return until when a backup that is taken now is kept."""
    return at + _DAY * keep_days


@dataclass(frozen=True, slots=True)
class Kept:
    """One backup as pruning sees it."""

    generation: int
    parent: int | None
    keep_until: datetime
    is_held: bool
    is_good: bool


def to_prune(at: datetime, *, kept: Sequence[Kept]) -> list[int]:
    """Return the generations whose bytes may go, children before their parents.

    Promise kept: what something that stays is built on stays as well, and so does the newest chain, however old.
    """
    by_generation = {one.generation: one for one in kept}
    stays: set[int] = set()

    def keep(one: Kept | None) -> None:
        while one is not None and one.generation not in stays:
            stays.add(one.generation)
            one = by_generation.get(one.parent) if one.parent is not None else None

    good = [one for one in kept if one.is_good]
    keep(max(good, key=lambda one: one.generation, default=None))
    for one in kept:
        if one.is_held or one.keep_until > at:
            keep(one)
    return sorted((one.generation for one in kept if one.generation not in stays), reverse=True)


def needed_until(at: datetime, *, kept: Sequence[Kept]) -> dict[int, datetime]:
    """Return until when the bytes of each backup must stay where they lie, whoever asks a target to delete them.

    A backup is needed as long as anything that is built on it is kept. A held one and the newest chain have no
    end: they are needed for another week at every look.
    """
    until = {one.generation: one.keep_until for one in kept}
    good = [one.generation for one in kept if one.is_good]
    newest = max(good, default=None)
    for one in sorted(kept, key=lambda one: one.generation, reverse=True):
        if one.is_held or one.generation == newest:
            until[one.generation] = max(until[one.generation], at + _DAY * 7)
        if one.parent in until:
            until[one.parent] = max(until[one.parent], until[one.generation])
    return until
