"""`python -m sandbox --port 8010 --state DIR`: runs until told to stop; says where once it answers."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

from sandbox import guard
from sandbox.program import Program


def main() -> int:
    """Serve; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="sandbox", description="A payment gateway for demonstrations and tests."
    )
    parser.add_argument("--port", type=int, default=8010, help="a port of 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="the folder that keeps its data")
    given = parser.parse_args()
    guard.check(os.environ)
    try:
        program = Program(given.port, given.state)
    except OSError as error:
        print(f"Port {given.port} of 127.0.0.1 cannot be used ({error.strerror}).", file=sys.stderr)
        return 1
    stop = threading.Thread(target=program.server.shutdown, daemon=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.start() if not stop.is_alive() else None)
    print(f"The sandbox gateway is ready at {program.server.base}/", flush=True)
    if ready := os.environ.get("STRONGBOX_READY_FILE"):
        fresh = Path(ready).with_suffix(".new")
        fresh.write_text(program.server.base)
        fresh.replace(ready)
    with contextlib.suppress(KeyboardInterrupt):
        program.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
