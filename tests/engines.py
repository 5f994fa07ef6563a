"""Starts the engines of the suite before Django's settings are read (a pytest plugin, named in pyproject.toml).

The same PostgreSQL, Valkey and sandbox gateway as `make run`, in a state folder of their own; pytest-xdist's workers
share them.
"""

import gc
import os
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[1]
_started = None
_sandbox = None


def _start() -> None:
    global _started, _sandbox
    from config.embedded.engines import Engines
    from tests import gateway

    state = Path(os.environ.get("STRONGBOX_TEST_STATE_DIR", HOME / ".strongbox-test"))
    engines = Engines(state, durable=False)
    environment = engines.start()
    for name in [name for name in os.environ if name.startswith("STRONGBOX_")]:
        del os.environ[name]
    _sandbox, address = gateway.start(engines.state)
    os.environ.update(environment, STRONGBOX_GATEWAY_ADDRESS=address)
    os.environ["STRONGBOX_TEST_ENGINES"] = "1"
    _started = engines


# Ten thousand tests are collected once and stay: looking through them for garbage again and again took a third of it.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage from now on, and only among what tests make."""
    gc.collect()
    gc.freeze()
    gc.enable()


if "STRONGBOX_TEST_ENGINES" not in os.environ:
    _start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop what this process started."""
    if _sandbox is not None:
        _sandbox.terminate()
        _sandbox.wait()
    if _started is not None:
        _started.stop()
