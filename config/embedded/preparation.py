"""What happens before the processes start: tables, static files, the demo; each done once."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

from config.embedded import processes, programs
from config.embedded.processes import CannotStart
from config.embedded.programs import HOME


def fingerprint(paths: Iterable[Path], *, contents: bool) -> str:
    """Return a digest over files: names with contents, or names with size and time of change."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        found = path.stat()
        said = path.read_bytes() if contents else f"{found.st_size} {found.st_mtime_ns}".encode()
        digest.update(str(path.relative_to(HOME)).encode() + b"\0" + said + b"\0")
    return digest.hexdigest()


class Once:
    """A step that is done again only when what it was done for has changed."""

    def __init__(self, folder: Path, name: str, wanted: str) -> None:
        self._marker = folder / f"done-{name}"
        self._wanted = wanted + "\n"

    def is_done(self) -> bool:
        """Tell whether the step was done for what is wanted now."""
        return self._marker.exists() and self._marker.read_text(encoding="utf-8") == self._wanted

    def note(self) -> None:
        """Keep that the step was done."""
        processes.write_private(self._marker, self._wanted)


def migrate(values: Mapping[str, str], *, markers: Path, settings: str = programs.SETTINGS) -> bool:
    """Bring the tables up to date as their owner; returns whether anything had to be looked at."""
    files = [*HOME.glob("*/migrations/*.py"), *HOME.glob("*/*.sql"), *HOME.glob("requirements/*.txt")]
    once = Once(markers, "migrate", fingerprint(files, contents=True))
    if once.is_done():
        return False
    arguments = ["migrate", "--database", "owner", "--no-input", "--verbosity", "0"]
    _manage(programs.environment(values, programs.MIGRATE, settings=settings), *arguments)
    once.note()
    return True


def collect_static(values: Mapping[str, str], *, state: Path, settings: str = programs.SETTINGS) -> bool:
    """Gather the static files under their hashed names; returns whether they had changed."""
    files = [path for path in (HOME / "static").rglob("*") if path.is_file()]
    once = Once(state, "static", fingerprint(files, contents=False))
    if once.is_done():
        return False
    environment = programs.environment(values, programs.SEED, settings=settings)
    _manage(environment, "collectstatic", "--no-input", "--verbosity", "0")
    once.note()
    return True


def seed(values: Mapping[str, str], *, markers: Path) -> bool:
    """Fill the demo once; returns whether it was done now."""
    once = Once(markers, "seed", "1")
    if values.get("STRONGBOX_DEMO") != "1" or once.is_done():
        return False
    _manage(programs.environment(values, programs.SEED), "demo_seed")
    once.note()
    return True


def _manage(environment: Mapping[str, str], *arguments: str) -> None:
    log = processes.private_folder(Path(environment["STRONGBOX_STATE_DIR"]) / "logs") / f"{arguments[0]}.log"
    child = processes.spawn(programs.command(*arguments), environment=environment, folder=HOME, log=log)
    try:
        code = child.wait()
    finally:
        processes.end(child, number=signal.SIGTERM, seconds=10)
    if code:
        last = log.read_text(encoding="utf-8").strip().rsplit("\n", 1)[-1]
        raise CannotStart(f"{arguments[0]} failed ({last}); {log} says more.")
