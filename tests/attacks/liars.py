"""Places for backups that lie: they leave names out of a list, invent others, and answer with half of a backup."""

import http.client
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import paramiko


@dataclass
class Lies:
    """What a place does wrong; nothing to begin with."""

    hidden: str = ""
    invented: list[str] = field(default_factory=list)
    halves: bool = False
    # Whether the half says of itself that it is all.
    smoothly: bool = False
    # Requests that are refused as if the account were gone: a part of "METHOD path".
    withdrawn: str = ""


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that have read enough hang up."""


@contextmanager
def bucket(endpoint: str, lies: Lies) -> Iterator[str]:
    """Stand before a server that speaks S3 and hand on what it says, or not."""
    there = urlsplit(endpoint)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            pass

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _pass_on(self) -> None:
            body = self._body()
            if lies.withdrawn and re.search(lies.withdrawn, f"{self.command} {self.path}"):
                return self._answer(403, {}, b"<Error><Code>AccessDenied</Code></Error>")
            onward = http.client.HTTPConnection(there.hostname, there.port, timeout=30)
            unwanted = ("transfer-encoding", "content-length", "expect", "connection")
            headers = {name: text for name, text in self.headers.items() if name.lower() not in unwanted}
            onward.request(self.command, self.path, body, headers)
            answer = onward.getresponse()
            content, kept = answer.read(), dict(answer.getheaders())
            onward.close()
            if "versions" in self.path:
                content = self._listing(content)
            elif lies.halves and self.command == "GET" and len(content) > 10_000:
                return self._half(answer.status, kept, content)
            return self._answer(answer.status, kept, content)

        def _listing(self, content: bytes) -> bytes:
            text = content.decode()
            versions = re.findall(r"<Version>.*?</Version>", text, re.S)
            for version in versions:
                if lies.hidden and re.search(f"<Key>[^<]*{lies.hidden}", version):
                    text = text.replace(version, "")
            for name in lies.invented if versions else ():
                made = re.sub(r"(<Key>[^<]*?)backups/[^<]*", rf"\g<1>{name}", versions[0])
                text = text.replace("</ListVersionsResult>", f"{made}</ListVersionsResult>")
            return text.encode()

        def _half(self, status: int, kept: dict[str, str], content: bytes) -> None:
            half = content[: len(content) // 2]
            self._answer(status, kept, half, told=None if lies.smoothly else len(content))
            self.close_connection = not lies.smoothly

        def _answer(self, status: int, kept: dict[str, str], content: bytes, told: int | None = None) -> None:
            self.send_response(status)
            for name, text in kept.items():
                if not re.fullmatch("(?i)content-length|transfer-encoding|connection|x-amz-checksum.*", name):
                    self.send_header(name, text)
            size = kept.get("Content-Length", "0") if self.command == "HEAD" else str(told or len(content))
            self.send_header("Content-Length", size)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    for verb in ("GET", "PUT", "POST", "HEAD", "DELETE"):
        setattr(Handler, f"do_{verb}", Handler._pass_on)
    server = _Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def machine(home: Path, lies: Lies) -> Iterator[int]:
    """Speak SFTP over the files below a folder, with the key of the machine that is believed; returns the port."""

    class Files(paramiko.SFTPServerInterface):
        def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
            found = []
            for entry in os.scandir(path):
                if not (lies.hidden and re.search(lies.hidden, entry.path)):
                    found.append(paramiko.SFTPAttributes.from_stat(entry.stat(), entry.name))
            if found and path.endswith("backups"):
                found += [paramiko.SFTPAttributes.from_stat(home.stat(), name) for name in lies.invented]
            return found

        def stat(self, path: str) -> paramiko.SFTPAttributes | int:
            try:
                return paramiko.SFTPAttributes.from_stat(os.lstat(path))
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno or 0)

        lstat = stat

        def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
            try:
                content = Path(path).read_bytes()
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno or 0)
            end = len(content) // 2 if lies.halves and len(content) > 10_000 else len(content)

            class Handle(paramiko.SFTPHandle):
                def read(self, offset: int, length: int) -> bytes | int:
                    return content[offset : min(end, offset + length)] or paramiko.SFTP_EOF

            return Handle(flags)

    class Anybody(paramiko.ServerInterface):
        def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
            return paramiko.AUTH_SUCCESSFUL

        def get_allowed_auths(self, username: str) -> str:
            return "publickey"

        def check_channel_request(self, kind: str, chanid: int) -> int:
            return paramiko.OPEN_SUCCEEDED

    key, sessions = paramiko.Ed25519Key.from_private_key_file(str(home / "host")), []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            session = paramiko.Transport(client)
            session.add_server_key(key)
            session.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
            sessions.append(session)
            try:
                session.start_server(server=Anybody())
            except (paramiko.SSHException, EOFError):
                session.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for session in sessions:
            session.close()
