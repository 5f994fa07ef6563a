"""The bill of materials: valid by CycloneDX's own schema, and nothing that is installed is missing from it."""

import base64
import hashlib
import json
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from patching.inventory import python, vendored
from patching.matching import normal_name
from tests.guarantees import world
from tests.make import installation

HOME = Path(__file__).resolve().parents[3]


@pytest.fixture
def document(db: None, tmp_path: Path, capsys: Any) -> dict[str, Any]:
    """What the command writes of this very machine."""
    call_command("sbom", "--out", str(tmp_path / "bom.json"), "--json")
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    found: dict[str, Any] = json.loads((tmp_path / "bom.json").read_text())
    assert said["components"] == len(found["components"])
    assert said["without_hash"] == said["without_licence"] == []
    return found


def test_it_is_valid_and_whole(document: dict[str, Any]) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
    assert fault is None, fault
    listed = {
        kind: {
            one["name"]: one["version"]
            for one in document["components"]
            if one["bom-ref"].startswith(f"{kind}:")
        }
        for kind in ("python", "vendored", "debian", "engine")
    }
    # Each from another source than the one it was made from.
    installed = {
        normal_name("PyPI", one.metadata["Name"]): one.version
        for one in reversed([*metadata.distributions()])
        if one.metadata["Name"]
    }
    assert listed["python"] == installed
    said = subprocess.run(["dpkg", "--get-selections"], capture_output=True, text=True, check=True).stdout
    packages = {line.split()[0] for line in said.splitlines() if line.split()[1] in ("install", "hold")}
    assert set(listed["debian"]) == packages and len(packages) > 50
    folders = [HOME / "static/vendor", HOME / "billing/documents/pdf/fonts"]
    files = {
        path.name
        for folder in folders
        for path in folder.iterdir()
        if path.suffix in (".js", ".woff2", ".ttf", ".otf", ".css")
    }
    assert set(listed["vendored"]) == files
    assert set(listed["engine"]) == {"python", "postgresql", "valkey"}
    assert re.fullmatch(r"18\.\d+", listed["engine"]["postgresql"])
    # Every one with what proves what it is, and with its licence.
    assert [one["name"] for one in document["components"] if not one.get("hashes")] == []
    assert [one["name"] for one in document["components"] if not one.get("licenses")] == []
    assert "NOASSERTION" not in json.dumps([one["licenses"] for one in document["components"]])
    references = [one["bom-ref"] for one in document["components"]]
    assert len(set(references)) == len(references)
    known = {*references, document["metadata"]["component"]["bom-ref"]}
    assert {each for one in document["dependencies"] for each in [one["ref"], *one["dependsOn"]]} <= known
    (django,) = [one for one in document["components"] if one["bom-ref"].startswith("python:django@")]
    pinned = python.pinned(HOME / "requirements")["django"].hashes
    assert {each["content"] for each in django["externalReferences"][0]["hashes"]} == set(pinned)
    assert django["licenses"] == [{"expression": "BSD-3-Clause"}]
    events = world.events_of(installation.tenant("operator"), event="patch.sbom_made")
    assert [event.facts["components"] for event in events] == [len(references)]


def test_a_vendored_file_that_was_changed_is_said_to_be(settings: Any, tmp_path: Path) -> None:
    folder = tmp_path / "static/vendor"
    folder.mkdir(parents=True)
    original = HOME / "static/vendor"
    (folder / "README.md").write_text((original / "README.md").read_text())
    for path in original.glob("*.js"):
        (folder / path.name).write_bytes(path.read_bytes() + (b" " if "csp" in path.name else b""))
    settings.BASE_DIR = tmp_path
    state = {one.name: one.intact for one in vendored.files() if one.name.endswith(".js")}
    assert state == {"htmx-4.0.1.min.js": True, "hx-csp-4.0.1.min.js": False}


def test_a_distribution_in_no_list_or_in_another_version_is_said_to_be(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "pyproject.toml").write_text('dependencies = ["django>=5.2"]')
    (tmp_path / "requirements/production.txt").write_text(
        f"django=={metadata.version('django')} \\\n    --hash=sha256:{'0' * 64}\npackaging==1.0 \\\n"
        f"    --hash=sha256:{'1' * 64}\n"
    )
    settings.BASE_DIR = tmp_path
    found = {one.name: (one.scope.value, one.direct, one.pinned) for one in python.distributions()}
    assert found["django"] == ("production", True, ("0" * 64,))
    assert found["packaging"] == ("unlisted", False, ())
    assert found["celery"][0] == "unlisted"


def test_a_file_of_a_distribution_that_was_changed_is_found(tmp_path: Path, monkeypatch: Any) -> None:
    """On a distribution of the test's own: what RECORD says, what lies there, and nothing that pip made here."""
    about, code = tmp_path / "leftpad-1.0.dist-info", tmp_path / "leftpad.py"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: leftpad\nVersion: 1.0\n")
    code.write_text("pad = 1\n")
    digest = base64.urlsafe_b64encode(hashlib.sha256(code.read_bytes()).digest()).decode().rstrip("=")
    (about / "RECORD").write_text(f"leftpad.py,sha256={digest},8\nleftpad-1.0.dist-info/RECORD,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert python.touched("leftpad") == ()
    code.write_text("pad = 2\n")
    assert python.touched("leftpad") == ("leftpad.py",)
