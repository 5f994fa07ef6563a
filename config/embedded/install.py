"""Makes the virtual environment and keeps it equal to a hash-pinned list. Needs Python alone.

Run as a script, before anything is installed: `python3 config/embedded/install.py requirements/run.txt`.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
VENV = HOME / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)


def main(listing: Path) -> None:
    """Install a list unless it is installed already.

    Raises: SystemExit with one sentence when Python is too old, or pip says no.
    """
    if sys.version_info < OLDEST:
        raise SystemExit(
            f"Strongbox needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}."
        )
    VENV.mkdir(exist_ok=True)
    with (VENV / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = VENV / f".installed-{listing.stem}"
        wanted = hashlib.sha256(listing.read_bytes()).hexdigest()
        if _works() and stamp.exists() and stamp.read_text() == wanted:
            return
        print(f"Installing {listing.name} into {VENV.name}", flush=True)
        if not _works():
            _make()
        _pip(listing)
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


def _pip(listing: Path) -> None:
    # Every file must match a hash of the list: a registry that was tampered with can refuse, not deceive.
    arguments = ["install", "-qq", "--disable-pip-version-check", "--require-hashes", "--requirement"]
    if subprocess.run([PYTHON, "-m", "pip", *arguments, listing]).returncode:
        raise SystemExit(f"pip could not install {listing}.")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
