"""The newest backup and the newest changes that are known, in a signed note where no holder of a target can write.

Whoever holds a target can serve an old generation: it is signed, whole and ours. Only a number that lies elsewhere
tells. The note lies beside the journal of erasures, outside the database and outside every target; a drill's result
repeats it, so that it also stands on paper.
"""

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from backups import archive, places
from core import canonical, primitives
from core.errors import Refusal

BACKUPS, CHANGES = "newest-backups.json", "newest-changes.json"
_DOMAIN = b"strongbox.backup.newest.v1\0"
_log = logging.getLogger("strongbox.backups")


class NewestUnknown(Refusal):
    """Nothing here knows which backup is the newest, so an old one could be served. Name it with --newest-known."""

    code = "newest_unknown"


class NewestNoteBroken(Refusal):
    """The note of the newest backup is not what was signed. Name the generation with --newest-known."""

    code = "newest_note_broken"


class ChangesWithheld(Refusal):
    """Changes that were stored lie at no target any more."""

    code = "changes_withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """What must at least be there."""

    generation: int
    # Empty where only the number is known.
    archive_id: str = ""
    manifest_sha256: str = ""
    # The newest stored segment of changes, and of which cluster.
    system: str = ""
    segment: str = ""

    def expect(self, header: archive.Header) -> None:
        """Refuse an archive that is older, or another of the same number.

        Raises:
            archive.OlderThanKnown, archive.AnotherArchive.
        """
        if header.generation < self.generation:
            raise archive.OlderThanKnown(generation=header.generation, newest_known=self.generation)
        if header.generation > self.generation:
            return
        if self.archive_id and header.archive != self.archive_id:
            raise archive.AnotherArchive(archive=header.archive)
        told = header.closing.facts.get("manifest_sha256") if header.closing is not None else None
        if self.manifest_sha256 and told is not None and told != self.manifest_sha256:
            raise archive.AnotherArchive(archive=header.archive)


def note_backup(
    *, generation: int, archive_id: str, manifest_sha256: str, held: Sequence[str], at: datetime
) -> None:
    """Note a backup that is complete, for each target that holds it; a lower number never replaces a higher one."""
    try:
        kept = dict(_read(BACKUPS) or {})
    except NewestNoteBroken:
        _log.error("the note of the newest backup was not what was signed; it is written anew")
        kept = {}
    mine = {"generation": generation, "archive": archive_id, "manifest_sha256": manifest_sha256}
    for target in held:
        if kept.get(target, {}).get("generation", 0) <= generation:
            kept[target] = {**mine, "at": at.astimezone(UTC).isoformat()}
    _write(BACKUPS, kept)


def note_changes(*, system: str, segment: str) -> None:
    """Note the newest segment of changes that every reachable target took."""
    _write(CHANGES, {"segment": segment, "system": system})


def by_target() -> dict[str, dict[str, Any]]:
    """Return what is known of each target; empty before the first backup.

    Raises:
        NewestNoteBroken
    """
    return _read(BACKUPS) or {}


def known() -> Newest | None:
    """Return what must at least be there, or None where nothing is known.

    Raises:
        NewestNoteBroken
    """
    newest = max(by_target().values(), key=lambda one: int(one["generation"]), default=None)
    if newest is None:
        return None
    changes = _read(CHANGES) or {}
    return Newest(
        generation=int(newest["generation"]),
        archive_id=newest["archive"],
        manifest_sha256=newest["manifest_sha256"],
        system=changes.get("system", ""),
        segment=changes.get("segment", ""),
    )


def demanded(*, told: int | None, accepted: int | None) -> Newest:
    """Return what a restore must find: the note, raised by what the operator knows, or lowered by name.

    Raises:
        NewestUnknown, NewestNoteBroken.
    """
    if accepted is not None:
        return Newest(generation=accepted)
    try:
        found = known()
    except NewestNoteBroken:
        if told is None:
            raise
        found = None
    if told is not None and (found is None or told > found.generation):
        return Newest(generation=told)
    if found is None:
        raise NewestUnknown
    return found


def _folder() -> Path | None:
    folder: Path | None = settings.ERASURE_DIR
    return folder


def _read(name: str) -> dict[str, Any] | None:
    folder = _folder()
    if folder is None:
        return None
    try:
        signed = json.loads((folder / name).read_text(encoding="utf-8"))
        known_: dict[str, Any] = signed["known"]
        message = _message(name, known_)
        public, signature = bytes.fromhex(signed["signer"]), bytes.fromhex(signed["signature"])
        if public not in places.trusted():
            raise NewestNoteBroken
        primitives.ed25519_verify(public, signature, message)
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError, RecursionError, AttributeError, primitives.InvalidSignature):
        raise NewestNoteBroken from None
    return known_


def _write(name: str, known_: dict[str, Any]) -> None:
    folder = _folder()
    if folder is None:
        return
    signer = places.signer()
    signature = primitives.ed25519_sign(signer.private, _message(name, known_))
    signed: dict[str, canonical.Value] = {
        "known": known_,
        "signature": signature.hex(),
        "signer": signer.public.hex(),
    }
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = folder / f".{name}.{os.getpid()}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(canonical.dumps(signed))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / name)


def _message(name: str, known_: dict[str, Any]) -> bytes:
    # The name takes part: a note of changes is no note of backups.
    return _DOMAIN + name.encode() + b"\0" + canonical.dumps(known_)
