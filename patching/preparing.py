"""Preparing an upgrade: a copy of the program with new locked requirements, and the tests run on it.

Promise kept: nothing that runs is touched. What comes out is a folder to look at: which versions changed, what is still
known of the new ones, and whether the tests pass; a person takes it from there.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from audit import services as audit
from core.actor import Actor
from core.errors import Refusal
from patching import events, looking, queries
from patching.inventory import Component, Kind, python
from patching.models import Finding
from tenancy.context import Scope, scope

_LEFT_OUT = (
    ".git",
    ".venv",
    ".strongbox*",
    "__pycache__",
    "*.pyc",
    "node_modules",
    "secrets",
    ".*_cache",
    ".hypothesis",
)
_LOCK, _INSTALL = Path("config/embedded/lock.py"), Path("config/embedded/install.py")
_LISTED = Path("requirements/test.txt")
_MOST_SECONDS = 3_600
_TAIL = 2_000


class CannotPrepare(Refusal):
    """New requirements cannot mend this: it is in no Python package, or no version without it is known."""

    code = "cannot_prepare"


class NothingToPrepareWith(Refusal):
    """The tools are not here. Prepare upgrades in a checkout in which the tests can run."""

    code = "nothing_to_prepare_with"


class FolderTaken(Refusal):
    """There is something in that folder already."""

    code = "folder_taken"


class DoesNotResolve(Refusal):
    """No set of versions satisfies everything that is asked for."""

    code = "does_not_resolve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A package whose locked version changes; empty where it comes or goes."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What came out."""

    folder: str
    changes: tuple[Change, ...]
    # What is still known of the new versions.
    left: tuple[str, ...]
    # None where the tests were not to run.
    passed: bool | None
    seconds: int
    said: str


def upgrades(finding_ids: Sequence[UUID]) -> dict[str, str]:
    """Return the versions that mend these findings, of the organization in scope.

    Raises:
        NotFound
        CannotPrepare
    """
    wanted: dict[str, str] = {}
    for finding in map(queries.finding, finding_ids):
        mendable = finding.component.kind == Kind.PYTHON and finding.status != Finding.Status.FIXED
        if not mendable or not finding.safe_version:
            raise CannotPrepare
        # Each is the smallest version of which nothing is known, so they agree within one package.
        wanted[finding.component.name] = finding.safe_version
    if not wanted:
        raise CannotPrepare
    return wanted


def prepare(
    *,
    finding_ids: Sequence[UUID],
    out: Path,
    tests: Sequence[str] | None,
    actor: Actor,
    at: datetime,
    project: Path | None = None,
) -> Prepared:
    """Prepare what mends these findings in a folder of its own; `tests` of None runs none.

    Raises:
        NotFound, CannotPrepare, NothingToPrepareWith, FolderTaken, DoesNotResolve.
    """
    tenant_id = queries.operator_id()
    with scope(Scope(tenant_id)):
        wanted = upgrades(finding_ids)
    project = project or Path(settings.BASE_DIR)
    changes = lock(project=project, out=out, wanted=wanted)
    left = _left(tenant_id, changes, at)
    started = time.monotonic()
    passed, said = (None, "") if tests is None else run_tests(out, tests)
    done = Prepared(
        folder=str(out),
        changes=tuple(changes),
        left=tuple(left),
        passed=passed,
        seconds=int(time.monotonic() - started),
        said=said,
    )
    with scope(Scope(tenant_id)):
        audit.record(
            events.PATCH_PREPARED,
            actor=actor,
            facts={
                "changes": len(changes),
                "left": len(left),
                "tests": "not_run" if passed is None else "passed" if passed else "failed",
            },
        )
    return done


def lock(*, project: Path, out: Path, wanted: Mapping[str, str]) -> list[Change]:
    """Copy the program and lock its requirements again, with these versions and otherwise as they were.

    Raises:
        NothingToPrepareWith, FolderTaken, DoesNotResolve.
    """
    if not (project / _LOCK).is_file() or not Path(sys.executable).with_name("uv").is_file():
        raise NothingToPrepareWith
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FolderTaken
    if out.resolve().is_relative_to(project.resolve()):
        raise FolderTaken("Choose a folder outside of the program's own.")
    before = python.pinned(project / "requirements")
    shutil.copytree(
        project, out, ignore=shutil.ignore_patterns(*_LEFT_OUT), dirs_exist_ok=True, symlinks=True
    )
    arguments = [
        part for name, version in wanted.items() for part in ("--upgrade-package", f"{name}=={version}")
    ]
    answer = _run([sys.executable, str(out / _LOCK), *arguments], out)
    if answer.returncode:
        raise DoesNotResolve(f"No set of versions satisfies everything. {answer.stderr.strip()[-_TAIL:]}")
    after = python.pinned(out / "requirements")
    changes = [
        Change(
            name=name,
            before=before[name].version if name in before else "",
            after=after[name].version if name in after else "",
        )
        for name in sorted({*before, *after})
        if (name in before) != (name in after) or before[name].version != after[name].version
    ]
    if not {change.name for change in changes} >= set(wanted):
        raise DoesNotResolve("The wanted version does not fit what the program itself asks for.")
    return changes


def run_tests(folder: Path, tests: Sequence[str]) -> tuple[bool, str]:
    """Install the new requirements and run the tests in the folder; say whether they pass, and their last words."""
    installed = _run([sys.executable, str(folder / _INSTALL), str(folder / _LISTED)], folder)
    if installed.returncode:
        return False, (installed.stdout + installed.stderr)[-_TAIL:]
    answer = _run(
        [str(folder / ".venv/bin/python"), "-m", "pytest", "-q", *tests],
        folder,
        STRONGBOX_TEST_STATE_DIR=str(folder / ".strongbox-test"),
    )
    return answer.returncode == 0, (answer.stdout + answer.stderr)[-_TAIL:]


def _left(tenant_id: UUID, changes: Sequence[Change], at: datetime) -> list[str]:
    """Hold the new versions against what is known: an upgrade that brings another weakness is none."""
    components = [
        Component(
            kind=Kind.PYTHON,
            name=change.name,
            version=change.after,
            ecosystem=python.ECOSYSTEM,
            advisory_name=change.name,
            advisory_version=change.after,
            licence="",
            sha256="",
            purl="",
        )
        for change in changes
        if change.after
    ]
    looked = looking.look(tenant_id=tenant_id, now=lambda: at, components=components)
    return [
        f"{one.component.name} {one.component.version}: {match.advisory.id}"
        for one in looked.seen
        for match in one.matches
    ]


def _run(arguments: Sequence[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    # What this process was told, its passwords among it, is not for code that nobody has looked at yet.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STRONGBOX_", "DJANGO_", "PYTEST_", "VIRTUAL_ENV", "PYTHON"))
    }
    return subprocess.run(  # noqa: S603  our own tools, without a shell
        arguments,
        cwd=folder,
        env={**kept, **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=_MOST_SECONDS,
    )
