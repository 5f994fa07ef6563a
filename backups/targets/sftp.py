"""Backups in an account on another machine, over SFTP.

The server is known by one pinned key; none is ever learnt on the first visit. Like a folder, the account keeps
nobody from deleting who holds its key, unless the machine itself does (snapshots, an append-only file system).
"""

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from io import StringIO
from posixpath import dirname, join
from secrets import token_hex
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO, cast
from urllib.parse import SplitResult, unquote

import paramiko
from paramiko.sftp import CMD_EXTENDED

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

_CONNECT_SECONDS = 10
_ANSWER_SECONDS = 60
# Asked for together, so that a distant server costs one round trip for each so many bytes.
_AHEAD = 4 << 20
_REQUEST = 32 << 10
_KEY_KINDS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class Account(Target):
    """A folder of an account on another machine."""

    immutable = False

    def __init__(
        self, host: str, port: int, user: str, root: str, *, key: paramiko.PKey, host_key: paramiko.PKey
    ) -> None:
        self._place, self._user, self.root = (host, port), user, root
        self._key, self._host_key = key, host_key

    @contextmanager
    def create(self, name: str, *, keep_until: datetime) -> Iterator[Sink]:
        """Write beside the name, sync, date it, and rename: SFTP's rename never overwrites."""
        path = self._path(name)
        with self._session() as sftp:
            if _exists(sftp, path):
                raise AlreadyStored(field="name")
            partial = join(dirname(path), PARTIAL + token_hex(8))
            with _fault():
                _make_folders(sftp, dirname(path))
                file = _create(sftp, partial)
            try:
                yield _Writing(file)
                with _fault():
                    _settle(sftp, file)
                    self._name(sftp, partial, path, keep_until)
            finally:
                with suppress(OSError, EOFError, paramiko.SSHException):
                    file.close()
                with suppress(OSError, EOFError, paramiko.SSHException):
                    sftp.remove(partial)

    def get(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Read what is stored, some way ahead."""
        path = self._path(name)
        with ExitStack() as opened:
            sftp = opened.enter_context(self._session())
            with _fault():
                size = _regular(sftp, path)[0]
                file = opened.enter_context(sftp.open(path, "rb"))
            # From here on whoever reads closes.
            return closing(cast(BinaryIO, _Reading(file, size, opened.pop_all())))

    def head(self, name: str) -> Stored:
        """Read size and date."""
        with self._session() as sftp, _fault():
            return self._head(sftp, name)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Walk the account's folder; what is half written, and links, are not backups."""
        with self._session() as sftp, _fault():
            if not _exists(sftp, self.root):
                return
            for name in sorted(_walk(sftp, self.root, "")):
                if name.startswith(prefix):
                    yield self._head(sftp, name)

    def delete(self, name: str, *, at: datetime) -> None:
        """Remove after the date. What has no readable date is kept."""
        path = self._path(name)
        with self._session() as sftp, _fault():
            until = self._head(sftp, name).keep_until
            if until is None or at < until:
                raise StillKept(field="name", keep_until=until.isoformat() if until else "unknown")
            sftp.remove(path)
            sftp.remove(path + KEEP_SUFFIX)

    def extend(self, name: str, *, keep_until: datetime) -> None:
        """Write a later date."""
        with self._session() as sftp, _fault():
            until = self._head(sftp, name).keep_until
            if until is not None and keep_until <= until:
                raise KeptLonger(field="keep_until")
            self._keep(sftp, self._path(name), keep_until)

    def probe(self) -> None:
        """Write, sync and remove a file."""
        with self._session() as sftp, _fault():
            _make_folders(sftp, self.root)
            trial = join(self.root, PARTIAL + token_hex(8))
            file = _create(sftp, trial)
            file.write(b"trial")
            _settle(sftp, file)
            sftp.remove(trial)

    def sweep(self, *, before: datetime) -> int:
        """Remove the files of writers that are gone: a living one's was written a moment ago."""
        swept = 0
        with self._session() as sftp, _fault():
            if not _exists(sftp, self.root):
                return 0
            for path, modified in list(_partials(sftp, self.root)):
                if modified < before.timestamp():
                    sftp.remove(path)
                    swept += 1
        return swept

    def _path(self, name: str) -> str:
        return join(self.root, named(name))

    def _head(self, sftp: paramiko.SFTPClient, name: str) -> Stored:
        size, modified = _regular(sftp, self._path(name))
        return Stored(name, size, datetime.fromtimestamp(modified, UTC), _kept(sftp, self._path(name)))

    def _name(self, sftp: paramiko.SFTPClient, partial: str, path: str, until: datetime) -> None:
        # The date first: what has a name has a date.
        if not _exists(sftp, path):
            self._keep(sftp, path, until)
        try:
            sftp.rename(partial, path)
        except OSError:
            if _exists(sftp, path):
                raise AlreadyStored(field="name") from None
            raise

    def _keep(self, sftp: paramiko.SFTPClient, path: str, until: datetime) -> None:
        fresh = join(dirname(path), PARTIAL + token_hex(8))
        file = _create(sftp, fresh)
        file.write(written(until).encode() + b"\n")
        _settle(sftp, file)
        sftp.posix_rename(fresh, path + KEEP_SUFFIX)

    @contextmanager
    def _session(self) -> Iterator[paramiko.SFTPClient]:
        with _fault():
            transport = paramiko.Transport(socket.create_connection(self._place, _CONNECT_SECONDS))
        try:
            with _fault():
                transport.banner_timeout = transport.auth_timeout = _CONNECT_SECONDS
                # Only the kind of key that is pinned: another one would be refused after all.
                transport.get_security_options().key_types = (self._host_key.get_name(),)
                transport.connect(hostkey=self._host_key, username=self._user, pkey=self._key)
                sftp = paramiko.SFTPClient.from_transport(transport)
                if sftp is None:
                    raise TargetUnusable
                sftp.get_channel().settimeout(_ANSWER_SECONDS)
            yield sftp
        finally:
            transport.close()


class _Writing:
    def __init__(self, file: paramiko.SFTPFile) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        with _fault():
            self._file.write(data)
        return len(data)


class _Reading:
    """A file of known size, read window by window: what is asked for ahead stays bounded."""

    def __init__(self, file: paramiko.SFTPFile, size: int, opened: ExitStack) -> None:
        self._file, self._size, self._at = file, size, 0
        self._held, self._opened = bytearray(), opened

    def close(self) -> None:
        self._opened.close()

    def read(self, size: int = -1) -> bytes:
        wanted = self._size if size < 0 else size
        while len(self._held) < wanted and self._at < self._size:
            end = min(self._at + _AHEAD, self._size)
            asked = [(at, min(_REQUEST, end - at)) for at in range(self._at, end, _REQUEST)]
            with _fault():
                for data in self._file.readv(asked):
                    self._held += data
            self._at = end
        found = bytes(memoryview(self._held)[:wanted])
        del self._held[:wanted]
        return found


@contextmanager
def _fault() -> Iterator[None]:
    """Turn what the other side or the network does into a refusal."""
    try:
        yield
    except FileNotFoundError:
        raise NotStored(field="name") from None
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise TargetUnusable(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    if isinstance(error, paramiko.AuthenticationException):
        return "The machine does not let us in with this key."
    if "host key" in str(error):
        return "The machine shows another key than the pinned one: another machine may stand in its place."
    if isinstance(error, (TimeoutError, EOFError)):
        return "The machine does not answer as it should, or broke off."
    return f"The machine cannot be used: {str(error).rstrip('.') or type(error).__name__}."


def _create(sftp: paramiko.SFTPClient, path: str) -> paramiko.SFTPFile:
    file = sftp.open(path, "wbx")
    file.chmod(0o600)
    file.set_pipelined(True)
    return file


def _settle(sftp: paramiko.SFTPClient, file: paramiko.SFTPFile) -> None:
    """Wait until every write was acknowledged, and let the server put it on its disk."""
    file.flush()
    file.set_pipelined(False)
    file.stat()
    sftp._request(CMD_EXTENDED, "fsync@openssh.com", file.handle)
    file.close()


def _exists(sftp: paramiko.SFTPClient, path: str) -> bool:
    with _fault():
        try:
            sftp.lstat(path)
        except FileNotFoundError:
            return False
    return True


def _regular(sftp: paramiko.SFTPClient, path: str) -> tuple[int, int]:
    found = sftp.lstat(path)
    if not S_ISREG(found.st_mode or 0):
        raise NotStored(field="name")
    return found.st_size or 0, found.st_mtime or 0


def _kept(sftp: paramiko.SFTPClient, path: str) -> datetime | None:
    try:
        with sftp.open(path + KEEP_SUFFIX, "rb") as file:
            return spelled(file.read(64).decode("ascii"))
    except (FileNotFoundError, ValueError):
        return None


def _make_folders(sftp: paramiko.SFTPClient, path: str) -> None:
    if path in ("", "/") or _exists(sftp, path):
        return
    _make_folders(sftp, dirname(path))
    sftp.mkdir(path, 0o700)


def _walk(sftp: paramiko.SFTPClient, folder: str, under: str) -> Iterator[str]:
    for entry in sftp.listdir_attr(folder):
        name, mode = under + entry.filename, entry.st_mode or 0
        # Only what we could have stored, and no deeper: the other side says what it likes.
        if "/" in entry.filename or not is_name(name):
            continue
        if S_ISDIR(mode):
            yield from _walk(sftp, join(folder, entry.filename), name + "/")
        elif S_ISREG(mode):
            yield name


def _partials(sftp: paramiko.SFTPClient, folder: str) -> Iterator[tuple[str, int]]:
    for entry in sftp.listdir_attr(folder):
        mode, path = entry.st_mode or 0, join(folder, entry.filename)
        if S_ISDIR(mode):
            yield from _partials(sftp, path)
        elif S_ISREG(mode) and entry.filename.startswith(PARTIAL):
            yield path, entry.st_mtime or 0


def from_url(parts: SplitResult, credentials: Credentials) -> Account:
    """Return the account of an sftp URL. Raises TargetUnknown."""
    path = unquote(parts.path)
    if (
        not parts.hostname
        or not parts.username
        or parts.query
        or path in ("", "/")
        or ".." in path.split("/")
    ):
        raise TargetUnknown(field="url")
    return Account(
        parts.hostname,
        parts.port or 22,
        unquote(parts.username),
        path.rstrip("/"),
        key=_private(credentials.ssh_key),
        host_key=_public(credentials.ssh_host_key),
    )


def _private(text: str) -> paramiko.PKey:
    for kind in _KEY_KINDS:
        with suppress(paramiko.SSHException, ValueError, IndexError):
            return kind.from_private_key(StringIO(text))
    raise TargetUnknown("The SSH key cannot be read.", field="ssh_key")


def _public(line: str) -> paramiko.PKey:
    entry = paramiko.hostkeys.HostKeyEntry.from_line(f"host {line.strip()}")
    if entry is None or entry.key is None:
        raise TargetUnknown("The key by which the server is known is missing.", field="ssh_host_key")
    return entry.key
