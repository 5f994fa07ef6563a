"""Runs a stack: its engines and every process of the product, watched until told to stop.

Promises: nothing outlives the supervisor, however it ends; a process that dies is started again; a start that
cannot work says why in one sentence; each process knows only its own secrets.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from config.embedded import processes
from config.embedded.processes import CannotStart
from config.embedded.watched import Watched
from config.embedded.zygote import Zygote

NEEDED_BYTES = 500 * 1024 * 1024
READY_SECONDS = 120
DEATHS_BEFORE_READY = 3


@dataclass(frozen=True)
class Listener:
    """An address and a port of a stack, and the variable by which people choose the port."""

    family: socket.AddressFamily
    address: str
    port: int
    variable: str = "PORT"


class Machinery(ABC):
    """The engines of a stack, as the supervisor sees them."""

    state: Path

    @abstractmethod
    def claim(self) -> None:
        """Take the state folder for this process."""

    @abstractmethod
    def pids(self) -> list[int]:
        """Return the engines' processes."""

    @abstractmethod
    def tend(self) -> list[str]:
        """Start an engine again that has died; returns one sentence for each."""

    @abstractmethod
    def stop(self) -> None:
        """Stop the engines cleanly."""


class Stack(ABC):
    """What a supervisor runs."""

    engines: Machinery
    # The address people type, with its closing slash.
    url: str
    zygote: Zygote | None = None

    @abstractmethod
    def listens(self) -> list[Listener]:
        """Return what has to be free."""

    @abstractmethod
    def prepare(self, say: Callable[[str], None]) -> list[Watched]:
        """Start the engines, bring the database up to date, and return the processes to start."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether the product itself says that it is ready."""

    @abstractmethod
    def hints(self) -> list[str]:
        """Return what to tell people after the address."""

    def stop(self) -> None:
        """Stop what the processes were made from, and the engines."""
        if self.zygote is not None:
            self.zygote.end()
        self.engines.stop()


class Supervisor:
    """Everything that runs for one stack."""

    def __init__(self, stack: Stack, *, say: Callable[[str], None] = print) -> None:
        self.stack = stack
        self.watched: list[Watched] = []
        self._say = say
        self._stopping = False
        self._wakeup, self._wake = os.pipe()

    def run(self) -> None:
        """Start everything, watch it, and return when told to stop and all has ended.

        Raises: CannotStart.
        """
        self._listen_to_signals()
        processes.adopt_orphans()
        try:
            self.start()
            while not self._stopping:
                self._wait(self._tend())
        except processes.Interrupted:
            pass
        finally:
            self._stop()

    def start(self) -> None:
        """Start everything and return when it is ready.

        Raises: CannotStart.
        """
        began = time.monotonic()
        self.stack.engines.claim()
        self._check_disk()
        self._check_ports()
        self._say("Starting the engines")
        self.watched = self.stack.prepare(self._say)
        self._say("Starting " + ", ".join(watched.program.name for watched in self.watched))
        for watched in self.watched:
            if not watched.is_alive():  # the demo is filled with the help of one of them
                watched.start()
        self._wait_until_ready()
        if not self._stopping:
            self._say(f"Started in {time.monotonic() - began:.1f} s")
            self._say(f"Strongbox is ready at {self.stack.url}")
            for hint in self.stack.hints():
                self._say(hint)

    def _check_disk(self) -> None:
        folder = self.stack.engines.state
        free = shutil.disk_usage(folder).free
        if free < NEEDED_BYTES:
            raise CannotStart(
                f"The disk of {folder} is full: {free // 2**20} MB free, {NEEDED_BYTES // 2**20} MB needed."
            )

    def _check_ports(self) -> None:
        for listener in self.stack.listens():
            with socket.socket(listener.family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((listener.address, listener.port))
                except OSError as error:
                    raise CannotStart(
                        f"Port {listener.port} of {listener.address} cannot be used ({error.strerror}); "
                        f"try {listener.variable}={listener.port + 1}"
                    ) from None

    def _wait_until_ready(self) -> None:
        limit = time.monotonic() + READY_SECONDS
        while not self._stopping:
            self._tend()
            for watched in self.watched:
                if watched.deaths >= DEATHS_BEFORE_READY:
                    raise CannotStart(
                        f"{watched.program.name} ends as soon as it starts; {watched.log} says why."
                    )
            late = [watched.program.name for watched in self.watched if not watched.is_ready()]
            if not late and self.stack.answers():
                return
            if time.monotonic() > limit:
                raise CannotStart(
                    f"{', '.join(late) or '/readyz'} did not get ready in {READY_SECONDS} seconds."
                )
            self._wait(0.05)

    def _tend(self) -> float:
        """Bury the dead and start them again; returns how many seconds to wait for the next look."""
        self._reap_orphans()
        for happened in self.stack.engines.tend():
            self._say(happened)
        for watched in self.watched:
            if death := watched.tend():
                self._say(death)
        return 0.2 if any(watched.pid is None for watched in self.watched) else 5.0

    def _reap_orphans(self) -> None:
        mine = {watched.pid for watched in self.watched} | set(self.stack.engines.pids())
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in mine:
                return
            os.waitpid(found.si_pid, os.WNOHANG)

    def _listen_to_signals(self) -> None:
        os.set_blocking(self._wake, False)
        os.set_blocking(self._wakeup, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._told_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _told_to_stop(self, number: int, frame: FrameType | None) -> None:
        already, self._stopping = self._stopping, True
        if not already and not self.watched:
            # Still preparing: a migration or the filling of the demo need not be waited for.
            raise processes.Interrupted

    def _wait(self, seconds: float) -> None:
        if not self._stopping:
            select.select([self._wakeup], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakeup, 4096)

    def _stop(self) -> None:
        if self.watched:
            self._say("Stopping")
        now = time.monotonic()
        for watched in self.watched:
            watched.ask_to_stop()
        for watched in self.watched:
            watched.finish(deadline=now + watched.program.grace)
        self.stack.stop()
