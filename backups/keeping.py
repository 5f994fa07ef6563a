"""What stays at the targets and what goes: bytes whose day has come, and locks that must last as long as the need."""

import io
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from backups import places, pruning, queries, rules, services, taking, targets
from backups.models import Backup, Copy
from core.actor import Actor
from core.errors import Refusal

_log = logging.getLogger("strongbox.backups")
_PROOF_KEPT = timedelta(days=365)
_ABANDONED = timedelta(days=2)


def lengthen(*, at: datetime) -> int:
    """Lengthen the locks of what must stay, at every target; return how many copies were looked at."""
    with queries.of_operator():
        staying = _staying(at, kept=queries.kept(), gone=[])
    for one in places.open_targets():
        _keep(one, staying)
    return len(staying)


def prune(*, actor: Actor, now: Callable[[], datetime]) -> list[int]:
    """Remove the bytes whose day has come, from every target; return the generations that went.

    A target that keeps longer, because it is immutable and its date lies later, keeps: the row stays done until
    every copy is gone. What went is proved at each target by what lies there afterwards (pruning.prune), and the
    signed proof is left there.
    """
    at = now()
    with queries.of_operator():
        kept = queries.kept()
        gone = rules.to_prune(at, kept=kept)
        rows = {row.generation: row for row in Backup.objects.filter(generation__in=gone)}
        copies = {generation: _copies_left(rows[generation]) for generation in gone}
        # Those that go as well: a target may keep them, and then they still need their changes.
        known = list(Backup.objects.filter(state=Backup.State.DONE))
        staying = _staying(at, kept=kept, gone=gone)
        never_done = {
            taking.object_name(made, part)
            for made in Backup.objects.filter(state=Backup.State.FAILED, keep_until__lte=at)
            for part in ("database", "files")
        }
    left: set[tuple[str, str]] = set()
    for one in places.open_targets():
        doomed = {
            copy.name: f"kept until {rows[generation].keep_until.isoformat()}"
            for generation in gone
            for copy in copies[generation]
            if copy.target == one.name
        }
        doomed |= dict.fromkeys(_stored_of(one, never_done), "it belongs to a backup that failed")
        left |= {(one.name, name) for name in _prune_at(one, doomed, known, at)}
        _sweep(one, at)
        _keep(one, staying)
    pruned = []
    for generation in gone:
        if any((copy.target, copy.name) in left for copy in copies[generation]):
            continue
        made = rows[generation]
        taking.manifest_path(made).unlink(missing_ok=True)
        with queries.of_operator():
            services.note_pruned(backup_id=made.pk, objects=len(copies[generation]), actor=actor, at=at)
        pruned.append(generation)
    return pruned


def _staying(at: datetime, *, kept: list[rules.Kept], gone: list[int]) -> list[tuple[Copy, datetime]]:
    until = rules.needed_until(at, kept=kept)
    rows = Backup.objects.filter(generation__in=[one.generation for one in kept]).exclude(generation__in=gone)
    return [(copy, until[made.generation]) for made in rows for copy in _copies_left(made)]


def _stored_of(one: places.Named, names: set[str]) -> list[str]:
    """Return which of these lie at a target: no row says what a backup that failed half way left there."""
    if not names:
        return []
    try:
        return [stored.name for stored in one.place.list("backups/") if stored.name in names]
    except targets.TargetRefused as error:
        _log.warning("what failed backups left at %s is not known: %s", one.name, error.code)
        return []


def _copies_left(made: Backup) -> list[Copy]:
    return [copy for copy in queries.copies(made.pk) if copy.state != Copy.State.PRUNED]


def _prune_at(one: places.Named, doomed: dict[str, str], known: list[Backup], at: datetime) -> set[str]:
    """Remove from one target what may go there; return the names that are still there, or may be."""
    needed_from = min((made.first_segment for made in known if made.first_segment), key=_place, default=None)
    try:
        everything = doomed | _unneeded(one, known, needed_from, at)
        if not everything:
            return set()
        proof = pruning.prune(
            one.place, everything, label=one.name, trusted=places.trusted(), needed_from=needed_from, at=at
        )
    except Refusal as error:
        _log.error("nothing more is removed at %s: %s", one.name, error.code)
        return set(doomed)
    if proof.gone:
        _leave(one, proof, at)
    return set(proof.kept_by_target)


def _keep(one: places.Named, staying: list[tuple[Copy, datetime]]) -> None:
    """Let the target keep what is needed for longer than was known when it was stored.

    Otherwise the lock of a full backup ends before those of what is built on it, and a thief of the target's key
    makes all of them useless by deleting one.
    """
    for copy, until in staying:
        if copy.target != one.name or until <= copy.keep_until:
            continue
        try:
            one.place.extend(copy.name, keep_until=until)
        except targets.KeptLonger:
            continue
        except targets.TargetRefused as error:
            _log.error("%s is not kept longer at %s: %s", copy.name, one.name, error.code)


def _sweep(one: places.Named, at: datetime) -> None:
    try:
        swept = one.place.sweep(before=at - _ABANDONED)
    except targets.TargetRefused as error:
        _log.warning("nothing is swept at %s: %s", one.name, error.code)
    else:
        if swept:
            _log.info("%s pieces of backups that never ended were removed at %s", swept, one.name)


def _leave(one: places.Named, proof: pruning.Proof, at: datetime) -> None:
    signed = pruning.sign(proof, places.signer())
    try:
        one.place.put(f"proofs/{at:%Y%m%d-%H%M%S-%f}.json", io.BytesIO(signed), at + _PROOF_KEPT)
    except targets.TargetRefused as error:
        # What went is gone all the same, and the trail says so.
        _log.error("the proof of a removal is not at %s: %s", one.name, error.code)


def _place(segment: str) -> str:
    return segment[8:]


def _unneeded(
    one: places.Named, known: list[Backup], needed_from: str | None, at: datetime
) -> dict[str, str]:
    """Return the changes and the added files from before the oldest backup, whose day has come too."""
    oldest = min((made.started_at for made in known), default=None)
    if oldest is None or needed_from is None:
        return {}
    found = [
        stored.name
        for prefix in ("wal/", "files/")
        for stored in one.place.list(prefix)
        if stored.stored_at < oldest and (stored.keep_until is None or stored.keep_until <= at)
    ]
    changes = {name for name in found if name.startswith("wal/")}
    unneeded = set(pruning.unneeded_changes(changes, needed_from=needed_from))
    return {name: "no backup is older" for name in found if name not in changes or name in unneeded}
