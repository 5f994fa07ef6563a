"""Makes the virtual environment and keeps it equal to a hash-pinned list. Needs Python alone.

Run as a script, before anything is installed: `python3 config/embedded/install.py requirements/run.txt`.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
VENV = HOME / ".venv"
# Beside it: uv holds a lock in it, and whoever makes it anew empties it.
LOCK = HOME / ".venv.lock"
PYTHON = VENV / "bin" / "python"
TESTED = HOME / "requirements" / "test.txt"
# Apart from the packages: what the product runs on is what its list names.
UV = VENV / "installer"
OLDEST = (3, 11)


def main(listing: Path) -> None:
    """Install a list unless it is installed already.

    Raises: SystemExit with one sentence when Python is too old, or pip says no.
    """
    if sys.version_info < OLDEST:
        raise SystemExit(
            f"Strongbox needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}."
        )
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = VENV / f".installed-{listing.stem}"
        wanted = hashlib.sha256(listing.read_bytes()).hexdigest()
        if _works() and stamp.exists() and stamp.read_text() == wanted:
            return
        print(f"Installing {listing.name} into {VENV.name}", flush=True)
        if not _works():
            _make()
        _install(listing)
        stamp.write_text(wanted)


def _works() -> bool:
    # A virtual environment that was moved, or whose Python has gone, is made again.
    if not (VENV / "pyvenv.cfg").exists() or not PYTHON.exists():
        return False
    found = subprocess.run(
        [PYTHON, "-c", "import sys, pip; print(sys.prefix)"], capture_output=True, text=True
    )
    return found.returncode == 0 and Path(found.stdout.strip()).resolve() == VENV.resolve()


def _make() -> None:
    for stamp in VENV.glob(".installed-*"):
        stamp.unlink()
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV])
    if made.returncode:
        raise SystemExit(
            "The virtual environment could not be made; Debian's Python needs the package python3-venv."
        )


def _install(listing: Path) -> None:
    # uv takes a third of pip's time, and knows nothing of what pip was told: whoever has an index of their own, or
    # whose network it cannot pass, is served by pip.
    if not _has_own_index() and _fetch_uv() and _by_uv(listing):
        return
    if not _pip("--requirement", listing):
        raise SystemExit(f"pip could not install {listing}.")


def _pip(*arguments: str | Path) -> bool:
    # Every file must match a hash of the list: a registry that was tampered with can refuse, not deceive.
    how = ["-qq", "--disable-pip-version-check", "--require-hashes"]
    done = subprocess.run([PYTHON, "-m", "pip", "install", *how, *arguments])
    return done.returncode == 0


def _by_uv(listing: Path) -> bool:
    # The certificates that the machine trusts: a network that looks into TLS has its own.
    how = ["--quiet", "--compile-bytecode", "--require-hashes", "--system-certs", "--python"]
    command: list[str | Path] = [UV / "bin" / "uv", "pip", "install", *how, PYTHON, "--requirement", listing]
    return subprocess.run(command, capture_output=True).returncode == 0


def _has_own_index() -> bool:
    told = subprocess.run([PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True)
    return bool(told.returncode or re.search(r"\.(index-url|no-index)=", told.stdout))


def _fetch_uv() -> bool:
    version, pin = pinned_uv(TESTED.read_text())
    if not version:
        return False
    # Both: whoever was killed while fetching it may have left one of them.
    if (UV / f"uv-{version}.dist-info").exists() and (UV / "bin" / "uv").exists():
        return True
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as alone:
        alone.write(pin)
        alone.flush()
        return _pip("--upgrade", "--target", UV, "--requirement", Path(alone.name))


def pinned_uv(listing: str) -> tuple[str, str]:
    """Return the version of uv that a list pins, and its entry with every hash; both empty where it names none."""
    entry = re.search(r"^uv==([^\s;]+)(?:.*\\\n)*.*", listing, re.MULTILINE)
    return (entry[1], entry[0]) if entry else ("", "")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
