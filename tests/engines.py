"""Starts the engines of the suite before Django's settings are read (a pytest plugin, named in pyproject.toml).

The same PostgreSQL and Valkey as `make run`, in a state folder of their own; pytest-xdist's workers share them.
"""

import os
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[1]
_started = None


def _start() -> None:
    global _started
    from config.embedded.engines import Engines

    state = Path(os.environ.get("STRONGBOX_TEST_STATE_DIR", HOME / ".strongbox-test"))
    engines = Engines(state, durable=False)
    environment = engines.start()
    for name in [name for name in os.environ if name.startswith("STRONGBOX_")]:
        del os.environ[name]
    os.environ.update(environment)
    os.environ["STRONGBOX_TEST_ENGINES"] = "1"
    _started = engines


if "STRONGBOX_TEST_ENGINES" not in os.environ:
    _start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop what this process started."""
    if _started is not None:
        _started.stop()
