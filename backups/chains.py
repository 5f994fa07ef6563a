"""Which archives belong together, told by their own signed words, and whether the newest known ones are there."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backups import archive, places, targets
from backups.archive import Header
from backups.newest import ChangesWithheld, Newest
from core.errors import Refusal

_log = logging.getLogger("strongbox.backups")


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


@contextmanager
def opened(name: str, places_: Sequence[places.Named]) -> Iterator[Any]:
    """Open an object at the first target that has it.

    Raises:
        ArchiveMissing
    """
    for one in places_:
        try:
            source = one.place.get(name)
        except targets.TargetRefused as error:
            _log.debug("target %s has no %s: %s", one.name, name, error.code)
            continue
        with source as stream:
            yield stream
            return
    raise ArchiveMissing(f"{name} lies at no target.")


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
        NothingStored, archive.OlderThanKnown, archive.AnotherArchive.
    """
    names = {
        stored.name
        for one in places_
        for stored in one.place.list("backups/")
        if stored.name.endswith("/database.sbk")
    }
    by_archive: dict[str, Link] = {}

    def link(name: str) -> Link | None:
        try:
            with opened(name, places_) as source:
                hashed = Hashed(source)
                found = Link(name, archive.verify(hashed, trusted=trusted), hashed.digest)
        except (archive.ArchiveRefused, ArchiveMissing) as error:
            _log.warning("%s is passed over: %s", name, error.code)
            return None
        by_archive[found.header.archive] = found
        return found

    heads: dict[str, Header] = {}
    for name in sorted(names, reverse=True):
        try:
            with opened(name, places_) as source:
                head = archive.peek(source, trusted=trusted)
        except (archive.ArchiveRefused, ArchiveMissing):
            continue
        heads[head.archive] = head
        # The number in the name is for people; the signed one counts.
        if f"{head.generation:08d}-{head.kind}" != name.split("/")[1]:
            heads.pop(head.archive)
    named = {
        head.archive: f"backups/{head.generation:08d}-{head.kind}/database.sbk" for head in heads.values()
    }
    newest_first = sorted(heads.values(), key=lambda one: one.generation, reverse=True)
    if newest is not None and newest_first:
        newest.expect(newest_first[0])
    for head in newest_first:
        last = link(named[head.archive])
        if last is None or (wanted is not None and last.consistent_at > wanted):
            continue
        if newest is not None and (wanted is None or last.header.generation == newest.generation):
            newest.expect(last.header)
        found = [last]
        while found[0].header.parent is not None:
            parent = found[0].header.parent
            below = by_archive.get(parent) or (link(named[parent]) if parent in named else None)
            if below is None or below.sha256 != found[0].header.parent_sha256:
                break
            found.insert(0, below)
        else:
            return found
        _log.warning("%s is passed over: what it is built on is not there", last.name)
    raise NothingStored


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
    """Refuse when the newest changes that were stored are gone: who takes them away takes the last hours away."""
    try:
        with opened(wal_name(newest.system, newest.segment), places_):
            return
    except ArchiveMissing:
        raise ChangesWithheld(segment=newest.segment) from None
