"""What fills the virtual environment: uv, and pip wherever uv cannot or should not."""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from config.embedded.install import pinned_uv
from tests.make.wheels import wheel

# One worker makes the environment, once.
pytestmark = pytest.mark.xdist_group("install")
HOME = Path(__file__).resolve().parents[2]
NAME = "strongbox-left-pad"


class Project:
    """A project of one package, of which three versions lie beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.wheels = folder / "project", folder / "wheels"
        (self.folder / "config/embedded").mkdir(parents=True)
        (self.folder / "requirements").mkdir()
        self.wheels.mkdir()
        shutil.copy(HOME / "config/embedded/install.py", self.folder / "config/embedded/install.py")
        (self.folder / "requirements/test.txt").write_text(f"uv=={metadata.version('uv')} --hash=sha256:0\n")
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            wheel(self.wheels, NAME.replace("-", "_"), version, {"left_pad.py": ""})

    def run(self, version: str, digest: str, **told: str) -> subprocess.CompletedProcess[str]:
        """Install a version that has to have a digest."""
        (self.folder / "requirements/run.txt").write_text(f"{NAME}=={version} --hash=sha256:{digest}\n")
        known = {word: os.environ[word] for word in ("PATH", "HOME") if word in os.environ}
        return subprocess.run(
            [sys.executable, "config/embedded/install.py", "requirements/run.txt"],
            cwd=self.folder,
            env={**known, "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": str(self.wheels), **told},
            capture_output=True,
            text=True,
        )

    def install(self, version: str, **told: str) -> str:
        """Install a version and return what did it (PEP 376, INSTALLER)."""
        name = NAME.replace("-", "_")
        file = self.wheels / f"{name}-{version}-py3-none-any.whl"
        done = self.run(version, hashlib.sha256(file.read_bytes()).hexdigest(), **told)
        assert done.returncode == 0, done.stderr
        assert self.installed() == f"{name}-{version}.dist-info"
        return (self.packages() / self.installed() / "INSTALLER").read_text().strip()

    def installed(self) -> str:
        """Name what is there of the package."""
        (found,) = self.packages().glob(f"{NAME.replace('-', '_')}-*.dist-info")
        return found.name

    def packages(self) -> Path:
        (found,) = self.folder.glob(".venv/lib/*/site-packages")
        return found

    def give_uv(self) -> None:
        """Put the suite's uv where the one of the list would be fetched to."""
        place = self.folder / ".venv/installer"
        (place / "bin").mkdir(parents=True)
        (place / f"uv-{metadata.version('uv')}.dist-info").mkdir()
        (place / "bin/uv").symlink_to(Path(sys.executable).with_name("uv"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose environment was made by pip, which was told to ask no index: uv would not know."""
    project = Project(tmp_path_factory.mktemp("install"))
    assert project.install("1.0.0", PIP_NO_INDEX="1") == "pip"
    project.give_uv()
    return project


def test_uv_installs_and_pip_does_where_uv_cannot_or_should_not(project: Project) -> None:
    there = {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(project.wheels)}
    assert project.install("1.1.0", **there) == "uv"
    assert project.install("1.2.0", UV_OFFLINE="1", PIP_RETRIES="0") == "pip", "uv reaches nothing"
    assert project.install("1.0.0", **there, PIP_NO_INDEX="1") == "pip", "pip has no index for uv to know"


def test_a_file_of_another_digest_is_installed_by_neither(project: Project) -> None:
    before = project.installed()
    done = project.run("1.1.0", "0" * 64, UV_OFFLINE="1", UV_FIND_LINKS=str(project.wheels), PIP_RETRIES="0")
    assert done.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert done.stderr.endswith(f"pip could not install {project.folder}/requirements/run.txt.\n")
    assert project.installed() == before


def test_half_an_uv_is_fetched_again_and_pip_installs_where_it_cannot_be(project: Project) -> None:
    program = project.folder / ".venv/installer/bin/uv"
    where = program.readlink()
    program.unlink()
    try:
        assert project.install("1.2.0", UV_OFFLINE="1", PIP_RETRIES="0") == "pip"
    finally:
        program.symlink_to(where)


def test_uv_is_pinned_with_every_hash() -> None:
    listing = (HOME / "requirements/test.txt").read_text()
    version, entry = pinned_uv(listing)
    assert version == metadata.version("uv")
    following = listing.partition(entry)[2]
    assert entry.count("--hash=sha256:") > 1
    assert not entry.endswith("\\")
    assert not following.lstrip("\n").startswith("    --hash"), "a hash was left out"
    assert pinned_uv("django==5.2 --hash=sha256:0\n") == ("", "")
