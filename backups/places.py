"""Where backups go, who signs them, who may open them, and where the programs of PostgreSQL lie.

Everything comes from the environment. A process that was not told a key cannot do what it is for.
"""

import fcntl
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings

from backups import archive, targets
from core.errors import Refusal


class BackupsNotConfigured(Refusal):
    """This process was not told where backups go or which key signs them."""

    code = "backups_not_configured"


@dataclass(frozen=True, slots=True)
class Named:
    """One target under the name that people know."""

    name: str
    place: Any
    # Whether it lies on another machine than this one.
    is_offsite: bool = True


def target_names() -> list[str]:
    """Return the names of the targets; no target is opened."""
    return [name for name, _ in _targets()]


def open_targets() -> list[Named]:
    """Return the targets, the first of which is read first.

    Raises:
        BackupsNotConfigured: there is none.
    """
    credentials = targets.Credentials(**settings.BACKUP_CREDENTIALS)
    found = [
        Named(name, targets.of(url, credentials=credentials), _is_offsite(url)) for name, url in _targets()
    ]
    if not found:
        raise BackupsNotConfigured("STRONGBOX_BACKUP_TARGETS names no target.")
    return found


def _targets() -> list[tuple[str, str]]:
    entries = settings.BACKUP_TARGETS.split()
    return [(name, url) for name, _, url in (entry.partition("=") for entry in entries) if url]


def _is_offsite(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        return False
    endpoint = dict(parse_qsl(parts.query)).get("endpoint", "")
    host = urlsplit(endpoint).hostname if endpoint else parts.hostname
    return not (host or "").startswith("127.") and host not in ("localhost", "::1")


def signer() -> archive.Signer:
    """Return the key that signs archives and results of drills."""
    return archive.Signer(_key(settings.BACKUP_SIGNING_KEY_FILE, "STRONGBOX_BACKUP_SIGNING_KEY_FILE"))


def trusted() -> list[bytes]:
    """Return the public keys whose archives are believed; an older one stays while its archives are kept."""
    return [
        bytes.fromhex(line) for line in _lines(settings.BACKUP_TRUSTED_FILE, "STRONGBOX_BACKUP_TRUSTED_FILE")
    ]


def recipients() -> list[archive.Recipient]:
    """Return who may open archives: lines of a name and a public key."""
    lines = _lines(settings.BACKUP_RECIPIENTS_FILE, "STRONGBOX_BACKUP_RECIPIENTS_FILE")
    pairs = (line.split() for line in lines)
    return [archive.Recipient(name, bytes.fromhex(public)) for name, public in pairs]


def drill_key() -> bytes:
    """Return the private key of the drill."""
    return _key(settings.BACKUP_DRILL_KEY_FILE, "STRONGBOX_BACKUP_DRILL_KEY_FILE")


def key_in(path: Path) -> bytes:
    """Read a private key (64 hexadecimal digits) from a file."""
    return _key(path, str(path))


def _key(path: Path | None, name: str) -> bytes:
    (line,) = _lines(path, name)
    try:
        key = bytes.fromhex(line)
    except ValueError:
        raise BackupsNotConfigured(f"{name} holds no hexadecimal key.") from None
    if len(key) != 32:
        raise BackupsNotConfigured(f"{name} must hold 32 bytes, 64 hexadecimal digits.")
    return key


def _lines(path: Path | None, name: str) -> list[str]:
    if path is None:
        raise BackupsNotConfigured(f"{name} is not set.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BackupsNotConfigured(f"{name}: {error.strerror}.") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def program(name: str) -> Path:
    """Return one of PostgreSQL's programs.

    Raises:
        BackupsNotConfigured: it is not there.
    """
    folder: Path | None = settings.POSTGRES_BIN
    found = None if folder is None else folder / name
    if found is None or not found.exists():
        raise BackupsNotConfigured(
            f"PostgreSQL's {name} was not found: STRONGBOX_POSTGRES_BIN names its folder."
        )
    return found


def work(name: str) -> Path:
    """Return a folder of this name for work in progress, private to us."""
    root: Path | None = settings.BACKUP_WORK_DIR
    if root is None:
        raise BackupsNotConfigured("STRONGBOX_BACKUP_WORK_DIR is not set.")
    folder = root / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@dataclass(frozen=True, slots=True)
class Login:
    """Whom PostgreSQL's own programs run as: us, or its system user where we are root."""

    uid: int
    gid: int

    @property
    def as_child(self) -> dict[str, Any]:
        """Return what subprocess needs to become them."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def login() -> Login:
    """Return whom a server runs as.

    Raises:
        BackupsNotConfigured: we are root and there is no such system user.
    """
    if os.geteuid() != 0:
        return Login(os.geteuid(), os.getegid())
    try:
        found = pwd.getpwnam(settings.POSTGRES_LOGIN)
    except KeyError:
        raise BackupsNotConfigured(
            f"PostgreSQL refuses to run as root, and there is no system user {settings.POSTGRES_LOGIN}."
        ) from None
    return Login(found.pw_uid, found.pw_gid)


@contextmanager
def scratch() -> Iterator[Path]:
    """Make an empty folder for a scratch server, and remove it with all that was restored into it."""
    who = login()
    root: Path | None = settings.BACKUP_WORK_DIR
    if root is None:
        raise BackupsNotConfigured("STRONGBOX_BACKUP_WORK_DIR is not set.")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if who.uid != os.geteuid():
        # The server's user passes through; it sees no name here and opens nothing but its own folder.
        os.chown(root, 0, who.gid)
        root.chmod(0o710)
    _sweep(root)
    folder = root / f"s{token_hex(4)}"
    folder.mkdir(mode=0o700)
    # As long as we live it is locked: what a killed process left behind is not.
    held = _lock(folder)
    os.chown(folder, who.uid, who.gid)
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)
        if held is not None:
            os.close(held)


def _lock(folder: Path) -> int | None:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    return held


def _sweep(root: Path) -> None:
    """Remove restored copies whose process died: they are the whole database."""
    for left in root.glob("s????????"):
        held = _lock(left)
        if held is not None:
            rmtree(left, ignore_errors=True)
            os.close(held)
