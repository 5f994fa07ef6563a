"""One process under watch: started, found dead, started again after a pause, stopped with all it left."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from config.embedded import processes
from config.embedded.processes import Child
from config.embedded.programs import HOME, Program

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
# A process that lived this long starts with the shortest pause again.
STEADY_SECONDS = 10.0
LOG_LIMIT = 10 * 1024 * 1024


class Watched:
    """A program and its running process."""

    def __init__(
        self,
        program: Program,
        *,
        environment: Mapping[str, str],
        state: Path,
        spawn: Callable[..., Child] = processes.spawn,
    ) -> None:
        self.program = program
        self._spawn = spawn
        self.log = processes.private_folder(state / "logs") / f"{program.name}.log"
        self.deaths = 0
        self._ready_file = processes.private_folder(state / "ready") / program.name
        self._environment = {**environment, "STRONGBOX_READY_FILE": str(self._ready_file)}
        self._child: Child | None = None
        self._started_at = 0.0
        self.next_pause = FIRST_PAUSE
        self._next_start = 0.0

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        return self._child.pid if self._child is not None else None

    def start(self) -> None:
        """Start the process; returns before it is ready."""
        self._ready_file.unlink(missing_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._started_at = time.monotonic()
        self._child = self._spawn(
            self.program.arguments, environment=self._environment, folder=HOME, log=self.log
        )

    def is_ready(self) -> bool:
        """Tell whether the process runs and, where it can tell, has said that it works."""
        return self.is_alive() and (not self.program.tells or self._ready_file.exists())

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self._child is not None and self._child.poll() is None

    def tend(self) -> str | None:
        """Note a death and start again when it is time; returns what happened, or None."""
        now = time.monotonic()
        if self._child is not None and self._child.poll() is not None:
            return self._bury(self._child, now)
        if self._child is None and now >= self._next_start:
            self.start()
            return f"{self.program.name} started again"
        return None

    def _bury(self, child: Child, now: float) -> str:
        # Its own children may have survived it; they would hold sockets and take tasks.
        processes.end_session(child)
        code = child.returncode
        self._child = None
        self.deaths += 1
        if now - self._started_at > STEADY_SECONDS:
            self.next_pause = FIRST_PAUSE
        self._next_start = now + self.next_pause
        pause, self.next_pause = self.next_pause, min(self.next_pause * 2, LONGEST_PAUSE)
        how = f"by signal {-code}" if code < 0 else f"with code {code}"
        return f"{self.program.name} ended {how}; starting again in {pause:.1f} s ({self.log})"

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)

    def finish(self, *, deadline: float) -> None:
        """Wait until the process has gone, kill what is left of its session after `deadline`."""
        if self._child is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(max(0.0, deadline - time.monotonic()))
        processes.end_session(self._child)
        self._child.wait()
        self._child = None
