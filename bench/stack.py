"""What the measurements run on: engines of their own, one organization, and the two programs under gunicorn."""

import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
# One of its own each time: what a run that was killed left behind is nobody's data.
STATE = HOME / f".strongbox-bench-{os.getpid()}"


def microseconds(
    work: Callable[[], object], bare: Callable[[], object], *, times: int, rounds: int = 200
) -> tuple[float, float]:
    """Return one call's time of both: of many short rounds that alternate, the one that a tenth undercut.

    What else the machine does only ever adds time, and in alternating rounds it adds to both.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for found, call in zip(taken, (work, bare), strict=True):
            began = time.perf_counter()
            for _ in range(times):
                call()
            found.append((time.perf_counter() - began) / times * 1e6)
    return sorted(taken[0])[rounds // 10], sorted(taken[1])[rounds // 10]


def peak_megabytes() -> float:
    """Return the most memory this program has held: what getrusage says begins with the size of whoever started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(line for line in status if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1000


def processor_seconds(pid: int) -> float:
    """Return how long a process has been on a processor: what else the machine does counts for little in it."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:  # it has ended
        return 0.0


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_served: dict[int, int] = {}


def served_seconds(port: int, database: str) -> float:
    """Return how long a program's workers, and the database's servers that work for it, were on a processor."""
    from config.embedded.postgres import superuser_sql

    sql = f"SELECT pid FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()"
    parent = _served[port]
    workers = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    ticks = sum(
        sum(int(part) for part in Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[11:13])
        for worker in workers
    )
    servers = superuser_sql(sql, database="postgres").split()
    return ticks / os.sysconf("SC_CLK_TCK") + sum(processor_seconds(int(server)) for server in servers)


@contextmanager
def serving(application: str, environment: dict[str, str]) -> Iterator[int]:
    """Run a program under gunicorn, one worker with eight threads, and yield its port."""
    port = free_port()
    child = subprocess.Popen(
        [
            sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--workers", "1", "--threads", "8",
            "--keep-alive", "60", "--bind", f"127.0.0.1:{port}", "--no-control-socket", "--log-level", "critical", application,
        ],
        cwd=HOME,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _served[port] = child.pid
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        del _served[port]
        child.terminate()
        child.wait(120)


class Client:
    """One kept connection."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self._headers = {**headers, "Content-Type": "application/json"}

    def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Send one request; anything but success stops the measurement."""
        data = json.dumps(body).encode() if body is not None and not isinstance(body, bytes) else body
        self._connection.request(method, path, data, {**self._headers, **(headers or {})})
        answer = self._connection.getresponse()
        raw = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {raw[:300]!r}")
        return dict(json.loads(raw or b"{}"))


def sequential_milliseconds(works: Sequence[Callable[[], object]], *, times: int) -> list[float]:
    """Return the median of single calls of each program, in turns of 20."""
    taken: list[list[float]] = [[] for _ in works]
    for turn in range(1 + times // 20):
        for found, work in zip(taken, works, strict=True):
            for _ in range(20):
                began = time.perf_counter()
                work()
                if turn:  # the first warms up
                    found.append((time.perf_counter() - began) * 1e3)
    return [statistics.median(found) for found in taken]


def requests_per_second(make: Callable[[], Callable[[], object]], *, clients: int, seconds: float) -> float:
    """Return how many requests a second some clients get answered together."""
    counts = [0] * clients
    stop = time.perf_counter() + seconds

    def run(index: int) -> None:
        work = make()
        while time.perf_counter() < stop:
            work()
            counts[index] += 1

    threads = [threading.Thread(target=run, args=(index,)) for index in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


@contextmanager
def engines() -> Iterator[dict[str, str]]:
    """Start fresh engines and set their environment for this process."""
    from config.embedded.engines import Engines

    try:
        with Engines(STATE) as values:
            for name in [name for name in os.environ if name.startswith("STRONGBOX_")]:
                del os.environ[name]
            os.environ.update(
                values, DJANGO_SETTINGS_MODULE="config.settings.dev", STRONGBOX_API_PER_SECOND="100000"
            )
            yield {**os.environ}
    finally:
        shutil.rmtree(STATE, ignore_errors=True)
