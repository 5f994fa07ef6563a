"""Starts a whole stack as people do, and looks at the processes it is made of."""

import http.client
import os
import socket
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int, path: str, *, host: str = "127.0.0.1") -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def descendants(pid: int) -> dict[int, str]:
    """Return the living processes below one, with their command lines."""
    parents, commands = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
                command = (folder / "cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
            parents[int(folder.name)], commands[int(folder.name)] = parent, command
    found, wanted = {}, [pid]
    while wanted:
        parent = wanted.pop()
        children = [child for child, its_parent in parents.items() if its_parent == parent]
        found |= {child: commands[child] for child in children}
        wanted += children
    return found


class Stack:
    """One stack in a state folder of its own, without the demo's data."""

    def __init__(self, state: Path, port: int, *, module: str = "config.embedded", **variables: str) -> None:
        self.state, self.port, self.module, self.variables = state, port, module, variables
        self.lines: list[str] = []

    def launch(self) -> subprocess.Popen[str]:
        known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        given = {"PORT": str(self.port), "STRONGBOX_STATE_DIR": str(self.state), "STRONGBOX_DEMO": "0"}
        # Whoever is killed hard takes the stack along.
        return subprocess.Popen(
            [sys.executable, "-m", self.module, "--with-parent"],
            cwd=HOME,
            env={**known, **given, **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self) -> None:
        self.process = self.launch()
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("Strongbox is ready at"):
                return
        logs = {log.name: log.read_text()[-800:] for log in (self.state / "logs").glob("*.log")}
        raise AssertionError(f"{self.lines} {self.process.communicate()[1]} {logs}")

    def refused(self) -> tuple[int, str]:
        """Start a second one, which has to refuse, and return its exit code and what it says."""
        process = self.launch()
        _, said = process.communicate(timeout=30)
        return process.returncode, said

    def pid_of(self, words: str) -> int:
        (found,) = [
            pid
            for pid, command in descendants(self.process.pid).items()
            if words in command and parent_of(pid) == self.process.pid
        ]
        return found

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=60)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def remembers(pid: int, values: dict[str, bytes]) -> set[str]:
    """Return the names of the values that stand somewhere in a process's own memory."""
    found: set[str] = set()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            where, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            first, last = (int(end, 16) for end in where.split("-"))
            memory.seek(first)
            region = memory.read(last - first)
            found |= {name for name, value in values.items() if value in region}
    return found
