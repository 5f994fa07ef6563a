"""Sockets: loopback only, one thread a connection, one line of log a request, without anything that was sent."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.http import Answer, Request, Silence

ADDRESS = "127.0.0.1"
_LARGEST_BODY = 1024 * 1024
_IDLE_SECONDS = 75.0
_BROKEN = b'{"error": {"type": "api_error", "message": "An unknown error occurred."}}'

Answering = Callable[[Request], Answer | Silence]


class Server(ThreadingHTTPServer):
    """Listens on one port of loopback."""

    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        super().__init__((ADDRESS, port), _Handler)
        self.port = int(self.server_address[1])
        self.host = f"{ADDRESS}:{self.port}"
        self.base = f"http://{self.host}"
        self.answering: Answering | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say which fault it was and where, never with what; a client that went away is none."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):
            _tell(error)


def _tell(error: BaseException) -> None:
    place = traceback.extract_tb(error.__traceback__)[-1]
    name = f"{Path(place.filename).name}:{place.lineno}"
    print(f"error {type(error).__name__} {name}", file=sys.stderr, flush=True)


class _Headers(dict[str, str]):
    """Headers by their name in any case."""

    def __init__(self, items: Iterable[tuple[str, str]]) -> None:
        super().__init__((name.lower(), value) for name, value in items)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a header, or `default`."""
        return super().get(name.lower(), default)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    error_message_format = "%(code)d\n"
    error_content_type = "text/plain"
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: its lines quote what was sent."""

    def version_string(self) -> str:
        return "sandbox"

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_DELETE = do_GET  # noqa: N815  the base class names them so

    def _serve(self) -> None:
        began = time.monotonic()
        answer = self._answer()
        if isinstance(answer, Answer):
            self._send(answer)
        else:
            self._fall_silent(answer)
        status = answer.status if isinstance(answer, Answer) else 0
        took = (time.monotonic() - began) * 1000
        print(f"{self.command} {answer.route or '-'} {status} {took:.0f} ms", flush=True)

    def _answer(self) -> Answer | Silence:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _LARGEST_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return Answer(413, b"Too large\n", "text/plain")
        body = self.rfile.read(int(length))
        # A name that was made to point here must not reach the sandbox through somebody's browser.
        if self.headers.get("Host") != self.server.host:
            return Answer(421, f"This is {self.server.base}/\n".encode(), "text/plain")
        if self.command != "GET" and self.headers.get("Origin", self.server.base) != self.server.base:
            return Answer(403, b"Sent by another site\n", "text/plain")
        try:
            parts = urlsplit(self.path)
        except ValueError:
            return Answer(400, b"Not an address\n", "text/plain")
        request = Request(self.command, parts.path, parts.query, _Headers(self.headers.items()), body)
        if self.server.answering is None:
            return Answer(503, b"Not ready\n", "text/plain")
        try:
            return self.server.answering(request)
        except Exception as error:
            # A fault of ours must not look like a lost connection, which has a meaning here.
            _tell(error)
            return Answer(500, _BROKEN)

    def _send(self, answer: Answer) -> None:
        headers = {
            "Server": "sandbox",
            "Content-Type": answer.kind + ("; charset=utf-8" if answer.kind.startswith("text/") else ""),
            "Content-Length": str(len(answer.body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **answer.headers,
        }
        if self.close_connection:
            headers["Connection"] = "close"
        reason = http.client.responses.get(answer.status, "")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        # Head and body in one piece: two small packets would wait for each other.
        self.wfile.write(f"HTTP/1.1 {answer.status} {reason}\r\n{lines}\r\n".encode() + answer.body)

    def _fall_silent(self, silence: Silence) -> None:
        self.close_connection = True
        until = time.monotonic() + silence.seconds
        while (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([self.connection], [], [], left)
            if ready and not self.connection.recv(1, socket.MSG_PEEK):
                return
            if ready:
                time.sleep(min(left, 0.05))
        if silence.seconds <= 0:
            with contextlib.suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
