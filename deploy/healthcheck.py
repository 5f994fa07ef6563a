"""What the containers' health checks ask; needs only what stands in the container."""

from __future__ import annotations

import http.client
import os
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit


def web() -> bool:
    """Ask the web process for a sign of life over TLS, verifying its certificate."""
    trust = ssl.create_default_context(cafile=os.environ["STRONGBOX_DB_SSLROOTCERT"])
    host = urlsplit(os.environ["STRONGBOX_PUBLIC_URL"]).netloc
    # "web" names this very container on its own network, and stands in its certificate.
    connection = http.client.HTTPSConnection("web", 8443, timeout=4, context=trust)
    connection.request("GET", "/healthz", headers={"Host": host, "X-Forwarded-Proto": "https"})
    return connection.getresponse().status == 200


def file() -> bool:
    """Tell whether the process has said that it works."""
    return Path(os.environ["STRONGBOX_READY_FILE"]).exists()


def process() -> bool:
    """Tell whether the container's first process is the product's and runs."""
    return b"manage.py" in Path("/proc/1/cmdline").read_bytes()


CHECKS = {"web": web, "file": file, "process": process}

if __name__ == "__main__":
    sys.exit(0 if CHECKS[sys.argv[1]]() else 1)
