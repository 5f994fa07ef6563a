"""Files of others that are part of this program, from the tables beside them, each held against its digest."""

import hashlib
import re
from pathlib import Path

from django.conf import settings

from patching.inventory.component import Component, Kind, Scope

# Where such files lie, whose package names they carry, and how a package address names that registry.
_FOLDERS = (("static/vendor", "npm", "npm"), ("billing/documents/pdf/fonts", "PyPI", "pypi"))
_ROW = re.compile(
    r"^\| `(?P<file>[^`]+)` \| (?P<package>@?[a-z0-9._/-]+) (?P<version>[0-9][0-9A-Za-z.]*), `(?P<path>[^`]+)`"
    r" \| (?P<licence>[A-Za-z0-9.-]+)[^|]* \| `(?P<sha256>[0-9a-f]{64})` \|$",
    re.MULTILINE,
)


def files() -> list[Component]:
    """Return every vendored file that the tables name."""
    found = []
    for folder, ecosystem, registry in _FOLDERS:
        place = Path(settings.BASE_DIR) / folder
        table = place / "README.md"
        for row in _ROW.finditer(table.read_text()) if table.is_file() else ():
            path = place / row["file"]
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            package = (
                row["package"].replace("@", "%40", 1) if row["package"].startswith("@") else row["package"]
            )
            found.append(
                Component(
                    kind=Kind.VENDORED,
                    name=row["file"],
                    version=row["version"],
                    ecosystem=ecosystem,
                    advisory_name=row["package"],
                    advisory_version=row["version"],
                    licence=row["licence"],
                    sha256=digest,
                    purl=f"pkg:{registry}/{package}@{row['version']}#{_subpath(row['path'])}",
                    scope=Scope.PRODUCTION,
                    direct=True,
                    pinned=(row["sha256"],),
                    intact=digest == row["sha256"],
                )
            )
    return found


def _subpath(path: str) -> str:
    return path.replace("[", "%5B").replace("]", "%5D").replace(",", "%2C")
