"""`python -m config.embedded`: what `make run` executes."""

from __future__ import annotations

import sys

from config.embedded import processes, supervisor
from config.embedded.processes import CannotStart


def main() -> int:
    """Run the stack until told to stop; returns the exit code."""
    if "--with-parent" in sys.argv[1:]:
        processes.die_with_parent()
    try:
        supervisor.Supervisor(supervisor.place(), say=lambda line: print(line, flush=True)).run()
    except CannotStart as reason:
        print(str(reason), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
