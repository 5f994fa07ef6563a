"""An upgrade is prepared in a folder of its own: resolved, locked with hashes, installed and tested, for real.

On a small project with wheels of its own, so that nothing depends on a network: uv resolves, pip installs.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command

from core import clock, ids
from core.actor import Actor
from patching import intake, preparing
from patching.inventory import python
from patching.models import Finding
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.make import installation, patching
from tests.make.wheels import wheel

HOME = Path(__file__).resolve().parents[3]
ACTOR = Actor.system("tests")
# It stands for the test runner, which these wheels do not bring: it runs every function of every test file.
RUNNER = """
import pathlib, runpy, sys
for path in sorted(pathlib.Path("tests").glob("test_*.py")):
    for name, found in runpy.run_path(str(path)).items():
        if name.startswith("test_"):
            found()
print("passed", sys.argv[1:])
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: Any) -> Path:
    """A project that names left-pad and is locked to a version with a weakness; 1.2.0 and 1.3.0 are there too."""
    wheels, folder = tmp_path / "wheels", tmp_path / "project"
    wheels.mkdir()
    for version in ("1.0.0", "1.2.0", "1.3.0"):
        wheel(wheels, "left_pad", version, {"left_pad.py": f"version = {version!r}\n"})
    wheel(wheels, "pytest", "9.0", {"pytest/__init__.py": "", "pytest/__main__.py": RUNNER})
    (folder / "config/embedded").mkdir(parents=True)
    for name in ("lock.py", "install.py"):
        shutil.copy(HOME / "config/embedded" / name, folder / "config/embedded" / name)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "small"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["left-pad"]\n'
        '[project.optional-dependencies]\nembedded = []\ntest = ["pytest"]\n'
        f'[tool.uv.pip]\nno-index = true\nfind-links = ["{wheels}"]\n'
    )
    (folder / "requirements").mkdir()
    digest = hashlib.sha256((wheels / "left_pad-1.0.0-py3-none-any.whl").read_bytes()).hexdigest()
    for name in ("production", "run", "test"):
        (folder / f"requirements/{name}.txt").write_text(f"left-pad==1.0.0 \\\n    --hash=sha256:{digest}\n")
    (folder / "tests").mkdir()
    (folder / "tests/test_pad.py").write_text(
        "import left_pad\ndef test_it(): assert left_pad.version >= '1.0'\n"
    )
    (folder / ".strongbox").mkdir()
    (folder / ".strongbox/secret").write_text("a key")
    (folder / "deploy/secrets").mkdir(parents=True)
    (folder / "deploy/secrets/root_key").write_text("another")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return folder


@pytest.fixture
def finding(db: None, settings: Any) -> UUID:
    settings.ADVISORY_KEYS = (patching.PUBLIC.hex(),)
    settings.ADVISORY_SOURCE = ""
    with scope(Scope(installation.tenant("operator"))):
        return UUID(str(patching.weak()[0].pk))


def test_the_smallest_safe_upgrade_is_locked_installed_and_tested(
    finding: UUID, project: Path, tmp_path: Path, settings: Any, capsys: Any
) -> None:
    settings.BASE_DIR = project
    out = tmp_path / "out"
    call_command("patch_prepare", ids.encode("finding", finding), "--out", str(out), "--json")
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"name": "left-pad", "before": "1.0.0", "after": "1.2.0"} in said["changes"]
    assert (said["passed"], said["left"], said["failed"]) == (True, [], False)
    pin = python.pinned(out / "requirements")["left-pad"]
    wheel_hash = hashlib.sha256(
        (tmp_path / "wheels/left_pad-1.2.0-py3-none-any.whl").read_bytes()
    ).hexdigest()
    assert (pin.version, pin.hashes) == ("1.2.0", (wheel_hash,))
    # What runs is as it was, and no secret of the state folder came along.
    assert python.pinned(project / "requirements")["left-pad"].version == "1.0.0"
    assert not (out / ".strongbox").exists() and not (out / "deploy/secrets").exists()
    (told,) = world.events_of(installation.tenant("operator"), event="patch.prepared")
    assert told.facts["tests"] == "passed"
    # Tests that fail are said to; the environment is there already.
    (out / "tests/test_pad.py").write_text("def test_it(): raise SystemExit('it does not pad')\n")
    passed, words = preparing.run_tests(out, [])
    assert passed is False and "it does not pad" in words
    with pytest.raises(preparing.FolderTaken):
        preparing.lock(project=project, out=out, wanted={"left-pad": "1.2.0"})


def test_an_upgrade_that_brings_another_weakness_is_said_to(
    finding: UUID, project: Path, tmp_path: Path
) -> None:
    worse = patching.advisory(introduced="1.1", fixed="", osv="TEST-2026-0077")
    path = patching.bundle_file(tmp_path, [worse], ecosystems=["PyPI"])
    intake.take_in(path=path, actor=ACTOR, at=clock.now())
    done = preparing.prepare(
        finding_ids=[finding], out=tmp_path / "out", tests=None, actor=ACTOR, at=clock.now(), project=project
    )
    assert done.passed is None
    assert done.left == ("left-pad 1.2.0: TEST-2026-0077",)


def test_what_cannot_be_resolved_is_said_to(finding: UUID, project: Path, tmp_path: Path) -> None:
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace('"left-pad"', '"left-pad<1.1"'))
    with pytest.raises(preparing.DoesNotResolve):
        preparing.lock(project=project, out=tmp_path / "out", wanted={"left-pad": "1.2.0"})
    with pytest.raises(preparing.FolderTaken):
        preparing.lock(project=project, out=project / "out", wanted={"left-pad": "1.2.0"})
    with pytest.raises(preparing.NothingToPrepareWith):
        preparing.lock(project=tmp_path, out=tmp_path / "other", wanted={"left-pad": "1.2.0"})


def test_what_no_version_mends_cannot_be_prepared(finding: UUID, tmp_path: Path) -> None:
    with scope(Scope(installation.tenant("operator"))):
        Finding.objects.filter(pk=finding).update(safe_version="")
    with pytest.raises(preparing.CannotPrepare):
        preparing.prepare(
            finding_ids=[finding], out=tmp_path / "out", tests=None, actor=ACTOR, at=clock.now()
        )
