"""What happens before the processes start: tables, static files, the demo; each done once."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from config.embedded import processes, programs
from config.embedded.processes import CannotStart, Child
from config.embedded.programs import HOME

# The demo's organizations by slug.
DEMO = ("acme", "birch")
Spawn = Callable[..., Child]


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


def prepare(
    values: Mapping[str, str],
    *,
    state: Path,
    markers: Path,
    say: Callable[[str], None],
    spawn: Spawn,
    settings: str = programs.SETTINGS,
) -> None:
    """Bring the tables up to date as their owner and gather the static files under their hashed names, side by side.

    Raises: CannotStart.
    """
    tables = [*HOME.glob("*/migrations/*.py"), *HOME.glob("*/*.sql"), *HOME.glob("requirements/*.txt")]
    files = [path for path in (HOME / "static").rglob("*") if path.is_file()]
    steps = [
        (
            Once(markers, "migrate", fingerprint(tables, contents=True)),
            programs.MIGRATE,
            ("migrate", "--database", "owner", "--no-input", "--verbosity", "0"),
            "The tables are up to date",
        ),
        (
            Once(state, "static", fingerprint(files, contents=False)),
            programs.SEED,
            ("collectstatic", "--no-input", "--verbosity", "0"),
            "The static files are gathered",
        ),
    ]
    wanted = [step for step in steps if not step[0].is_done()]
    _manage(
        *(
            (programs.environment(values, secrets, settings=settings), arguments)
            for _, secrets, arguments, _ in wanted
        ),
        spawn=spawn,
    )
    for once, _, _, words in wanted:
        once.note()
        say(words)


def seed(values: Mapping[str, str], *, markers: Path, spawn: Spawn) -> bool:
    """Fill the demo once, its organizations side by side; returns whether it was done now.

    Raises: CannotStart.
    """
    once = Once(markers, "seed", "1")
    if values.get("STRONGBOX_DEMO") != "1" or once.is_done():
        return False
    environment = programs.environment(values, programs.SEED)
    # The operator's organization holds the keys of every person; the last call fills what is missing, and looks at all.
    alone = [("demo_seed", "--organization", slug) for slug in ("operator", *DEMO)]
    for together in (alone[:1], alone[1:], [("demo_seed",)]):
        _manage(*((environment, arguments) for arguments in together), spawn=spawn)
    once.note()
    return True


def _manage(*commands: tuple[Mapping[str, str], Sequence[str]], spawn: Spawn) -> None:
    """Run management commands side by side, each in its environment, and wait for all."""
    running = []
    try:
        for environment, arguments in commands:
            logs = processes.private_folder(Path(environment["STRONGBOX_STATE_DIR"]) / "logs")
            log = logs / f"{arguments[0]}.log"
            child = spawn(programs.command(*arguments), environment=environment, folder=HOME, log=log)
            running.append((child, log))
        for child, log in running:
            if child.wait():
                last = log.read_text(encoding="utf-8").strip().rsplit("\n", 1)[-1]
                raise CannotStart(f"{log.stem} failed ({last}); {log} says more.")
    finally:
        for child, _ in running:
            processes.end(child, number=signal.SIGTERM, seconds=10)
