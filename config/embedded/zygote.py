"""The product imported once, of which every process is made a copy.

Importing the product costs two seconds of processor time, which each process would pay for itself. The zygote
imports it without any secret. A copy is told its environment over a pipe, after it was made: neither the zygote nor
another copy ever holds it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import runpy
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.embedded import processes, programs

_LARGEST = 65_536
_READY = b"ready"
# What the programs of the queue and of the web server load when they begin.
_RUNNERS = (
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.worker.components",
    "celery.worker.consumer",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "kombu.transport.redis",
)


class Copy:
    """A process that was copied; its parent is the one that asked for it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how the process ended, negative for a signal; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end.

        Raises: subprocess.TimeoutExpired.
        """
        limit = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if timeout is not None and limit is not None and time.monotonic() > limit:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        """Signal the process if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Zygote:
    """The process that copies itself, as its parent sees it.

    Where there is none (it could not import the product, it was killed, the system has no subreapers), programs are
    started in the ordinary way, and say themselves what is wrong.
    """

    def __init__(self, values: Mapping[str, str], *, state: Path, settings: str = programs.SETTINGS) -> None:
        """Begin to import the product; returns at once."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # A password of the sealer's that nobody has set: settings ask for no other secret beside that one.
        shown = programs.environment(values, frozenset(), settings=settings)
        shown["STRONGBOX_DB_SEALER_PASSWORD"] = secrets.token_urlsafe()
        with theirs:
            self._child = processes.spawn(
                [sys.executable, "-m", __name__, str(theirs.fileno()), str(os.getpid())],
                environment=shown,
                folder=programs.HOME,
                log=processes.private_folder(state / "logs") / "zygote.log",
                keep_open=[theirs.fileno()],
            )
        self._serves = False

    def wait(self) -> None:
        """Wait until the product is imported, or cannot be."""
        self._serves = self._answer() == _READY

    def spawn(
        self, arguments: Sequence[str | Path], *, environment: Mapping[str, str], folder: Path, log: Path
    ) -> processes.Child:
        """Start a program of the product as `processes.spawn` does."""
        if self._serves:
            with processes.open_log(log) as output, _told(environment) as told:
                message = json.dumps([str(argument) for argument in arguments]).encode()
                with contextlib.suppress(OSError):
                    socket.send_fds(self._control, [message], [output, told])
                if answer := self._answer():
                    return Copy(int(answer))
            self._serves = False
        return processes.spawn(arguments, environment=environment, folder=folder, log=log)

    def end(self) -> None:
        """End the process; its copies stay."""
        self._control.close()
        processes.end(self._child, number=signal.SIGTERM, seconds=1)

    def _answer(self) -> bytes:
        try:
            return self._control.recv(_LARGEST)
        except OSError:
            return b""


@contextlib.contextmanager
def _told(environment: Mapping[str, str]) -> Iterator[int]:
    """Give a pipe out of which a copy reads its environment."""
    read, write = os.pipe()
    try:
        with os.fdopen(write, "w") as file:
            json.dump(dict(environment), file)
        yield read
    finally:
        os.close(read)


@dataclass(frozen=True)
class Errand:
    """What a copy is to be."""

    arguments: Sequence[str]
    environment: Mapping[str, str]

    def run(self) -> None:
        """Be the program, in the environment it was told."""
        from setproctitle import setproctitle  # noqa: PLC0415  of no use before, and looks at the environment

        os.environ.clear()
        os.environ.update(self.environment)
        _forget_settings()
        gc.enable()
        setproctitle(" ".join(self.arguments))
        program, *rest = self.arguments[1:]
        if program == "-m":
            program, *rest = rest
            sys.argv = [program, *rest]
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            sys.argv = [program, *rest]
            runpy.run_path(program, run_name="__main__")


def serve(control: socket.socket, *, parent: int) -> Errand | None:
    """Make copies until the parent lets go (None); returns an errand in each copy."""
    control.send(_READY)
    while True:
        message, passed, _, _ = socket.recv_fds(control, _LARGEST, 2)
        if not message:
            return None
        output, told = passed
        read, write = os.pipe()
        middle = os.fork()
        if not middle:
            # Its own child is left to the next process above that adopts orphans: the parent.
            copy = os.fork()
            if copy:
                os.write(write, str(copy).encode())
                os._exit(0)
            _settle(output, parent=parent)
            control.close()
            for descriptor in (output, read, write):
                os.close(descriptor)
            with os.fdopen(told) as file:
                return Errand(json.loads(message), json.load(file))
        os.waitpid(middle, 0)
        control.send(os.read(read, 32))
        for descriptor in (output, told, read, write):
            os.close(descriptor)


def _settle(output: int, *, parent: int) -> None:
    """Be what `processes.spawn` makes of a child."""
    os.setsid()
    made_by = os.getppid()
    while os.getppid() == made_by and made_by != parent:
        time.sleep(0.001)
    processes.die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _import_product() -> None:
    import django  # noqa: PLC0415  settings are told by now

    django.setup()
    celery = importlib.import_module("config.celery")
    for app in celery.APPS:
        if importlib.util.find_spec(f"{app}.tasks"):
            importlib.import_module(f"{app}.tasks")
    for name in ("config.urls", *_RUNNERS):
        importlib.import_module(name)
    # A copy would go on with what was read from settings that are not its own, or with a lock that nobody opens.
    if celery.app.configured or threading.active_count() > 1:
        raise SystemExit("Something of the product works while it is imported.")


def _forget_settings() -> None:
    from django.conf import global_settings, settings  # noqa: PLC0415  imported long since
    from django.core.cache import caches  # noqa: PLC0415  as above
    from django.db import connections  # noqa: PLC0415  as above
    from django.utils.functional import empty  # noqa: PLC0415  as above

    # What libraries put there as they were imported, which no import does again (auditlog.conf).
    held: Any = settings
    added = {
        name: value
        for name, value in vars(held._wrapped).items()
        if name.isupper() and not held.is_overridden(name) and not hasattr(global_settings, name)
    }
    for name in [name for name in sys.modules if name.startswith("config.settings")]:
        del sys.modules[name]
    held._wrapped = empty
    for name, value in added.items():
        setattr(held, name, value)
    handlers: tuple[Any, ...] = (connections, caches)
    for handler in handlers:
        # As if it were made now: without settings, without a connection, even one that was never opened.
        vars(handler).clear()
        handler.__init__()


def main() -> None:
    """Import the product, and make copies of it."""
    gc.disable()
    control = socket.socket(fileno=int(sys.argv[1]))
    _import_product()
    gc.freeze()
    errand = serve(control, parent=int(sys.argv[2]))
    if errand is not None:
        errand.run()


if __name__ == "__main__":
    main()
