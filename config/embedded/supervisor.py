"""`make run`: the engines and every process of the product, watched until told to stop.

Promises: nothing outlives the supervisor, however it ends; a process that dies is started again; a start that
cannot work says why in one sentence; each process knows only its own secrets.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import shutil
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from config.embedded import environment, preparation, processes, programs
from config.embedded.engines import Engines
from config.embedded.processes import CannotStart
from config.embedded.watched import Watched

NEEDED_BYTES = 500 * 1024 * 1024
READY_SECONDS = 120
DEATHS_BEFORE_READY = 3
_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


@dataclass(frozen=True)
class Place:
    """Where the stack listens and keeps its state."""

    state: Path
    port: int
    bind: str | None

    def addresses(self) -> list[tuple[socket.AddressFamily, str]]:
        """Return what the web process binds: the named address, or every loopback address there is."""
        if self.bind is not None:
            return [(socket.AF_INET6 if ":" in self.bind else socket.AF_INET, self.bind)]
        return [pair for pair in _LOOPBACKS if _exists(*pair)]


def _exists(family: socket.AddressFamily, address: str) -> bool:
    with contextlib.suppress(OSError), socket.socket(family) as probe:
        probe.bind((address, 0))
        return True
    return False


class Supervisor:
    """Everything that runs for one state folder."""

    def __init__(self, place: Place, *, say: Callable[[str], None] = print) -> None:
        self.place = place
        self.engines = Engines(place.state)
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
            self._start()
            while not self._stopping:
                self._wait(self._tend())
        finally:
            self._stop()

    def _start(self) -> None:
        began = time.monotonic()
        self.engines.claim()
        self._check_disk()
        self._check_ports()
        self._say("Starting PostgreSQL and Valkey")
        values = self.engines.start()
        state = self.engines.state
        values["STRONGBOX_PUBLIC_URL"] = f"http://localhost:{self.place.port}"
        environment.save(state, values)
        self._prepare(values)
        if self._stopping:
            return
        binds = [_bind(address, self.place.port) for _, address in self.place.addresses()]
        for program in programs.programs(state, binds=binds):
            shown = programs.environment(values, program.secrets)
            self.watched.append(Watched(program, environment=shown, state=state))
        self._say("Starting " + ", ".join(watched.program.name for watched in self.watched))
        for watched in self.watched:
            watched.start()
        self._wait_until_ready()
        if not self._stopping:
            self._announce(time.monotonic() - began)

    def _announce(self, seconds: float) -> None:
        self._say(f"Started in {seconds:.1f} s")
        self._say(f"Strongbox is ready at http://localhost:{self.place.port}/")
        if os.environ.get("STRONGBOX_STATE_DIR"):
            self._say(
                f"Sign-ins of the demo: STRONGBOX_STATE_DIR={self.engines.state} ./manage.py demo_credentials"
            )
        else:
            self._say("Sign-ins of the demo: ./manage.py demo_credentials")

    def _prepare(self, values: dict[str, str]) -> None:
        markers = self.engines.markers
        steps: tuple[tuple[str, Callable[[], bool]], ...] = (
            ("Tables are up to date", lambda: preparation.migrate(values, markers=markers)),
            (
                "Static files are gathered",
                lambda: preparation.collect_static(values, state=self.engines.state),
            ),
            ("The demo is filled", lambda: preparation.seed(values, markers=markers)),
        )
        for sentence, step in steps:
            if self._stopping:
                return
            if step():
                self._say(sentence)

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.engines.state).free
        if free < NEEDED_BYTES:
            raise CannotStart(
                f"The disk of {self.engines.state} is full: {free // 2**20} MB are free, "
                f"{NEEDED_BYTES // 2**20} MB are needed."
            )

    def _check_ports(self) -> None:
        for family, address in self.place.addresses():
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, self.place.port))
                except OSError as error:
                    raise CannotStart(
                        f"Port {self.place.port} of {address} cannot be used ({error.strerror}); "
                        f"choose another one: make run PORT={self.place.port + 1}"
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
            if all(watched.is_ready() for watched in self.watched) and self._answers():
                return
            if time.monotonic() > limit:
                late = [watched.program.name for watched in self.watched if not watched.is_ready()] or [
                    "/readyz"
                ]
                raise CannotStart(f"{', '.join(late)} did not get ready within {READY_SECONDS} seconds.")
            self._wait(0.05)

    def _answers(self) -> bool:
        address = self.place.addresses()[0][1]
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  asked, not bound
        host = everywhere.get(address, address)
        connection = http.client.HTTPConnection(host, self.place.port, timeout=5)
        try:
            connection.request("GET", "/readyz", headers={"Host": f"localhost:{self.place.port}"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _tend(self) -> float:
        """Bury the dead and start them again; returns how many seconds to wait for the next look."""
        self._reap_orphans()
        for line in self.engines.tend():
            self._say(line)
        for watched in self.watched:
            if happened := watched.tend():
                self._say(happened)
        return 0.2 if any(watched.pid is None for watched in self.watched) else 5.0

    def _reap_orphans(self) -> None:
        mine = {watched.pid for watched in self.watched} | set(self.engines.pids())
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
        self._stopping = True

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
        self.engines.stop()


def _bind(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def place(variables: Sequence[tuple[str, str]] | None = None) -> Place:
    """Read where to listen and where the state lies from PORT, BIND and STRONGBOX_STATE_DIR.

    Raises: CannotStart for a port that is none.
    """
    found = dict(variables) if variables is not None else dict(os.environ)
    port = found.get("PORT") or "8000"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CannotStart(f"PORT={port} is not a port; it is a number from 1 to 65535.")
    state = Path(found.get("STRONGBOX_STATE_DIR") or programs.HOME / ".strongbox")
    return Place(state=state.absolute(), port=int(port), bind=found.get("BIND") or None)
