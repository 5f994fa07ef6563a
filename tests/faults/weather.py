"""Bad weather: processes are killed or stopped at random, the provider misbehaves, webhooks go astray."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
import urllib.request
from collections import Counter
from typing import Any

from tests.embedded.stack import Stack, answers

# What is struck: words of the command line of a process right below the supervisor.
TARGETS = {
    "gateway": "-m sandbox",
    "worker": "--hostname worker@localhost",
    "Valkey": "valkey-server",
    "PostgreSQL": "postgres",
    "web": "gunicorn: master",
}
API_FAULTS = {
    "timeout_after": 0.02,
    "reset_after": 0.03,
    "error_after": 0.02,
    "error_before": 0.02,
    "slow": 0.03,
}
HOOK_FAULTS = {"webhook_duplicate": 0.25, "webhook_reorder": 0.3, "webhook_drop": 0.2, "webhook_delay": 0.2}


class Sandbox:
    """The gateway's control API."""

    def __init__(self, port: int, account_key: str = "") -> None:
        self.base, self.key = f"http://127.0.0.1:{port}", account_key

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call it; it may just have been killed, so a few times."""
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        data = json.dumps(body or {}).encode() if method != "GET" else None
        for _ in range(240):
            try:
                asked = urllib.request.Request(self.base + path, data, headers, method=method)  # noqa: S310  http
                with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310  http
                    return dict(json.loads(answer.read()))
            except OSError:
                time.sleep(0.5)
        raise AssertionError(f"the gateway did not come back for {path}")


class Weather:
    """Strikes until it is told to clear up."""

    def __init__(
        self, stack: Stack, sandbox: Sandbox, chance: random.Random, *, every_seconds: float
    ) -> None:
        self._stack, self._sandbox, self._chance = stack, sandbox, chance
        self._every = every_seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._blow, name="weather")
        self.counts: Counter[str] = Counter()

    def begin(self) -> None:
        """Let the provider misbehave, and begin to strike."""
        for kind, chance in (API_FAULTS | HOOK_FAULTS).items():
            seconds = 2 if kind in ("slow", *HOOK_FAULTS) else 12
            self._sandbox.call(
                "POST", "/sandbox/faults", {"kind": kind, "chance": chance, "seconds": seconds}
            )
        self._thread.start()

    def abate(self) -> None:
        """Stop striking."""
        self._over.set()
        self._thread.join()

    def clear_up(self) -> None:
        """Let the provider behave again. What it lost stays lost."""
        self._sandbox.call("DELETE", "/sandbox/faults")

    def _blow(self) -> None:
        while not self._over.wait(self._chance.uniform(0.5, 1.5) * self._every):
            if not answers(self._stack.port, "/readyz"):
                continue  # blows that come quicker than a machine gets up show how slow the machine is
            name = self._chance.choice(list(TARGETS))
            pid = self._pid(TARGETS[name])
            if pid is None:
                continue  # struck a moment ago and not back yet
            if self._chance.random() < 0.35:
                self._delay(pid)
                self.counts[f"{name} delayed"] += 1
            else:
                _send(pid, signal.SIGKILL)
                self.counts[f"{name} killed"] += 1

    def _delay(self, pid: int) -> None:
        _send(pid, signal.SIGSTOP)
        time.sleep(self._chance.uniform(0.5, 2.0))
        _send(pid, signal.SIGCONT)

    def _pid(self, words: str) -> int | None:
        try:
            return self._stack.pid_of(words)
        except (ValueError, OSError):
            return None


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
