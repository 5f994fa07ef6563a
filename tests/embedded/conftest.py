"""State folders of their own, and waiting for processes that are not children of the test."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for a condition; fails when it does not come true."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs (a dead one that nobody has buried does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def remove_state(state: Path) -> None:
    """Remove a state folder with the data that root keeps elsewhere."""
    link = state / "postgres"
    if link.is_symlink():
        shutil.rmtree(link.resolve(), ignore_errors=True)
    shutil.rmtree(state, ignore_errors=True)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder that does not exist yet, below a folder that only its owner may enter."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    yield home / "state"
    remove_state(home / "state")
