"""Removing backups, with a proof of what went, why, and what can still be restored.

Promise kept: no archive goes on which one that stays is built, and the last one from which anything could be
restored never goes. What is said to be there afterwards was looked at afterwards, at the target itself: its own
signed header, not a row of the database that is being protected.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from backups import archive
from backups.targets import NotStored, StillKept, Stored, Target
from core import canonical, primitives
from core.errors import Refusal

SUFFIX = ".sbk"
_BASES, _CHANGES, _FILES = "backups/", "wal/", "files/"
_KINDS = frozenset({archive.Kind.FULL, archive.Kind.INCREMENTAL})
_DOMAIN = b"strongbox.backup.pruned.v1\0"
# A segment's name: timeline, log, segment; the last two count on across timelines.
_SEGMENT = re.compile(r"[0-9a-f]{8}([0-9a-f]{16})")


class WouldBreakAChain(Refusal):
    """A backup that stays is built on one that would go."""

    code = "prune_would_break_a_chain"


class NothingWouldRemain(Refusal):
    """This would remove the last backup from which anything can be restored."""

    code = "prune_would_leave_nothing"


class StillNeeded(Refusal):
    """A backup that stays needs changes or files that would go."""

    code = "prune_would_remove_what_is_needed"


class NotAsProved(Refusal):
    """After the removal the target does not hold what it should hold."""

    code = "prune_not_as_proved"


@dataclass(frozen=True, slots=True)
class Gone:
    """One object that was removed."""

    name: str
    bytes: int
    why: str


@dataclass(frozen=True, slots=True)
class Restorable:
    """One backup that stays, with everything it is built on, oldest first; each was looked at afterwards."""

    name: str
    archive: str
    generation: int
    created_at: str
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a removal did at one target."""

    target: str
    at: str
    gone: tuple[Gone, ...]
    kept_by_target: tuple[str, ...]
    restorable: tuple[Restorable, ...]
    broken: tuple[str, ...]
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Base:
    name: str
    header: archive.Header


def unneeded_changes(names: Iterable[str], *, needed_from: str) -> list[str]:
    """Return the names of the segments of changes that lie before the first one that a backup needs.

    Histories of timelines are small and stay; so does whatever is no segment.
    """
    needed = _position(needed_from)
    if needed is None:
        raise StillNeeded
    found = ((name, _position(name.rpartition("/")[2].removesuffix(SUFFIX))) for name in names)
    return sorted(name for name, place in found if place is not None and place < needed)


def prune(
    target: Target,
    doomed: Mapping[str, str],
    *,
    label: str,
    trusted: Collection[bytes],
    needed_from: str | None,
    at: datetime,
) -> Proof:
    """Remove objects (name and why) from one target, and prove what is left.

    `needed_from` is the first segment of changes that a backup which stays needs; without it none is removed.
    What the target keeps longer is kept and named. Raises WouldBreakAChain, NothingWouldRemain or StillNeeded
    before anything is removed, and NotAsProved after.
    """
    before = {stored.name: stored for stored in target.list()}
    heads = _heads(target, before, trusted)
    bases = _only_bases(heads)
    _refuse_harm(bases, doomed, needed_from)
    _refuse_loss_of_files(heads, bases, _heads(target, doomed, trusted, under=_FILES), doomed)
    newest_first = sorted(
        (name for name in doomed if name in before),
        key=lambda name: (name in bases, heads[name].header.generation if name in heads else 0, name),
        reverse=True,
    )
    gone: list[Gone] = []
    kept: list[str] = []
    for name in newest_first:
        # What the target keeps, keeps what it is built on and the files that belong to it.
        if any(_needs(heads, longer, name) for longer in kept):
            kept.append(name)
            continue
        try:
            target.delete(name, at=at)
        except StillKept:
            kept.append(name)
        except NotStored:
            continue
        else:
            gone.append(Gone(name, before[name].size, doomed[name]))
    return _proved(target, label, before, gone, kept, trusted, at)


def sign(proof: Proof, signer: archive.Signer) -> bytes:
    """Return the proof as JSON that its readers can check."""
    # Through JSON once: one spelling has lists and no tuples.
    document = json.loads(json.dumps(asdict(proof)))
    signature = primitives.ed25519_sign(signer.private, _DOMAIN + canonical.dumps(document))
    return canonical.dumps({"proof": document, "signer": signer.public.hex(), "signature": signature.hex()})


def check(signed: bytes, *, trusted: Collection[bytes]) -> dict[str, Any]:
    """Return a proof that one of the trusted keys signed. Raises archive.SignatureWrong."""
    try:
        document = json.loads(signed)
        proof: dict[str, Any] = document["proof"]
        signer, signature = bytes.fromhex(document["signer"]), bytes.fromhex(document["signature"])
        if signer not in trusted:
            raise archive.SignerUnknown
        primitives.ed25519_verify(signer, signature, _DOMAIN + canonical.dumps(proof))
    except (KeyError, TypeError, ValueError, RecursionError, primitives.InvalidSignature):
        raise archive.SignatureWrong from None
    return proof


