"""What people type: the menu, what is missing, and what continuous integration runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=HOME, capture_output=True, text=True)


def test_make_alone_prints_the_menu():
    shown = run("make")
    assert shown.returncode == 0
    entries = [line.split()[1] for line in shown.stdout.splitlines() if line.startswith("  make ")]
    assert entries == [
        "help",
        "run",
        "test",
        "check",
        "faces",
        "faults",
        "bench",
        "topology",
        "topology-check",
        "lock",
    ]


def test_missing_packages_are_named_with_the_line_that_installs_them(tmp_path):
    listing = tmp_path / "debian.txt"
    listing.write_text(
        "bash  # there\nshell=sh  # its program is there\nnot-a-package\nother=no-such-program\n"
    )
    checked = run(sys.executable, "config/embedded/packages.py", str(listing))
    expected = "Missing Debian packages. Install them with: apt-get install -y not-a-package other\n"
    assert (checked.returncode, checked.stderr) == (1, expected)


def test_nothing_is_said_when_nothing_is_missing(tmp_path):
    listing = tmp_path / "debian.txt"
    listing.write_text("bash\nshell=sh\n")
    checked = run(sys.executable, "config/embedded/packages.py", str(listing))
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_an_old_python_is_told_what_is_needed(tmp_path):
    script = (HOME / "config/embedded/install.py").read_text().replace("OLDEST = (3, 11)", "OLDEST = (9, 0)")
    (tmp_path / "install.py").write_text(script)
    refused = run(sys.executable, str(tmp_path / "install.py"), "requirements/run.txt")
    assert refused.returncode == 1
    assert refused.stderr == f"Strongbox needs Python 9.0 or newer; this is {sys.version.split()[0]}.\n"


@pytest.mark.parametrize(
    ("fails", "code"), [("", 0), ("check", 1), ("test", 1)], ids=["none", "checks", "suite"]
)
def test_continuous_integration_runs_the_checks_and_the_suite(tmp_path, fails, code):
    script = HOME / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text().splitlines()
    make = tmp_path / "make"
    make.write_text(
        f'#!/bin/sh\necho "$1" >> "{tmp_path}/called"\necho "said by $1"\n[ "$1" != "{fails}" ]\n'
    )
    make.chmod(0o755)
    done = subprocess.run(
        [script],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert sorted((tmp_path / "called").read_text().split()) == ["check", "install-test", "test"]
    assert {"said by check", "said by test"} <= set(done.stdout.splitlines())
