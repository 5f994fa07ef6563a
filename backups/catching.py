"""Changes that one target missed, sent again from what another one has.

Promise kept: what is sent is what is stored, byte for byte, and only after every signature in it was checked and it is
what its name says. Nothing is decrypted and nothing encrypted anew: this process has no key that opens an archive.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any

from backups import archive, chains, places, targets
from core.errors import Refusal

_log = logging.getLogger("strongbox.backups")
# At a time, so that the changes that come meanwhile are not kept waiting.
MOST = 100


@dataclass(frozen=True, slots=True)
class Pass:
    """What was sent to each target, what it is still short of, and which targets did not say what they have."""

    sent: Mapping[str, int]
    left: Mapping[str, int]
    silent: frozenset[str]


class _Tee:
    """A source whose bytes are kept as they are read."""

    def __init__(self, source: Any, spool: IO[bytes]) -> None:
        self._source, self._spool = source, spool

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._source.read(size)
        self._spool.write(data)
        return data


def send_again(*, system: str, at: datetime) -> Pass:
    """Send to each target the changes and added files of this cluster that it lacks and another one has.

    What is not kept any longer is not sent: it was removed, not missed.
    """
    opened = places.open_targets()
    held: dict[str, dict[str, targets.Stored]] = {}
    for one in opened:
        try:
            held[one.name] = {
                stored.name: stored
                for prefix in (f"wal/{system}/", f"files/{system}/")
                for stored in one.place.list(prefix)
            }
        except (Refusal, OSError) as error:
            _log.warning("what %s has is not known: %s", one.name, type(error).__name__)
    everything = {name for names in held.values() for name in names}
    sent: dict[str, int] = {}
    left: dict[str, int] = {}
    for one in opened:
        if one.name not in held:
            continue
        for name in sorted(everything - held[one.name].keys()):
            sources = [other for other in opened if name in held.get(other.name, ())]
            if not _is_kept([held[other.name][name] for other in sources], at):
                continue
            if sum(sent.values()) < MOST and _send(name, sources, one, system=system, at=at):
                sent[one.name] = sent.get(one.name, 0) + 1
            else:
                left[one.name] = left.get(one.name, 0) + 1
    return Pass(sent, left, frozenset(one.name for one in opened if one.name not in held))


def _is_kept(copies: Sequence[targets.Stored], at: datetime) -> bool:
    return any(one.keep_until is None or one.keep_until > at for one in copies)


def _send(name: str, sources: Sequence[places.Named], to: places.Named, *, system: str, at: datetime) -> bool:
    """Send one object from the first target whose copy is sound; tell whether the other one has it now."""
    for source in sources:
        with TemporaryFile(dir=places.work("again")) as spool:
            try:
                until = source.place.head(name).keep_until
                if until is None or until <= at:
                    continue
                with source.place.get(name) as stored:
                    found = archive.verify(_Tee(stored, spool), trusted=places.trusted())
                if not _is_called(name, found, system):
                    raise archive.AnotherArchive
                spool.seek(0)
                to.place.put(name, spool, until)
            except (Refusal, OSError) as error:
                _log.warning(
                    "%s is not sent from %s to %s: %s",
                    name, source.name, to.name, getattr(error, "code", type(error).__name__),
                )  # fmt: skip
                continue
        return True
    return False


def _is_called(name: str, found: archive.Header, system: str) -> bool:
    if found.facts.get("system") != system:
        return False
    if found.kind is archive.Kind.WAL:
        return name == chains.wal_name(system, found.facts.get("segment", ""))
    return found.kind is archive.Kind.FILES and name.startswith(f"files/{system}/")