def _heads(
    target: Target, names: Iterable[str], trusted: Collection[bytes], under: str = _BASES
) -> dict[str, _Base]:
    """Look at the signed headers of archives; what is not believed is left out."""
    found = {}
    for name in names:
        if not name.startswith(under) or not name.endswith(SUFFIX):
            continue
        try:
            with target.get(name) as source:
                found[name] = _Base(name, archive.peek(source, trusted=trusted))
        except (archive.ArchiveRefused, NotStored):
            continue
    return found


def _only_bases(heads: Mapping[str, _Base]) -> dict[str, _Base]:
    return {name: base for name, base in heads.items() if base.header.kind in _KINDS}


def _chain(base: _Base, by_archive: Mapping[str, _Base]) -> tuple[_Base, ...] | None:
    """Return what a backup is built on and itself, the full one first; None when a part is missing."""
    chain = [base]
    while (parent := chain[0].header.parent) is not None:
        below = by_archive.get(parent)
        if below is None or below in chain:
            return None
        chain.insert(0, below)
    return tuple(chain) if chain[0].header.kind is archive.Kind.FULL else None


def _refuse_harm(bases: Mapping[str, _Base], doomed: Mapping[str, str], needed_from: str | None) -> None:
    whole = {base.header.archive: base for base in bases.values()}
    left = {id_: base for id_, base in whole.items() if base.name not in doomed}
    for base in left.values():
        if _chain(base, whole) is not None and _chain(base, left) is None:
            raise WouldBreakAChain(backup=base.name)
    changes = [name for name in doomed if name.startswith(_CHANGES)]
    if changes and (
        needed_from is None or set(changes) - set(unneeded_changes(changes, needed_from=needed_from))
    ):
        raise StillNeeded
    could = any(_chain(base, whole) is not None for base in whole.values())
    if could and not any(_chain(base, left) is not None for base in left.values()):
        raise NothingWouldRemain


def _refuse_loss_of_files(
    heads: Mapping[str, _Base],
    bases: Mapping[str, _Base],
    added: Mapping[str, _Base],
    doomed: Mapping[str, str],
) -> None:
    left = [base.header for base in bases.values() if base.name not in doomed]
    stay = {header.archive for header in left}
    # Files added after a backup are laid over it: they are needed as long as an older backup stays.
    oldest = min((header.created_at for header in left), default=None)
    for name in doomed:
        belongs = name in heads and name not in bases and heads[name].header.parent in stay
        if belongs or (name in added and oldest is not None and added[name].header.created_at >= oldest):
            raise StillNeeded(object=name)


def _needs(heads: Mapping[str, _Base], upper: str, lower: str) -> bool:
    if upper not in heads or lower not in heads:
        return False
    above, below = heads[upper].header, heads[lower].header
    if below.kind not in _KINDS:
        return above.kind in _KINDS and below.parent == above.archive
    if above.kind not in _KINDS:
        return False
    by_archive = {base.header.archive: base for base in _only_bases(heads).values()}
    chain = _chain(heads[upper], by_archive)
    return chain is not None and any(base.name == lower for base in chain)


def _proved(
    target: Target,
    label: str,
    before: Mapping[str, Stored],
    gone: list[Gone],
    kept: list[str],
    trusted: Collection[bytes],
    at: datetime,
) -> Proof:
    after = {stored.name: stored for stored in target.list()}
    removed = {one.name for one in gone}
    lost = [name for name in before if name not in removed and name not in after]
    changed = [name for name in before if name in after and before[name].size != after[name].size]
    stays = sorted(removed & after.keys())
    if lost or changed or stays:
        raise NotAsProved(objects=len(lost) + len(changed) + len(stays))
    bases = _only_bases(_heads(target, after, trusted))
    by_archive = {base.header.archive: base for base in bases.values()}
    restorable, broken = [], []
    for base in sorted(bases.values(), key=lambda base: base.header.generation):
        chain = _chain(base, by_archive)
        if chain is None:
            broken.append(base.name)
        else:
            restorable.append(_restorable(base, chain))
    return Proof(
        target=label,
        at=_time(at),
        gone=tuple(sorted(gone, key=lambda one: one.name)),
        kept_by_target=tuple(sorted(kept)),
        restorable=tuple(restorable),
        broken=tuple(broken),
        objects=len(after),
        bytes=sum(stored.size for stored in after.values()),
    )


def _restorable(base: _Base, chain: tuple[_Base, ...]) -> Restorable:
    return Restorable(
        name=base.name,
        archive=base.header.archive,
        generation=base.header.generation,
        created_at=_time(base.header.created_at),
        chain=tuple(part.name for part in chain),
    )


def _position(segment: str) -> str | None:
    found = _SEGMENT.fullmatch(segment.lower())
    return found[1] if found else None


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
