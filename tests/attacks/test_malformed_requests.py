"""Requests that never reach the product: gunicorn answers them, and neither its log nor its page quotes them."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.embedded.conftest import wait_until
from tests.embedded.stack import free_port

HOME = Path(__file__).resolve().parents[2]
SECRET = "sbk_live_s3cret"
BROKEN = {
    "request line": f"GET /recover/{SECRET} ada@example.com HTTP/1.1 x\r\n\r\n",
    "method": f"{SECRET}%% / HTTP/1.1\r\nHost: x\r\n\r\n",
    "header": f"GET / HTTP/1.1\r\nHost: x\r\nAuth orization: Bearer {SECRET}\r\n\r\n",
    "version": f"GET / HTTP/{SECRET}\r\nHost: x\r\n\r\n",
}
FAULTY = "def application(environ, start_response):\n    raise RuntimeError('s3cret')\n"


class Served:
    """A gunicorn with our configuration and an application that always fails, or Python's own demonstration."""

    def __init__(self, folder: Path, application: str) -> None:
        self.port, self.log = free_port(), folder / "log"
        (folder / "faulty_application.py").write_text(FAULTY)
        configuration = HOME / "deploy" / "gunicorn_conf.py"
        arguments = ["--config", str(configuration), "--bind", f"127.0.0.1:{self.port}", "--workers", "1"]
        command = [sys.executable, "-m", "gunicorn", *arguments, "--pythonpath", str(folder), application]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=HOME, stderr=log)
        wait_until(self.listens)

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def send(self, text: str) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as client:
            client.sendall(text.encode("latin1"))
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b"")).decode("latin1")

    def ended(self) -> str:
        self.process.terminate()
        self.process.wait(timeout=60)
        return self.log.read_text()


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    server = Served(tmp_path, request.param)
    yield server
    server.ended()


@pytest.mark.parametrize("served", ["wsgiref.simple_server:demo_app"], indirect=True)
def test_what_is_malformed_is_neither_logged_nor_sent_back(served: Served) -> None:
    for name, text in BROKEN.items():
        answer = served.send(text)
        assert answer.startswith("HTTP/1.1 400 Bad Request\r\n"), name
        assert "X-Content-Type-Options: nosniff\r\n" in answer, name
        assert answer.endswith("\r\n\r\nBad Request\n"), name
    good = served.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert good.startswith("HTTP/1.1 200 OK\r\n")
    assert "\r\nServer:" not in good
    assert served.ended() == ""


@pytest.mark.parametrize("served", ["faulty_application:application"], indirect=True)
def test_a_fault_is_logged_as_its_type_and_place(served: Served) -> None:
    answer = served.send(f"GET /recover/{SECRET}?q=ada@example.com HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith("HTTP/1.1 500 Internal Server Error\r\n")
    (line,) = [json.loads(text) for text in served.ended().splitlines()]
    assert (line["message"], line["exception"]) == ("Error handling request", "RuntimeError")
    assert "faulty_application.py:2" in line["at_code"][-1]
    assert "s3cret" not in served.log.read_text()


@pytest.mark.django_db
def test_a_form_that_holds_too_much_is_answered_in_our_words():
    many = {f"field{number}": "1" for number in range(2_001)}
    for sent in (many, {"email": "a" * 5 * 1024 * 1024}):
        refused = Client().post("/login", urlencode(sent), content_type="application/x-www-form-urlencoded")
        assert (refused.status_code, b"more than one form may hold" in refused.content) == (400, True)
