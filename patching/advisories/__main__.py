"""Makes keys and bundles where there is a network. Needs no Django and no database.

    python -m patching.advisories new-key KEYFILE
    python -m patching.advisories make --key KEYFILE --out FILE --kev FILE --osv PyPI=all.zip --osv Debian:12=deb.zip

Each `--osv` names an ecosystem and the zip that OSV publishes of it (one JSON file an advisory). How fresh it is, is
when its file was written.
"""

import argparse
import json
import os
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import clock, primitives
from patching.advisories import bundle


def main(arguments: Sequence[str]) -> None:
    """Do what is asked, and print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m patching.advisories", description=__doc__)
    does = parser.add_subparsers(dest="does", required=True)
    new = does.add_parser("new-key", help="make a key; prints the public one, for STRONGBOX_ADVISORY_KEYS")
    new.add_argument("file", type=Path)
    make = does.add_parser("make", help="make a signed bundle")
    make.add_argument("--key", type=Path, required=True)
    make.add_argument("--out", type=Path, required=True)
    make.add_argument("--osv", action="append", required=True, metavar="ECOSYSTEM=FILE")
    make.add_argument("--kev", type=Path, help="the catalogue of weaknesses known to be used in attacks")
    make.add_argument("--lifecycle", type=Path, help='[{"product", "series", "ends_on"}]')
    asked = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(_new_key(asked.file) if asked.does == "new-key" else _make(asked)) + "\n")


def _new_key(path: Path) -> dict[str, str]:
    private, public = primitives.ed25519_generate()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(private.hex() + "\n")
    return {"path": str(path), "public_key": public.hex()}


def _make(asked: argparse.Namespace) -> dict[str, Any]:
    named = {}
    for text in asked.osv:
        ecosystem, _, file = text.rpartition("=")
        if not ecosystem:
            raise SystemExit(f"--osv takes ECOSYSTEM=FILE, not {text}")
        named[ecosystem] = Path(file)
    with asked.out.open("wb") as sink:
        made = bundle.make(
            ecosystems={name: (_written(path), _advisories(path)) for name, path in named.items()},
            exploited=_exploited(asked.kev),
            endings=json.loads(asked.lifecycle.read_text()) if asked.lifecycle else [],
            made_at=clock.now(),
            key=bytes.fromhex(asked.key.read_text().strip()),
            sink=sink,
        )
    if empty := [one.name for one in made.ecosystems if not one.advisories]:
        asked.out.unlink()
        raise SystemExit(f"There is not one advisory of {', '.join(empty)}: that is no data.")
    return {
        "path": str(asked.out),
        "advisories": made.advisories,
        "ecosystems": {one.name: one.advisories for one in made.ecosystems},
        "fetched_at": made.fetched_at.isoformat(),
    }


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _advisories(path: Path) -> Iterator[Mapping[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".json"):
                yield json.loads(archive.read(name))


def _exploited(path: Path | None) -> list[str]:
    if path is None:
        return []
    said = json.loads(path.read_text())
    return (
        [str(one["cveID"]) for one in said["vulnerabilities"]] if "vulnerabilities" in said else said["cves"]
    )


if __name__ == "__main__":
    main(sys.argv[1:])
