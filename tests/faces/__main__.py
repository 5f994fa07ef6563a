"""`make faces`: every page, as each role, in both themes and at four widths, on a stack of its own with demo data.

Exits 1 when axe finds anything (WCAG 2.2 AA and best practice), a page sticks out to the side, the console prints an
error, the policy blocked something, a link leads to a refusal, a page of the URL table was never seen and
`tests/faces/table.py` does not say why, or a tool from outside (with TOOLS=folder/node_modules) finds a page wanting.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from pathlib import Path

import django

import manage
from tests.embedded.stack import Stack, free_port


def main() -> None:
    """Walk, and say what was found."""
    asked = argparse.ArgumentParser(prog="make faces", description=__doc__)
    asked.add_argument("--roles", default="", help="only these, with commas between")
    asked.add_argument("--pictures", type=Path, help="a folder for pictures of every page")
    asked.add_argument("--tools", type=Path, help="node_modules with lighthouse and pa11y")
    asked.add_argument("--state", type=Path, help="the state folder of a demo that runs already")
    options = asked.parse_args()
    if options.state:
        sys.exit(1 if _all(options, options.state) else 0)
    with tempfile.TemporaryDirectory(prefix="strongbox-faces-") as name:
        state = Path(name) / "state"
        stack = Stack(state, free_port(), STRONGBOX_DEMO="1", SANDBOX_PORT=str(free_port()))
        stack.start()
        # What the supervisor goes on to say must be read, or it waits to be heard.
        threading.Thread(target=stack.process.stdout.read, daemon=True).start()
        try:
            faults = _all(options, state)
        finally:
            stack.end()
    sys.exit(1 if faults else 0)


def _all(options: argparse.Namespace, state: Path) -> int:
    os.environ["STRONGBOX_STATE_DIR"] = str(state)
    manage.load_state_environment()
    django.setup()
    # Only now is the URL table there.
    from tests.faces import everybody

    return everybody.walk_all(
        roles=list(filter(None, options.roles.split(","))), pictures=options.pictures, folder=options.tools
    )


if __name__ == "__main__":
    main()
