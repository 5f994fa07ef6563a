"""Starts the engines of the suite before Django's settings are read (a pytest plugin, named in pyproject.toml).

The same PostgreSQL, Valkey and sandbox gateway as `make run`, in a state folder of their own; pytest-xdist's workers
share them.
"""

import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[1]
_started = None
_sandbox = None


# A file system in memory, and how much of both must be free.
_MEMORY = Path("/dev/shm")  # noqa: S108  the folder in it is root's, and its name is not for others to take
_ROOM = 6 * 2**30


def _keep_in_memory(state: Path) -> None:
    """Let root's PostgreSQL keep its files in memory where there is room.

    A clone of a database is 1,200 files, and most tests that commit take one: on a disk with a journal making them
    was half of what such a test cost. Other users name a state folder in memory, if they like.
    """
    from config.embedded import home

    if os.geteuid() or not _MEMORY.is_dir():
        return
    # Of a clone that was removed and made again in its place the old files are left, and go at the start anyway.
    home.remove_ownerless()
    folder = home.shared_folder(state.absolute().resolve())
    if folder.exists():
        return
    kilobytes = Path("/proc/meminfo").read_text().partition("MemAvailable:")[2].split()[0]
    if min(int(kilobytes) * 1024, shutil.disk_usage(_MEMORY).free) < _ROOM:
        return
    # After the machine was started anew the link is all that is left.
    folder.unlink(missing_ok=True)
    folder.symlink_to(tempfile.mkdtemp(prefix="strongbox-", dir=_MEMORY))


def _start() -> None:
    global _started, _sandbox
    from config.embedded.engines import Engines
    from tests import gateway

    state = Path(os.environ.get("STRONGBOX_TEST_STATE_DIR", HOME / ".strongbox-test"))
    _keep_in_memory(state)
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
    """Look for garbage from now on, seldom, and only among what tests make."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
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
