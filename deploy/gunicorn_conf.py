"""gunicorn: threads, no control socket, bounded requests; for `make run`, `make topology` and production."""

import multiprocessing
import ssl
from collections.abc import Callable
from pathlib import Path

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
loglevel = "warning"
# a client behind no proxy must not choose the scheme or the address that we believe
forwarded_allow_ips = ""


def ssl_context(config: object, default_ssl_context_factory: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Where gunicorn speaks TLS, it speaks 1.3 only."""
    context = default_ssl_context_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
