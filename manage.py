#!/usr/bin/env python3
"""Run a management command against the running stack, with the same environment."""

import gc
import os
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent
PYTHON = HOME / ".venv" / "bin" / "python"


def load_state_environment() -> None:
    """Take over the environment that `make run` wrote, where the caller has not set one."""
    state = Path(os.environ.get("STRONGBOX_STATE_DIR") or HOME / ".strongbox")
    if "STRONGBOX_SECRET_KEY" in os.environ or "STRONGBOX_SECRET_KEY_FILE" in os.environ:
        return
    try:
        lines = (state / "env").read_text().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        name, separator, value = line.partition("=")
        if separator and not name.startswith("#"):
            os.environ.setdefault(name, value)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")


def main() -> None:
    """Hand over to Django."""
    if PYTHON.exists() and Path(sys.prefix).resolve() != (HOME / ".venv").resolve():
        os.execv(PYTHON, [str(PYTHON), *sys.argv])  # noqa: S606  our own interpreter, no shell
    load_state_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    # An eighth of the time to import goes into looking for garbage where there is none.
    gc.disable()
    import django  # noqa: PLC0415  the interpreter is chosen first
    from django.core.management import execute_from_command_line  # noqa: PLC0415  as above

    import config.celery  # noqa: F401, PLC0415  what commands send goes to our broker

    django.setup()
    gc.freeze()
    gc.enable()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
