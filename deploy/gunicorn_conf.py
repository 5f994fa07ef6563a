"""gunicorn: threads, no control socket, bounded requests; for `make run`, `make topology` and production.

Promise kept: what a client sends is neither written into gunicorn's own log nor sent back by its error page, and
no answer names the server (ASVS 13.4.6, 16.2.5).
"""

import multiprocessing
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http.wsgi import Response

# gunicorn's own script does not look in the folder it was started in before it has read this file
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edge.logging import JsonFormatter, RedactingFilter

worker_class = "gthread"
workers = max(2, min(8, multiprocessing.cpu_count()))
threads = 8
preload_app = True
control_socket_disable = True
# the heartbeat file must not wait for a disk
worker_tmp_dir = next((folder for folder in ("/dev/shm",) if Path(folder).is_dir()), None)  # noqa: S108
timeout = 60
graceful_timeout = 20
keepalive = 5
max_requests = 10_000
max_requests_jitter = 1_000
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
# edge writes one line for each request, without its values; an access log would hold addresses and paths
accesslog = None
errorlog = "-"
# warnings quote what a client sent, and its address
loglevel = "error"
# a client behind no proxy must not choose the scheme or the address that we believe
forwarded_allow_ips = ""


def ssl_context(config: object, default_ssl_context_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Where gunicorn speaks TLS, it speaks 1.3 only."""
    context = default_ssl_context_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


class logger_class(Logger):  # noqa: N801  gunicorn's name for the setting
    """gunicorn's log in our form: a line of JSON, redacted, and of a fault its type and place only."""

    def setup(self, cfg: Any) -> None:
        """Give the handlers our filter and format."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.addFilter(RedactingFilter())
            handler.setFormatter(JsonFormatter())

    def exception(self, msg: str, *args: object, **kwargs: Any) -> None:
        """Say that something failed without what was asked for: addresses of pages hold what people search."""
        super().exception(msg.partition(" %s")[0], **kwargs)


_default_headers = Response.default_headers
_PLAIN = (
    "HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nContent-Length: {length}\r\n\r\n{body}"
)


def _nameless_headers(response: Response) -> list[str]:
    return [line for line in _default_headers(response) if not line.startswith("Server:")]


def _write_error(sock: Any, status_int: int, reason: str, mesg: str) -> None:
    # `mesg` quotes what was sent: that stays with whoever sent it.
    body = f"{reason}\n"
    text = _PLAIN.format(status=status_int, reason=reason, length=len(body), body=body)
    util.write_nonblock(sock, text.encode("latin1"))


# gunicorn has no setting for either
Response.default_headers = _nameless_headers
util.write_error = _write_error
