"""Child processes that never outlive their parent, and files that nobody else can read."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

# The longest path that fits into sockaddr_un.sun_path with its closing zero byte.
SOCKET_PATH_LIMIT = 107

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


class CannotStart(Exception):
    """The stack cannot start."""


class Interrupted(BaseException):
    """Told to stop while still preparing."""


class AlreadyRunning(CannotStart):
    """Another process already runs on this folder."""


class Child(Protocol):
    """A running program, as whoever started it sees it."""

    pid: int
    returncode: int | Any

    def poll(self) -> int | None:
        """Return how it ended, negative for a signal; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end.

        Raises: subprocess.TimeoutExpired.
        """

    def send_signal(self, number: int) -> None:
        """Signal it if it has not ended."""


@dataclass(frozen=True)
class Login:
    """The operating system's user a child runs as."""

    name: str
    uid: int
    gid: int


def check_socket_path(path: Path) -> None:
    """Refuse a socket's path that the kernel would cut.

    Raises: CannotStart.
    """
    if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
        raise CannotStart(f"The socket path {path} is longer than {SOCKET_PATH_LIMIT} bytes.")


def adopt_orphans() -> None:
    """Make this process the parent of grandchildren whose parent dies, so that they can be ended."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Receive SIGTERM when this process's own parent dies."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


def _death_signal(number: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def arrange() -> None:
        # Runs between fork and exec, after the change of user (which would clear the death signal).
        os.umask(0o077)
        if sys.platform == "linux":
            _libc.prctl(_PR_SET_PDEATHSIG, int(number))
            if os.getppid() != parent:
                os._exit(1)

    return arrange


def spawn(
    arguments: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: Path | None,
    on_parent_death: signal.Signals = signal.SIGTERM,
    login: Login | None = None,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own that is signalled when this process dies.

    Call it from the main thread: the kernel ties the death signal to the thread that forked.
    `log` None lets the child write to this process's own output.
    """
    user, group, groups = _identity(login)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(open_log(log)) if log is not None else None
        return subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
            pass_fds=tuple(keep_open),
            preexec_fn=_death_signal(on_parent_death),
            user=user,
            group=group,
            extra_groups=groups,
        )


def run(
    arguments: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    login: Login | None = None,
    text: str | None = None,
) -> str:
    """Run a program to its end and return what it printed.

    Raises: CannotStart with what the program said when it failed.
    """
    user, group, groups = _identity(login)
    done = subprocess.run(
        [str(argument) for argument in arguments],
        input=text or "",
        capture_output=True,
        text=True,
        env=dict(environment),
        cwd=folder,
        check=False,
        preexec_fn=_death_signal(signal.SIGTERM),
        user=user,
        group=group,
        extra_groups=groups,
    )
    if done.returncode:
        raise CannotStart(f"{Path(arguments[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _identity(login: Login | None) -> tuple[int | None, int | None, list[str | int] | None]:
    if login is None or login.uid == os.geteuid():
        return None, None, None
    return login.uid, login.gid, []


@contextlib.contextmanager
def open_log(path: Path) -> Iterator[int]:
    """Open a log that only its owner reads, to write behind what it holds."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def end(child: Child, *, number: signal.Signals, seconds: float) -> None:
    """Ask a child to stop, wait, and kill its whole session if it has not gone after `seconds`."""
    if child.poll() is None:
        child.send_signal(number)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            end_session(child)
            child.wait()


def end_session(child: Child) -> None:
    """Kill whatever is left of the session a child led, itself included."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def wait_for(condition: Callable[[], bool], *, seconds: float, what: str, pause: float = 0.01) -> None:
    """Wait until a condition holds.

    Raises: CannotStart when it does not within `seconds`.
    """
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise CannotStart(f"{what} did not answer within {seconds:.0f} seconds.")
        time.sleep(pause)


def lock(path: Path, *, seconds: float = 0, taken: str) -> int:
    """Take an exclusive lock that the kernel drops when its last holder dies; returns the descriptor.

    A child that is given the descriptor (`keep_open`) holds the lock as long as it lives.
    Raises: AlreadyRunning with the sentence `taken` when it is not free within `seconds`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    limit = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= limit:
                os.close(descriptor)
                raise AlreadyRunning(taken) from None
            time.sleep(0.02)
        else:
            return descriptor


def private_folder(path: Path, *, login: Login | None = None, mode: int = 0o700) -> Path:
    """Make a folder only its owner may enter; never touches a parent's mode."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise CannotStart(f"{path} is not a folder.")
    if login is not None and (found.st_uid, found.st_gid) != (login.uid, login.gid):
        os.chown(path, login.uid, login.gid, follow_symlinks=False)
    if stat.S_IMODE(found.st_mode) != mode:
        path.chmod(mode)
    return path


def write_private(path: Path, text: str, *, mode: int = 0o600, group: int | None = None) -> None:
    """Write a file whole or not at all, readable by its owner only (and by `group` when mode says so)."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        if group is not None:
            os.fchown(descriptor, -1, group)
        os.fchmod(descriptor, mode)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
