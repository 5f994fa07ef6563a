"""What the worker and the receiver find out by themselves, and the signal that each change of it gives once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import services as audit
from backups import events, queries, rules
from backups.models import Plan
from backups.services import plan
from core.actor import Actor
from tenancy.context import use_case


@dataclass(frozen=True, slots=True)
class Places:
    """How many targets there are, how many refuse to delete early, and how many are another machine's."""

    targets: int
    immutable: int
    offsite: int

    @property
    def are_safe(self) -> bool:
        """Tell whether a thief of this machine, and its fire, leave a backup."""
        return self.immutable > 0 and self.offsite > 0


@use_case
def note_places(*, found: Places, actor: Actor, at: datetime) -> None:
    """Note what kind of targets there are; gives a signal when they are no longer, or never were, safe ones."""
    kept = plan()
    was = Places(kept.targets, kept.targets_immutable, kept.targets_offsite)
    if kept.places_seen_at is not None and was == found:
        return
    kept.targets, kept.targets_immutable, kept.targets_offsite = found.targets, found.immutable, found.offsite
    kept.places_seen_at = at
    kept.save(update_fields=["targets", "targets_immutable", "targets_offsite", "places_seen_at"])
    facts = {"targets": found.targets, "immutable": found.immutable, "offsite": found.offsite}
    result: audit.Result = "success" if found.are_safe else "failed"
    audit.record(events.PLACES_CHANGED, actor=actor, subject=("plan", kept.pk), facts=facts, result=result)


@use_case
def note_stream(
    *, segment: str, stored_at: datetime | None, covers_at: datetime | None, lag_bytes: int, at: datetime
) -> None:
    """Note how far the stream of changes has come."""
    values: dict[str, Any] = {"stream_seen_at": at, "stream_lag_bytes": lag_bytes}
    if segment:
        values |= {"stream_segment": segment}
    if stored_at is not None:
        values |= {"stream_stored_at": stored_at}
    if covers_at is not None:
        values |= {"stream_covers_at": covers_at}
    Plan.objects.filter(pk=plan().pk).update(**values)


@use_case
def note_missed(*, number: int, missed: Mapping[str, str], actor: Actor, at: datetime) -> None:
    """Give a signal of targets that did not take the changes: they hold less than they seem to."""
    for target, code in sorted(missed.items()):
        facts: dict[str, str | int] = {"target": target, "part": "changes", "number": number, "code": code}
        audit.record(events.COPY_MISSED, actor=actor, facts=facts, result="failed")


@use_case
def note_missing(*, left: Mapping[str, int], sent: Mapping[str, int], actor: Actor, at: datetime) -> None:
    """Note of how many stored changes each target is short; gives a signal when one is short of none any more."""
    kept = plan()
    missing = {target: number for target, number in sorted(left.items()) if number}
    if missing != kept.changes_missing:
        kept.changes_missing = missing
        kept.save(update_fields=["changes_missing"])
    for target, number in sorted(sent.items()):
        if number and target not in missing:
            audit.record(events.CAUGHT_UP, actor=actor, facts={"target": target, "number": number})


@use_case
def look_for_lateness(*, since: datetime, actor: Actor, at: datetime) -> list[str]:
    """Give a signal for everything that has become late, once, and forget it when it is no longer."""
    kept = plan()
    last = queries.latest_done()
    passed = queries.last_passed()
    found = {
        "overdue_since": rules.backup_is_late(at, last_good=last.finished_at if last else None, since=since),
        "drill_overdue_since": rules.drill_is_late(
            at, every_days=kept.drill_days, last_passed=passed.finished_at if passed else None, since=since
        ),
        "stream_behind_since": rules.stream_is_late(at, covers=kept.stream_covers_at, since=since),
    }
    signals = []
    for name, is_late in found.items():
        was = getattr(kept, name) is not None
        if is_late == was:
            continue
        setattr(kept, name, at if is_late else None)
        kept.save(update_fields=[name])
        if is_late:
            signals.append(name)
    if "overdue_since" in signals:
        hours = int((at - ((last.finished_at if last else None) or since)).total_seconds() // 3600)
        audit.record(events.BACKUP_OVERDUE, actor=actor, facts={"hours": hours}, result="failed")
    if "drill_overdue_since" in signals:
        days = (at - ((passed.finished_at if passed else None) or since)).days
        audit.record(events.DRILL_OVERDUE, actor=actor, facts={"days": days}, result="failed")
    if "stream_behind_since" in signals:
        seconds = int((at - (kept.stream_covers_at or since)).total_seconds())
        audit.record(events.STREAM_BEHIND, actor=actor, facts={"seconds": seconds}, result="failed")
    return signals
