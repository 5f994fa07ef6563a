"""Debian packages of this machine, as dpkg knows them; none where there is no dpkg."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from patching.inventory import licences
from patching.inventory.component import Component, Kind, Scope

_FORMAT = "${binary:Package}\t${Version}\t${source:Package}\t${source:Version}\t${Architecture}\t${db:Status-Status}\n"
_INFO = Path("/var/lib/dpkg/info")
_DOC = Path("/usr/share/doc")
_MOST_SECONDS = 60
_SERVER = re.compile(r"postgresql-\d+")


def release() -> tuple[str, str]:
    """Return the distribution and its series, such as ("debian", "12")."""
    said = {}
    path = Path("/etc/os-release")
    for line in path.read_text().splitlines() if path.is_file() else ():
        name, _, value = line.partition("=")
        said[name] = value.strip('"')
    return said.get("ID", ""), said.get("VERSION_ID", "")


def packages() -> list[Component]:
    """Return every installed package."""
    tool = shutil.which("dpkg-query")
    if tool is None:
        return []
    answer = subprocess.run(  # noqa: S603  a fixed command, of the system's own
        [tool, "--show", f"--showformat={_FORMAT}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=_MOST_SECONDS,
    )
    distribution, series = release()
    return [
        _component(line.split("\t"), distribution, series)
        for line in answer.stdout.splitlines()
        if line.endswith("\tinstalled")
    ]


def owner(path: Path) -> tuple[str, str, str] | None:
    """Return (ecosystem, source package, its version) of the package that a program came with, or None.

    A distribution mends a program without changing the version that the program says it has: then the advisories of
    the distribution are the ones that speak of it.
    """
    tool = shutil.which("dpkg-query")
    if tool is None:
        return None
    said = _ask(tool, "--search", str(path))
    name = said.partition(":")[0].strip()
    if not name:
        return None
    about = _ask(tool, "--show", "--showformat=${source:Package}\t${source:Version}", name).split("\t")
    distribution, series = release()
    return (f"{distribution.capitalize()}:{series}", about[0], about[1]) if len(about) == 2 else None


def _ask(tool: str, *arguments: str) -> str:
    answer = subprocess.run(  # noqa: S603  as above
        [tool, *arguments], capture_output=True, text=True, check=False, timeout=_MOST_SECONDS
    )
    return answer.stdout


def whose(ecosystem: str, source: str, version: str) -> tuple[str, str, str]:
    """Return (ecosystem, name, version) under which advisories speak of a source package.

    Those of the distribution name what a package was built from. A server from PostgreSQL's own repository is none of
    the distribution's: it would be looked for where nobody writes about it, and found clean.
    """
    if "pgdg" in version and _SERVER.fullmatch(source):
        return "Bitnami", "postgresql", version.partition("-")[0]
    return ecosystem, source, version


def _component(row: list[str], distribution: str, series: str) -> Component:
    name, version, source, source_version, architecture, _state = row
    ecosystem, advisory_name, advisory_version = whose(
        f"{distribution.capitalize()}:{series}", source, source_version
    )
    return Component(
        kind=Kind.DEBIAN,
        name=name,
        version=version,
        ecosystem=ecosystem,
        advisory_name=advisory_name,
        advisory_version=advisory_version,
        licence=_licence(name.partition(":")[0]),
        sha256=_digest(name),
        purl=f"pkg:deb/{distribution}/{name.partition(':')[0]}@{version.replace('+', '%2B')}"
        f"?arch={architecture}&distro={distribution}-{series}",
        scope=Scope.PRODUCTION,
    )


def _licence(name: str) -> str:
    path = _DOC / name / "copyright"
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return "NOASSERTION"
    return licences.of_copyright(text) or f"LicenseRef-{name}-copyright"


def _digest(name: str) -> str:
    """Return the digest of dpkg's own list of the package's files and their digests."""
    for candidate in (name, name.partition(":")[0]):
        for ending in ("md5sums", "list"):
            path = _INFO / f"{candidate}.{ending}"
            if path.is_file():
                return hashlib.sha256(path.read_bytes()).hexdigest()
    return ""
