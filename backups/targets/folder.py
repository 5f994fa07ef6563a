"""Backups in a folder: another disk, a mounted share.

The folder keeps honest programs from deleting too early and nobody else: whoever may write in it may delete in
it. `immutable` says so, and the page asks for a second target where it is the only one.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from stat import S_ISREG
from typing import BinaryIO
from urllib.parse import SplitResult, unquote

from backups.targets.contract import (
    KEEP_SUFFIX,
    PARTIAL,
    AlreadyStored,
    Credentials,
    KeptLonger,
    NotStored,
    Sink,
    StillKept,
    Stored,
    Target,
    TargetUnknown,
    TargetUnusable,
    is_name,
    named,
    spelled,
    written,
)


class _Writing:
    """The file being written; a full disk is the target's fault, not the reader's."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            raise TargetUnusable(str(error)) from error


class Folder(Target):
    """A folder of this machine."""

    immutable = False

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def create(self, name: str, *, keep_until: datetime) -> Iterator[Sink]:
        """Write beside the name, and give the name to what is whole and on the disk."""
        path = self._path(name)
        if path.exists():
            raise AlreadyStored(field="name")
        try:
            _make_folder(path.parent)
            partial = path.with_name(PARTIAL + token_hex(8))
            file = _create(partial)
        except OSError as error:
            raise TargetUnusable(str(error)) from error
        try:
            with file:
                yield _Writing(file)
                _settle(file)
            self._name(partial, path, keep_until)
        finally:
            partial.unlink(missing_ok=True)

    def get(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open the file, never through a link that somebody laid."""
        try:
            return _open(self._path(name))
        except FileNotFoundError:
            raise NotStored(field="name") from None
        except OSError as error:
            raise TargetUnusable(str(error)) from error

    def head(self, name: str) -> Stored:
        """Read size and date."""
        path = self._path(name)
        try:
            found = path.lstat()
        except FileNotFoundError:
            raise NotStored(field="name") from None
        return Stored(name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC), _kept(path))

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Walk the folder; what is half written, and links, are not backups."""
        found = []
        for folder, _, files in os.walk(self.root):
            for file in files:
                path = Path(folder) / file
                name = path.relative_to(self.root).as_posix()
                if is_name(name) and name.startswith(prefix) and S_ISREG(path.lstat().st_mode):
                    found.append(name)
        for name in sorted(found):
            yield self.head(name)

    def delete(self, name: str, *, at: datetime) -> None:
        """Remove the file after its date. A file without a readable date is kept."""
        path = self._path(name)
        until = self.head(name).keep_until
        if until is None or at < until:
            raise StillKept(field="name", keep_until=until.isoformat() if until else "unknown")
        path.unlink()
        path.with_name(path.name + KEEP_SUFFIX).unlink(missing_ok=True)
        _sync_folder(path.parent)

    def extend(self, name: str, *, keep_until: datetime) -> None:
        """Write a later date."""
        until = self.head(name).keep_until
        if until is not None and keep_until <= until:
            raise KeptLonger(field="keep_until")
        self._keep(self._path(name), keep_until)

    def probe(self) -> None:
        """Write, sync and remove a file."""
        trial = self.root / (PARTIAL + token_hex(8))
        try:
            _make_folder(self.root)
            with _create(trial) as file:
                file.write(b"trial")
                os.fsync(file.fileno())
            trial.unlink()
        except OSError as error:
            raise TargetUnusable(str(error)) from error

    def sweep(self, *, before: datetime) -> int:
        """Remove the files of writers that are gone: a living one's was written a moment ago."""
        swept = 0
        for path in list(self.root.rglob(PARTIAL + "*")):
            if not path.is_symlink() and path.lstat().st_mtime < before.timestamp():
                path.unlink(missing_ok=True)
                swept += 1
        return swept

    def _path(self, name: str) -> Path:
        path = self.root / named(name)
        for folder in path.parents[: len(path.relative_to(self.root).parts) - 1]:
            if folder.is_symlink():
                raise TargetUnusable(f"{folder.relative_to(self.root)} is a link that leads elsewhere")
        return path

    def _name(self, partial: Path, path: Path, until: datetime) -> None:
        try:
            # The date first: what has a name has a date.
            if not path.exists():
                self._keep(path, until)
            # A link, not a rename: it fails where something stands.
            path.hardlink_to(partial)
            _sync_folder(path.parent)
        except FileExistsError:
            raise AlreadyStored(field="name") from None
        except OSError as error:
            raise TargetUnusable(str(error)) from error

    def _keep(self, path: Path, until: datetime) -> None:
        keep = path.with_name(path.name + KEEP_SUFFIX)
        fresh = path.with_name(PARTIAL + token_hex(8))
        with _create(fresh) as file:
            file.write(written(until).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(keep)
        _sync_folder(path.parent)


def _settle(file: BinaryIO) -> None:
    try:
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise TargetUnusable(str(error)) from error


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _make_folder(path: Path) -> None:
    """Make a private folder, and what leads to it; each is on the disk before anything stands in it."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(path.parent)


def _open(path: Path) -> BinaryIO:
    """Open a file to read: neither a link nor a pipe on which whoever laid it would let us wait."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path.name} is no file")
    return os.fdopen(handle, "rb")


def _kept(path: Path) -> datetime | None:
    try:
        with _open(path.with_name(path.name + KEEP_SUFFIX)) as file:
            return spelled(file.read(64).decode("ascii"))
    except (OSError, ValueError):
        return None


def _sync_folder(path: Path) -> None:
    """A new name is on the disk only when its folder is."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def from_url(parts: SplitResult, credentials: Credentials) -> Folder:
    """Return the folder of a file URL. Raises TargetUnknown."""
    path = Path(unquote(parts.path))
    if parts.netloc or parts.query or not path.is_absolute() or ".." in path.parts or path == Path("/"):
        raise TargetUnknown(field="url")
    return Folder(path)
