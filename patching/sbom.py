"""The software bill of materials: everything that runs here, as CycloneDX 1.6 in JSON (ECMA-424, second edition).

Promise kept: it is made from what is installed at this moment, not from what somebody once wrote down, and it leaves
nothing out.
"""

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from core import ids
from patching.inventory import Component, Kind, Scope
from patching.inventory.licences import is_expression

MEDIA_TYPE = "application/vnd.cyclonedx+json"
_NAME = "strongbox"
_TYPES = {
    Kind.PYTHON: "library",
    Kind.VENDORED: "file",
    Kind.DEBIAN: "library",
    Kind.ENGINE: "platform",
}
_SCOPES = {Scope.PRODUCTION: "required", Scope.DEVELOPMENT: "excluded", Scope.UNLISTED: "optional"}
# What the digest of a component is the digest of.
_DIGESTS = {
    Kind.PYTHON: "the distribution's RECORD, of the published lines, sorted",
    Kind.VENDORED: "the file",
    Kind.DEBIAN: "dpkg's list of the package's files and their digests",
    Kind.ENGINE: "the program",
}


def release() -> str:
    """Return the version of this program."""
    with (Path(settings.BASE_DIR) / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def build(
    components: Sequence[Component], *, at: datetime, version: str, serial: UUID | None = None
) -> dict[str, Any]:
    """Return the whole document."""
    own = f"{_NAME}@{version}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial or ids.uuid7()}",
        "version": 1,
        "metadata": {
            "timestamp": at.isoformat(),
            "tools": {"components": [{"type": "application", "name": _NAME, "version": version}]},
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": _NAME,
                "version": version,
                "licenses": [{"expression": "Apache-2.0"}],
            },
        },
        "components": [_component(one) for one in components],
        "dependencies": _dependencies(own, components),
    }


def digest(components: Sequence[Component]) -> str:
    """Return one digest of everything that is said of the components."""
    said = json.dumps([dataclasses.astuple(one) for one in components], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def reference(component: Component) -> str:
    """Return the name of a component within the document."""
    return f"{component.kind.value}:{component.name}@{component.version}"


def _component(one: Component) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": _TYPES[one.kind],
        "bom-ref": reference(one),
        "name": one.name,
        "version": one.version,
        "scope": _SCOPES[one.scope],
        "licenses": [_licence(one.licence)],
        "purl": one.purl,
        "properties": [
            {"name": "strongbox:kind", "value": one.kind.value},
            {"name": "strongbox:listed", "value": one.scope.value},
            {"name": "strongbox:direct", "value": str(one.direct).lower()},
            {"name": "strongbox:intact", "value": str(one.intact).lower()},
            {"name": "strongbox:digest-of", "value": _DIGESTS[one.kind]},
        ],
    }
    if one.sha256:
        found["hashes"] = [{"alg": "SHA-256", "content": one.sha256}]
    if one.pinned and one.kind is Kind.PYTHON:
        found["externalReferences"] = [
            {
                "type": "distribution",
                "url": one.purl,
                "comment": "the published files that the locked requirements allow",
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in one.pinned],
            }
        ]
    return found


def _licence(licence: str) -> dict[str, Any]:
    if is_expression(licence):
        return {"expression": licence}
    return {"license": {"name": licence}}


def _dependencies(own: str, components: Sequence[Component]) -> list[dict[str, Any]]:
    python: Mapping[str, str] = {one.name: reference(one) for one in components if one.kind is Kind.PYTHON}
    direct = [reference(one) for one in components if one.direct or one.kind is not Kind.PYTHON]
    return [
        {"ref": own, "dependsOn": direct},
        *(
            {
                "ref": reference(one),
                "dependsOn": [python[name] for name in one.requires if name in python],
            }
            for one in components
        ),
    ]
