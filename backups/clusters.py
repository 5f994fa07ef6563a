"""The whole cluster into a new data folder, from archives and a key alone: the database may be gone."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from shutil import rmtree

from backups import places, restoring, server
from backups.newest import Newest


@dataclass(frozen=True, slots=True)
class Result:
    """What a restore of the cluster came to."""

    names: list[str]
    generation: int
    reached_at: datetime | None
    segments: int
    milliseconds: int
    files: Path | None
    workplace: Path


def restore_into(
    into: Path,
    *,
    wanted: datetime | None,
    key: bytes,
    newest: Newest | None,
    say: Callable[[str], None] = lambda text: None,
) -> Result:
    """Restore to a moment, bring the copy up once so that it is whole, and leave a clean data folder at `into`.

    The work is done beside it, so that the last step is a rename: the folder exists when it is complete.

    Raises:
        restoring.NothingStored, server.ScratchServerFailed, archive.ArchiveRefused.
    """
    began = time.monotonic()
    who = places.login()
    folder = into.with_name(f".restoring-{token_hex(4)}")
    folder.mkdir(mode=0o700)
    os.chown(folder, who.uid, who.gid)
    where, trusted = places.open_targets(), places.trusted()
    try:
        restored = restoring.restore(
            folder, wanted=wanted, key=key, trusted=trusted, places_=where, newest=newest, say=say
        )
        with restoring.Spool(folder, where, restored, key=key, trusted=trusted, newest=newest) as spool:
            copy = server.ScratchServer(
                folder, restored.data, recovery=restoring.recovery(spool, wanted=wanted), durable=True
            )
            say("Replaying changes")
            with server.running(copy):
                reached = restoring.newest_change(copy)
            segments = spool.handed
        (restored.data / "recovery.signal").unlink(missing_ok=True)
        restored.data.rename(into)
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise
    names = [link.name for link in restored.chain]
    spent = int((time.monotonic() - began) * 1000)
    generation = restored.chain[-1].header.generation
    return Result(names, generation, reached, segments, spent, restored.files, folder)


def clean_up(result: Result) -> None:
    """Remove what was only needed on the way."""
    rmtree(result.workplace, ignore_errors=True)
