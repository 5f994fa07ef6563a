"""Somebody else's server on loopback: it keeps what it is told and answers as the test says."""

import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Told:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class Receiver:
    """What was told, and what is answered: a status, or a function that decides by the request."""

    origin: str
    told: list[Told] = field(default_factory=list)
    answer: int | Callable[[Told], int] = 200
    body: bytes = b"thanks"
    released: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    together: int = 0
    most_together: int = 0


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = Told(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        with self.server.lock:  # type: ignore[attr-defined]
            receiver.told.append(told)
            receiver.together += 1
            receiver.most_together = max(receiver.most_together, receiver.together)
        receiver.arrived.release()
        if self.path == "/slow":
            receiver.released.wait(60)
        status = receiver.answer if isinstance(receiver.answer, int) else receiver.answer(told)
        with self.server.lock:  # type: ignore[attr-defined]
            receiver.together -= 1
        self.send_response(status)
        if status == 302:
            self.send_header("Location", receiver.origin + "/elsewhere")
        self.send_header("Content-Length", str(len(receiver.body)))
        self.end_headers()
        self.wfile.write(receiver.body)

    def log_message(self, *args: object) -> None:
        return


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


@contextmanager
def receiving(certificate: str = "") -> Iterator[Receiver]:
    """Run a receiver; with a certificate (a file with key and chain) it speaks TLS as localhost."""
    server = _Server(("127.0.0.1", 0), _Handler)
    origin = f"http://127.0.0.1:{server.server_port}"
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        origin = f"https://localhost:{server.server_port}"
    made = Receiver(origin)
    server.receiver, server.lock = made, threading.Lock()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
