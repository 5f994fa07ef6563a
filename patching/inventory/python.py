"""Python distributions: what the interpreter that runs this can import, held against the locked requirements."""

import base64
import csv
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from django.conf import settings
from packaging.requirements import InvalidRequirement, Requirement

from patching.inventory import licences
from patching.inventory.component import Component, Kind, Scope
from patching.matching import normal_name

ECOSYSTEM = "PyPI"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_LISTS = (
    ("production.txt", Scope.PRODUCTION),
    ("run.txt", Scope.PRODUCTION),
    ("test.txt", Scope.DEVELOPMENT),
)


@dataclass(frozen=True, slots=True)
class Pin:
    """A line of the locked requirements."""

    version: str
    hashes: tuple[str, ...]
    scope: Scope


def distributions() -> list[Component]:
    """Return every distribution that can be imported here."""
    pins = pinned(Path(settings.BASE_DIR) / "requirements")
    direct = _direct(Path(settings.BASE_DIR) / "pyproject.toml")
    found: dict[str, Component] = {}
    for installed in metadata.distributions():
        name = installed.metadata["Name"]
        if not name:
            continue
        plain = normal_name(ECOSYSTEM, name)
        # The first of a name is the one that is imported.
        found.setdefault(plain, _component(plain, installed, pins.get(plain), plain in direct))
    return list(found.values())


def pinned(folder: Path) -> Mapping[str, Pin]:
    """Read the locked requirements; what production needs is production's, whatever else lists it."""
    found: dict[str, Pin] = {}
    for name, scope in _LISTS:
        path = folder / name
        for block in re.split(r"\n(?=\S)", path.read_text()) if path.is_file() else ():
            line = _PIN.match(block)
            if line is not None:
                pin = Pin(line[2], tuple(_HASH.findall(block)), scope)
                found.setdefault(normal_name(ECOSYSTEM, line[1]), pin)
    return found


def _direct(path: Path) -> frozenset[str]:
    """Return what the project itself names, not what that brings along."""
    quoted = re.findall(r'"([A-Za-z0-9][^"]*)"', path.read_text()) if path.is_file() else []
    names = set()
    for text in quoted:
        try:
            names.add(normal_name(ECOSYSTEM, Requirement(text).name))
        except InvalidRequirement:
            continue
    return frozenset(names)


def _component(name: str, installed: metadata.Distribution, pin: Pin | None, direct: bool) -> Component:
    about = installed.metadata
    listed = pin is not None and pin.version == installed.version
    record = installed.read_text("RECORD") or ""
    return Component(
        kind=Kind.PYTHON,
        name=name,
        version=installed.version,
        ecosystem=ECOSYSTEM,
        advisory_name=name,
        advisory_version=installed.version,
        licence=licences.of_distribution(
            name,
            expression=_said(about, "License-Expression"),
            licence=_said(about, "License"),
            classifiers=about.get_all("Classifier") or [],
        )
        or "NOASSERTION",
        sha256=hashlib.sha256(_published(record).encode()).hexdigest(),
        purl=f"pkg:pypi/{name}@{installed.version}",
        scope=pin.scope if pin is not None and listed else Scope.UNLISTED,
        direct=direct,
        pinned=pin.hashes if pin is not None and listed else (),
        requires=_requires(installed),
    )


def _said(about: metadata.PackageMetadata, name: str) -> str:
    found = about.get_all(name)
    return str(found[0]) if found else ""


def _published(record: str) -> str:
    """Return the lines of RECORD that the published file brought: a digest of them is the same on every machine."""
    lines = [
        ",".join(row)
        for row in csv.reader(record.splitlines())
        if len(row) == 3 and row[1] and not row[0].startswith("../") and not _is_made_here(row[0])
    ]
    return "\n".join(sorted(lines))


def _is_made_here(path: str) -> bool:
    return path.endswith(
        (".pyc", ".dist-info/INSTALLER", ".dist-info/REQUESTED", ".dist-info/direct_url.json")
    )


def _requires(installed: metadata.Distribution) -> tuple[str, ...]:
    found = set()
    for text in installed.requires or ():
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            found.add(normal_name(ECOSYSTEM, wanted.name))
    return tuple(sorted(found))


def touched(name: str) -> tuple[str, ...]:
    """Return the files of a distribution that are not as they were published; reads every byte of it."""
    changed = []
    for row in csv.reader((metadata.distribution(name).read_text("RECORD") or "").splitlines()):
        if len(row) != 3 or not row[1].startswith("sha256=") or _is_made_here(row[0]):
            continue
        path = Path(str(metadata.distribution(name).locate_file(row[0])))
        said = base64.urlsafe_b64decode(row[1].removeprefix("sha256=") + "==")
        if not path.is_file() or hashlib.sha256(path.read_bytes()).digest() != said:
            changed.append(row[0])
    return tuple(changed)
