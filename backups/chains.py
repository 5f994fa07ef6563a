"""Which archives belong together, told by their own signed words, and whether the newest known ones are there."""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from backups import archive, places, targets
from backups.archive import Header
from backups.newest import ChangesWithheld, Newest
from core.errors import Refusal

_log = logging.getLogger("strongbox.backups")
_T = TypeVar("_T")


class NothingStored(Refusal):
    """No backup was found at the targets from which this moment can be reached."""

    code = "nothing_stored"


class ArchiveMissing(Refusal):
    """An archive that is needed lies at no target."""

    code = "archive_missing"


@dataclass(frozen=True, slots=True)
class Link:
    """One archive of a chain as its own header describes it."""

    name: str
    header: Header
    sha256: str

    @property
    def facts(self) -> dict[str, str]:
        """Return what was known when it was closed."""
        return dict(self.header.closing.facts) if self.header.closing is not None else {}

    @property
    def consistent_at(self) -> datetime:
        """Return from when on it is whole."""
        return datetime.fromisoformat(self.facts["consistent_at"])


def at_any(name: str, places_: Sequence[places.Named], use: Callable[[Any], _T]) -> _T:
    """Use an object from the first target whose copy is right: one target that was changed does not spoil the others.

    `use` reads the stream to its end and is called again, from the beginning, when a copy was not right. That no
    target has the object is said only when each of them answered: silence is no absence.

    Raises:
        ArchiveMissing: each target answered, and none has it.
        archive.ArchiveRefused, targets.TargetRefused: what was wrong at the first one.
    """
    wrong: Refusal | None = None
    for one in places_:
        try:
            with one.place.get(name) as source:
                return use(source)
        except targets.NotStored:
            continue
        except (archive.ArchiveRefused, targets.TargetRefused) as error:
            _log.warning("%s at %s is not used: %s", name, one.name, error.code)
            wrong = wrong or type(error)(f"{name} at {one.name}: {error.message}")
    if wrong is not None:
        raise wrong
    raise ArchiveMissing(f"{name} lies at no target.")


def listed(prefix: str, places_: Sequence[places.Named]) -> list[str]:
    """Return the names at all targets; one that does not answer is passed over while another does.

    Raises:
        targets.TargetRefused: none answered.
    """
    names: set[str] = set()
    wrong: list[targets.TargetRefused] = []
    for one in places_:
        try:
            names |= {stored.name for stored in one.place.list(prefix)}
        except targets.TargetRefused as error:
            _log.warning("what lies at %s is not known: %s", one.name, error.code)
            wrong.append(type(error)(f"{one.name}: {error.message}"))
    if wrong and len(wrong) == len(places_):
        raise wrong[0]
    return sorted(names)


def chain_at(
    places_: Sequence[places.Named],
    *,
    trusted: Sequence[bytes],
    wanted: datetime | None,
    newest: Newest | None = None,
) -> list[Link]:
    """Find by their own signed words the archives from which a moment can be reached, the full one first.

    Each candidate is verified whole, newest first; one that is not sound is passed over with a warning. What is
    known as the newest must be there, whichever moment is wanted; without a moment it must be what is restored.

    Raises:
        NothingStored, archive.OlderThanKnown, archive.AnotherArchive; what was wrong with the newest known one.
    """
    heads: dict[str, Header] = {}
    sound: dict[str, Link] = {}
    faults: dict[int, Refusal] = {}

    def link(head: Header) -> Link | None:
        def whole(source: Any) -> Link:
            hashed = Hashed(source)
            found = archive.verify(hashed, trusted=trusted, archive=head.archive)
            return Link(_name(head), found, hashed.digest)

        try:
            found = at_any(_name(head), places_, whole)
        except (archive.ArchiveRefused, ArchiveMissing, targets.TargetRefused) as error:
            faults[head.generation] = error
            return None
        sound[head.archive] = found
        return found

    for name in listed("backups/", places_):
        if not name.endswith("/database.sbk"):
            continue
        try:
            head = at_any(name, places_, partial(_head, name, trusted))
        except (archive.ArchiveRefused, ArchiveMissing, targets.TargetRefused) as error:
            number = name.split("/")[1].partition("-")[0]
            if number.isdecimal():
                faults[int(number)] = error
            continue
        heads[head.archive] = head
    try:
        return _newest_chain(heads, sound, link, wanted=wanted, newest=newest)
    except (NothingStored, archive.ArchiveRefused) as error:
        # That the newest known one was changed says more than that what is left is older.
        asked = newest.generation if newest is not None else max(faults, default=0)
        raise faults.get(asked, error) from None


def _newest_chain(
    heads: Mapping[str, Header],
    sound: Mapping[str, Link],
    link: Callable[[Header], Link | None],
    *,
    wanted: datetime | None,
    newest: Newest | None,
) -> list[Link]:
    newest_first = sorted(heads.values(), key=lambda one: one.generation, reverse=True)
    if newest is not None and newest_first:
        newest.expect(newest_first[0])
    for head in newest_first:
        last = link(head)
        if last is None or (wanted is not None and last.consistent_at > wanted):
            continue
        if newest is not None and (wanted is None or last.header.generation == newest.generation):
            newest.expect(last.header)
        found = [last]
        while found[0].header.parent is not None:
            parent = found[0].header.parent
            below = sound.get(parent) or (link(heads[parent]) if parent in heads else None)
            if below is None or below.sha256 != found[0].header.parent_sha256:
                break
            found.insert(0, below)
        else:
            return found
        _log.warning("%s is passed over: what it is built on is not there", last.name)
    raise NothingStored


def _name(head: Header) -> str:
    return f"backups/{head.generation:08d}-{head.kind}/database.sbk"


def _head(name: str, trusted: Sequence[bytes], source: Any) -> Header:
    head = archive.peek(source, trusted=trusted)
    # The number in the name is for people; the signed one counts.
    if _name(head) != name:
        raise archive.AnotherArchive
    return head


class Hashed:
    """A source, hashed whole: an archive names its parent by the digest of all its stored bytes."""

    def __init__(self, source: Any) -> None:
        self._source, self._hash = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        data: bytes = self._source.read(size)
        self._hash.update(data)
        return data

    @property
    def digest(self) -> str:
        """Return the digest of what has been read."""
        return self._hash.hexdigest()


def wal_name(system: str, segment: str) -> str:
    """Return under which name a segment of changes is stored."""
    return f"wal/{system}/{segment.lower()}.sbk"


def expect_changes(newest: Newest, places_: Sequence[places.Named]) -> None:
    """Refuse when the newest changes that were stored are gone: who takes them away takes the last hours away.

    Raises:
        ChangesWithheld, targets.TargetRefused.
    """
    try:
        at_any(wal_name(newest.system, newest.segment), places_, lambda source: source.read(1))
    except ArchiveMissing:
        raise ChangesWithheld(segment=newest.segment) from None
