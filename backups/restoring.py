"""From archives back to a data folder: fetched, checked, opened, combined, and brought to the moment wanted.

Promise kept: nothing of an archive is used before all of it was authenticated, and before it is known to be
the one that was asked for. Whoever restores gives the key; the database is not needed.
"""

import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

from backups import archive, places, server
from backups.archive import Header, Kind
from backups.chains import ArchiveMissing, Link, at_any, chain_at, expect_changes, listed, wal_name
from backups.newest import ChangesWithheld, Newest
from backups.segments import is_history, is_segment
from backups.tars import JOURNAL
from core.errors import Refusal

_log = logging.getLogger("strongbox.backups")


class UnpackFailed(Refusal):
    """An archive could not be unpacked."""

    code = "unpack_failed"


class SegmentBroken(Refusal):
    """A segment of changes could not be handed to the restored server."""

    code = "segment_broken"


class AnotherCluster(archive.ArchiveRefused):
    """The backup is of another database cluster than the one whose changes were stored last."""

    code = "another_cluster"


def unpack(
    name: str,
    folder: Path,
    places_: Sequence[places.Named],
    *,
    expect: Callable[[Header], bool] = lambda header: True,
    **reading: Any,
) -> Header:
    """Open an archive and unpack the tar in it, as the server's user; nothing stays of a copy that was not right.

    Raises:
        UnpackFailed, archive.ArchiveRefused.
    """

    def use(source: Any) -> Header:
        header = _untar(source, folder, **reading)
        if not expect(header):
            raise archive.AnotherArchive
        return header

    try:
        return at_any(name, places_, use)
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise


