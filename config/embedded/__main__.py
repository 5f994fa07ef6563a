"""`python -m config.embedded`: what `make run` executes."""

from __future__ import annotations

import sys
from collections.abc import Callable

from config.embedded import processes
from config.embedded.local import Local, place
from config.embedded.processes import CannotStart
from config.embedded.supervisor import Stack, Supervisor


def main(make: Callable[[], Stack]) -> int:
    """Run a stack until told to stop; returns the exit code."""
    if "--with-parent" in sys.argv[1:]:
        processes.die_with_parent()
    try:
        Supervisor(make(), say=lambda line: print(line, flush=True)).run()
    except CannotStart as reason:
        print(str(reason), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(lambda: Local(place())))
