"""The stream of changes: received as it is written, closed into segments, encrypted and stored within a minute.

Promise kept: a segment leaves this machine's folder only when a target holds it, and whichever target missed it gets it
again from there. What lies here in between is
the database's own pages, in a folder that we alone may enter, and goes as soon as it is stored.
"""

import logging
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings

from backups import (
    archive,
    catching,
    lateness,
    places,
    queries,
    rules,
    server,
    services,
    storing,
    taking,
    tars,
)
from backups.newest import note_changes
from backups.segments import SEGMENT_BYTES, is_history, is_segment, lsn, segment_end
from core import ids
from core.actor import Actor
from core.errors import Refusal

_log = logging.getLogger("strongbox.backups")
SLOT = "strongbox_receiver"
_ACTOR = Actor.system("backup_stream")
LOOK_SECONDS = 2.0
_MARKS = 900
_FILES_EVERY = timedelta(seconds=30)
_NOTE_EVERY = timedelta(seconds=30)
# What a target missed is looked for while one is short of something, and once a day.
AGAIN_EVERY, _LOOK_ANYWAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything that was committed before this moment stands before this place."""

    place: int
    at: datetime


def covered(marks: Iterable[Mark], stored_end: int) -> datetime | None:
    """Return the latest moment before which every change lies in what is stored up to `stored_end`."""
    return max((mark.at for mark in marks if mark.place <= stored_end), default=None)


class Receiver:
    """pg_receivewal under watch, and what becomes of its segments."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self.folder = places.work("wal")
        self.system = str(taking.system_identifier())
        self._child: subprocess.Popen[bytes] | None = None
        self._marks: list[Mark] = []
        self._missed: set[str] = set()
        self._missing: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._again_at = now()
        self._stored_end = 0
        self._files_since = now()
        self._files_looked = now()
        self._noted = now() - _NOTE_EVERY
        with queries.of_operator():
            self._keep_days = services.plan().keep_days

    def start(self) -> None:
        """Make the slot if there is none and start receiving where the last start stopped."""
        who = [*server.way(), "--slot", SLOT]
        # Half a segment is received anew; one of another branch of time would stand in the way after a restore.
        for half in self.folder.glob("*.partial"):
            half.unlink()
        if self._slot_is_lost():
            _log.error("the stream was away for too long and has a gap: only a new backup closes it")
            server.run(
                "pg_receivewal",
                *who,
                "--drop-slot",
                folder=self.folder,
                environment=server.replicating(),
                own=True,
            )
        server.run(
            "pg_receivewal",
            *who,
            "--create-slot",
            "--if-not-exists",
            folder=self.folder,
            environment=server.replicating(),
            own=True,
        )
        self._child = subprocess.Popen(  # noqa: S603  our own words
            [str(places.program("pg_receivewal")), *who, "--directory", str(self.folder), "--synchronous"],
            stdin=subprocess.DEVNULL,
            env=server.replicating(),
            cwd=self.folder,
            preexec_fn=server.die_with_us(),
        )

    def _slot_is_lost(self) -> bool:
        with server.as_backup() as connection:
            found = connection.execute(
                "SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = %s", [SLOT]
            ).fetchone()
        return bool(found and found[0])

    def is_alive(self) -> bool:
        """Tell whether the stream is being received."""
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        """End the stream; what is whole is stored first."""
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._child = None

    def step(self) -> int:
        """Store what is whole, note how far the stream has come; return how many segments were stored."""
        self._mark()
        stored = 0
        newest = ""
        # A history of the branch of time comes first: without it nobody would look for what follows on it.
        for path in sorted(self.folder.iterdir(), key=lambda one: (not is_history(one.name), one.name)):
            if is_segment(path.name) or is_history(path.name):
                self._store(path)
                stored += 1
                if is_segment(path.name):
                    newest = path.name
                    self._stored_end = max(self._stored_end, segment_end(path.name))
                path.unlink()
        if newest:
            self._note_newest(newest)
        self._store_new_files()
        self._send_again()
        at = self._now()
        covers = covered(self._marks, self._stored_end) if self._stored_end else None
        last = self._marks[-1].place if self._marks else 0
        if not stored and at - self._noted < _NOTE_EVERY:
            return 0
        self._noted = at
        with queries.of_operator():
            lateness.note_stream(
                segment=newest,
                stored_at=at if newest else None,
                covers_at=covers,
                lag_bytes=max(0, last - self._stored_end) if self._stored_end else 0,
                at=at,
            )
        if covers is not None:
            self._marks = [mark for mark in self._marks if mark.at >= covers]
        return stored

    def _note_newest(self, segment: str) -> None:
        try:
            note_changes(system=self.system, segment=segment)
        except OSError as error:
            _log.error("the newest changes cannot be noted: %s", error.strerror)

    def _mark(self) -> None:
        with server.as_backup() as connection:
            # The moment first: what is committed after it may still stand before the place, never the other way round.
            place, at = server.one(
                connection, "SELECT pg_current_wal_insert_lsn()::text, now() FROM (SELECT 1) one"
            )
        self._marks.append(Mark(lsn(place), at))
        del self._marks[:-_MARKS]

    def _store(self, path: Path) -> None:
        whole = is_segment(path.name)
        number = segment_end(path.name) // SEGMENT_BYTES if whole else int(path.name[:8], 16)
        at = self._now()
        with path.open("rb") as source:
            self._put(
                source,
                name=f"wal/{self.system}/{path.name.lower()}.sbk",
                kind=archive.Kind.WAL,
                generation=max(1, number),
                facts={"segment": path.name, "system": self.system},
                at=at,
            )

    def _put(
        self,
        source: object,
        *,
        name: str,
        kind: archive.Kind,
        generation: int,
        facts: dict[str, str],
        at: datetime,
    ) -> None:
        missing = [one for one in places.open_targets() if not _has(one, name, facts)]
        if not missing:
            return
        outcome = storing.store(
            source,
            name=name,
            header=archive.Header(
                kind=kind, generation=generation, created_at=at, facts=facts, archive=str(ids.uuid7())
            ),
            keep_until=rules.keep_until(at, keep_days=self._keep_days),
            finished=lambda: True,
            open_targets=missing,
        )
        self._note_missed(generation, outcome.missed)

    def _note_missed(self, number: int, missed: Mapping[str, str]) -> None:
        """Give a signal of a target that stopped taking changes, once until it takes them again."""
        fresh = {target: code for target, code in missed.items() if target not in self._missed}
        self._missed = set(missed)
        if not missed:
            return
        self._missing.update(missed.keys())
        self._again_at = min(self._again_at, self._now() + AGAIN_EVERY)
        with queries.of_operator():
            if fresh:
                lateness.note_missed(number=number, missed=fresh, actor=_ACTOR, at=self._now())
            lateness.note_missing(left=self._missing, sent={}, actor=_ACTOR, at=self._now())

    def _send_again(self) -> None:
        """Send what a target missed from where it lies, as soon as the target takes it."""
        at = self._now()
        if at < self._again_at or len(places.target_names()) < 2:
            return
        done = catching.send_again(system=self.system, at=at)
        self._missing = Counter({name: self._missing[name] for name in done.silent} | dict(done.left))
        self._sent.update(done.sent)
        self._again_at = at + (AGAIN_EVERY if +self._missing or done.silent else _LOOK_ANYWAY)
        with queries.of_operator():
            lateness.note_missing(left=self._missing, sent=self._sent, actor=_ACTOR, at=at)
        self._sent = Counter({name: n for name, n in self._sent.items() if self._missing[name]})

    def _store_new_files(self) -> None:
        """Store files that were added since the last look: the rows that name them are in the stream already."""
        at = self._now()
        if at - self._files_looked < _FILES_EVERY:
            return
        self._files_looked = at
        root: Path = settings.FILES_DIR
        since = self._files_since.timestamp() - 5
        new = [
            path.relative_to(root)
            for path in root.rglob("*")
            if path.is_file() and not path.name.startswith(".") and path.stat().st_mtime >= since
        ]
        erased = settings.ERASURE_DIR / tars.JOURNAL if settings.ERASURE_DIR is not None else None
        if not new and not (erased and erased.exists() and erased.stat().st_mtime >= since):
            return
        with NamedTemporaryFile("w", dir=places.work("manifests"), encoding="utf-8") as names:
            names.write("".join(f"./{path}\0" for path in new))
            names.flush()
            child = subprocess.Popen(  # noqa: S603  our own words
                [
                    *tars.of(root),
                    *("--no-recursion", "--null", f"--files-from={names.name}"),
                    *tars.journal(),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL,
                env=server.clean(),
                preexec_fn=server.die_with_us(),
            )
            output = server.pipe(child.stdout)
            try:
                outcome = storing.store(
                    output,
                    name=f"files/{self.system}/{at:%Y%m%dt%H%M%S%f}.sbk",
                    header=archive.Header(
                        kind=archive.Kind.FILES,
                        generation=int(at.timestamp()),
                        created_at=at,
                        facts={"system": self.system},
                    ),
                    keep_until=rules.keep_until(at, keep_days=self._keep_days),
                    # 2: a file was removed before it was read, which retention does at any time.
                    finished=lambda: child.wait() in (0, 1, 2),
                )
            finally:
                output.close()
                child.wait()
        self._note_missed(int(at.timestamp()), outcome.missed)
        self._files_since = at


def _has(one: places.Named, name: str, facts: Mapping[str, str]) -> bool:
    """Tell whether a target took this before a crash. The names to come can be told: others may stand there first."""
    try:
        with one.place.get(name) as source:
            found = archive.verify(source, trusted=places.trusted()).facts
    except Refusal:
        return False
    return all(found.get(key) == told for key, told in facts.items())


def run(
    *,
    now: Callable[[], datetime],
    told_to_stop: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Receive until told to stop; a stream that breaks off is taken up again where it stopped."""
    receiver: Receiver | None = None
    try:
        while not told_to_stop():
            try:
                if receiver is None:
                    receiver = Receiver(now=now)
                if not receiver.is_alive():
                    receiver.stop()
                    receiver.start()
                receiver.step()
            except Exception as error:
                # The server may be starting again, a target may be away: the slot keeps what is not stored.
                _log.warning(
                    "the stream waits: %s", error.code if isinstance(error, Refusal) else type(error).__name__
                )
                sleep(LOOK_SECONDS)
            sleep(LOOK_SECONDS)
    finally:
        if receiver is not None:
            receiver.stop()