def _untar(source: Any, folder: Path, **reading: Any) -> Header:
    who = places.login()
    rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    os.chown(folder, who.uid, who.gid)
    child = subprocess.Popen(  # noqa: S603  our own words
        ["/usr/bin/tar", "--extract", "--file=-", "--directory", str(folder), "--no-same-owner"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=server.clean(),
        cwd="/",
        preexec_fn=server.die_with_us(),
        **who.as_child,
    )
    try:
        header = archive.read(source, server.pipe(child.stdin), **reading)
        _, said = child.communicate()
    except BrokenPipeError:
        raise UnpackFailed from None
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        for end in (child.stdin, child.stderr):
            with suppress(OSError, AttributeError):
                end.close()  # type: ignore[union-attr]
    if child.returncode:
        raise UnpackFailed(f"tar failed: {said.decode(errors='replace')[-300:]}")
    return header


class Spool:
    """Hands the restored server the segments it asks for, decrypted one at a time.

    The server's user has no key and reaches no target: its restore_command leaves a note and waits.
    """

    def __init__(
        self,
        folder: Path,
        places_: Sequence[places.Named],
        restored: "Restored",
        *,
        key: bytes,
        trusted: Sequence[bytes],
        newest: Newest | None,
    ) -> None:
        self.folder = folder / "spool"
        self._places, self._system, self._key, self._trusted = places_, restored.system, key, trusted
        self._newest = newest
        # What was written while the backup was made came with it, and need not lie among the changes.
        self._brought = {path.name for path in (restored.data / "pg_wal").iterdir()}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.handed = 0
        self.fault: Refusal | None = None

    @property
    def command(self) -> str:
        """Return the restore_command."""
        return f"/bin/sh {self.folder}/fetch %f %p"

    def __enter__(self) -> "Spool":
        who = places.login()
        self.folder.mkdir(mode=0o700)
        script = self.folder / "fetch"
        # More than 125: "broken" must not be read as "no more changes".
        script.write_text(
            f'd={self.folder}\n: > "$d/$1.ask"\nwhile :; do\n'
            '  if [ -e "$d/$1.have" ]; then mv "$d/$1.have" "$2" && exit 0; exit 200; fi\n'
            '  if [ -e "$d/$1.none" ]; then rm -f "$d/$1.none"; exit 1; fi\n'
            '  if [ -e "$d/$1.broken" ]; then exit 200; fi\n'
            "  sleep 0.02\ndone\n"
        )
        for path in (self.folder, script):
            os.chown(path, who.uid, who.gid)
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._stop.set()
        self._thread.join()
        if isinstance(error, server.ScratchServerFailed) and self.fault is not None:
            # It ended because of what it was handed, which says more than that it ended.
            raise self.fault from None

    def _serve(self) -> None:
        while not self._stop.wait(0.01):
            for note in self.folder.glob("*.ask"):
                self._answer(note)

    def _answer(self, note: Path) -> None:
        segment = note.name.removesuffix(".ask")
        note.unlink(missing_ok=True)
        fresh = self.folder / f"{segment}.new"
        answer = "have"
        try:
            self._fetch(segment, fresh)
        except ArchiveMissing:
            answer = "none"
        except Exception as error:
            self.fault = error if isinstance(error, Refusal) else SegmentBroken(f"Segment {segment}: {error}")
            _log.error("segment %s: %s", segment, self.fault.code)
            answer = "broken"
        if answer != "have":
            fresh.write_bytes(b"")
        who = places.login()
        os.chown(fresh, who.uid, who.gid)
        fresh.rename(self.folder / f"{segment}.{answer}")

    def _fetch(self, segment: str, into: Path) -> None:
        def take(source: Any) -> None:
            with into.open("wb") as sink:
                header = archive.read(source, sink, recipient_key=self._key, trusted=self._trusted)
            told = {"segment": segment, "system": self._system}
            if header.kind is not Kind.WAL or any(header.facts.get(name) != told[name] for name in told):
                raise archive.AnotherArchive

        try:
            at_any(wal_name(self._system, segment), self._places, take)
        except ArchiveMissing:
            # One that is not there ends the replay, quietly. Those up to the newest known were stored, each of them:
            # whoever takes one away in the middle takes all that follow.
            if self._was_stored(segment):
                raise ChangesWithheld(segment=segment) from None
            raise
        self.handed += 1

    def _was_stored(self, segment: str) -> bool:
        known = self._newest
        if known is None or known.system != self._system or segment in self._brought:
            return False
        if is_history(segment):
            # The first branch of time came from nowhere: it has no history.
            return "00000001" < segment[:8] <= known.segment[:8]
        return is_segment(segment) and segment[8:] <= known.segment[8:]


@dataclass
class Restored:
    """A data folder on which a server can run, and how it came about."""

    data: Path
    files: Path | None
    chain: list[Link]
    system: str
    milliseconds: dict[str, int]


def restore(
    folder: Path,
    *,
    wanted: datetime | None,
    key: bytes,
    trusted: Sequence[bytes],
    places_: Sequence[places.Named],
    newest: Newest | None,
    say: Callable[[str], None] = lambda text: None,
    with_files: bool = True,
) -> Restored:
    """Fetch, check and combine what is needed for a moment into `folder`; the server is not started yet.

    `newest` is what must at least be there; None where nothing outside the archives knows.

    Raises:
        NothingStored, UnpackFailed, archive.ArchiveRefused, ChangesWithheld, server.ProgramFailed.
    """
    spent: dict[str, int] = {}

    def timed(name: str, act: Callable[[], Any]) -> Any:
        began = time.monotonic()
        result = act()
        spent[name] = spent.get(name, 0) + int((time.monotonic() - began) * 1000)
        return result

    chain = timed("find", lambda: chain_at(places_, trusted=trusted, wanted=wanted, newest=newest))
    system = chain[-1].facts["system"]
    if newest is not None and newest.system not in ("", system):
        raise AnotherCluster
    if newest is not None and newest.system and wanted is None:
        expect_changes(newest, places_)
    say(f"Restoring {' + '.join(link.name.split('/')[1] for link in chain)}")
    parts = []
    for link in chain:
        part = folder / f"part-{link.header.generation}"
        reading = {"recipient_key": key, "trusted": trusted, "archive": link.header.archive}
        timed("fetch", partial(unpack, link.name, part, places_, **reading))
        timed("manifest", partial(server.run, "pg_verifybackup", "--quiet", part, folder=part))
        parts.append(part)
    data = folder / "data"
    if len(parts) == 1:
        parts[0].rename(data)
    else:
        say("Combining")
        options = ["--manifest-checksums=SHA256", "--no-sync"]
        timed("combine", lambda: server.run("pg_combinebackup", *options, *parts, "-o", data, folder=folder))
        timed(
            "manifest",
            lambda: server.run("pg_verifybackup", "--quiet", "--no-parse-wal", data, folder=folder),
        )
    files = None
    if with_files:
        files = timed("files", lambda: _unpack_files(folder, chain[-1], key, trusted, places_))
    return Restored(data, files, chain, system, spent)


def _unpack_files(
    folder: Path, newest: Link, key: bytes, trusted: Sequence[bytes], places_: Sequence[places.Named]
) -> Path | None:
    reading: dict[str, Any] = {"recipient_key": key, "trusted": trusted}
    system, files = newest.facts["system"], folder / "files"

    def belongs(header: Header) -> bool:
        return header.kind is Kind.FILES and header.parent == newest.header.archive

    try:
        unpack(newest.name.replace("/database.sbk", "/files.sbk"), files, places_, expect=belongs, **reading)
    except ArchiveMissing:
        return None
    for stored in listed(f"files/{system}/", places_):

        def added(header: Header, name: str = stored) -> bool:
            told = f"files/{system}/{header.created_at:%Y%m%dt%H%M%S%f}.sbk"
            return header.kind is Kind.FILES and header.facts.get("system") == system and told == name

        head = at_any(stored, places_, lambda source: archive.peek(source, trusted=trusted))
        # What was added after the backup; what came before it is in it.
        if head.created_at >= newest.header.created_at:
            more = folder / "more"
            unpack(stored, more, places_, expect=added, archive=head.archive, **reading)
            _merge(more, files)
    return files


def _merge(source: Path, into: Path) -> None:
    for path in sorted(source.rglob("*")):
        target = into / path.relative_to(source)
        if path.is_dir():
            target.mkdir(mode=0o700, exist_ok=True)
        elif not target.exists() or path.name == JOURNAL:
            # The journal of erasures only grows: the later one holds the earlier.
            path.rename(target)
    subprocess.run(["/bin/rm", "-rf", str(source)], check=True)  # noqa: S603  our own words


def recovery(spool: Spool, *, wanted: datetime | None) -> dict[str, str]:
    """Return the settings that make a server replay changes up to a moment, or all there are."""
    settings = {"restore_command": spool.command, "recovery_target_action": "promote"}
    if wanted is not None:
        settings |= {"recovery_target_time": wanted.isoformat(), "recovery_target_inclusive": "true"}
    return settings


def newest_change(running: server.ScratchServer) -> datetime | None:
    """Return when the newest change was committed that the server replayed."""
    with running.connect("postgres") as connection:
        row = connection.execute("SELECT pg_last_xact_replay_timestamp()").fetchone()
    return row[0] if row else None
