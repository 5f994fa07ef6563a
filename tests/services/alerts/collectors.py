"""Real collectors on loopback: rsyslogd with TLS, and a program that takes lines of JSON by HTTP."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RSYSLOGD = "/usr/sbin/rsyslogd"
_CONFIGURATION = """
global(workDirectory="{folder}" maxMessageSize="64k" defaultNetstreamDriver="ossl"
  defaultNetstreamDriverCAFile="{certificate}" defaultNetstreamDriverCertFile="{certificate}"
  defaultNetstreamDriverKeyFile="{certificate}")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="in")
template(name="whole" type="string" string="%syslogseverity-text%\\t%hostname%\\t%app-name%\\t%msgid%\\t%msg%\\n")
ruleset(name="in") {{ action(type="omfile" file="{folder}/messages" template="whole" flushOnTXEnd="on") }}
"""


@dataclass
class Rsyslog:
    """A running rsyslogd. It can be killed and started again on the same port."""

    folder: Path
    certificate: str
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"syslog+tls://localhost:{self.port}"

    @property
    def ca(self) -> str:
        text = Path(self.certificate).read_text()
        begin = text.index("-----BEGIN CERTIFICATE")
        end = text.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----")
        return text[begin:end] + "\n"

    def start(self) -> None:
        (self.folder / "rsyslog.conf").write_text(
            _CONFIGURATION.format(folder=self.folder, certificate=self.certificate, port=self.port)
        )
        self.process = subprocess.Popen(
            [RSYSLOGD, "-n", "-f", self.folder / "rsyslog.conf", "-i", self.folder / "pid"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for(self.port)

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def lines(self, at_least: int = 0) -> list[list[str]]:
        """Return what was written, field by field; it may take a moment to reach the file."""
        file = self.folder / "messages"
        deadline = time.monotonic() + 60
        while True:
            found = file.read_text().splitlines() if file.exists() else []
            if len(found) >= at_least or time.monotonic() > deadline:
                return [line.split("\t", 4) for line in found]
            time.sleep(0.05)

    def events(self, at_least: int = 0) -> list[dict[str, Any]]:
        return [json.loads(line[4]) for line in self.lines(at_least)]


@contextmanager
def rsyslog(folder: Path, certificate: str) -> Iterator[Rsyslog]:
    made = Rsyslog(folder, certificate, free_port())
    made.start()
    try:
        yield made
    finally:
        made.stop(signal.SIGKILL)


# A process of its own: it appends each batch to a file before it answers 200, or does as the file `answer` says.
_COLLECTOR = """
import http.server, pathlib, sys
folder = pathlib.Path(sys.argv[2])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        wanted = folder / "answer"
        status = int(wanted.read_text()) if wanted.exists() else 200
        poison = folder / "poison"
        if poison.exists() and poison.read_bytes() in body:
            status = 422
        if status == 200 or status == 599:
            with (folder / "lines").open("ab") as file:
                file.write(body)
        with (folder / "authorization").open("a") as file:
            file.write(str(self.headers["Authorization"]) + "\\n")
        if status == 599:
            self.connection.close()
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@dataclass
class Collector:
    """A running HTTP collector."""

    folder: Path
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return self.origin + "/events"

    def answer(self, status: int) -> None:
        """Answer like this from now on; 599 takes the batch and hangs up without a word."""
        (self.folder / "answer").write_text(str(status))

    def events(self) -> list[dict[str, Any]]:
        file = self.folder / "lines"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def authorizations(self) -> list[str]:
        file = self.folder / "authorization"
        return file.read_text().splitlines() if file.exists() else []


@contextmanager
def collector(folder: Path) -> Iterator[Collector]:
    made = Collector(folder, free_port())
    process = subprocess.Popen(
        [sys.executable, "-c", _COLLECTOR, str(made.port), str(folder)], env={"PATH": os.defpath}
    )
    try:
        _wait_for(made.port)
        yield made
    finally:
        process.terminate()
        process.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
