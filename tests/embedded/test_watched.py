"""A watched process: started again when it dies, with growing pauses, and gone with everything it started."""

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from config.embedded import programs, watched
from config.embedded.programs import Program
from tests.embedded.conftest import is_alive, wait_until

# A process with a child of its own; it says who they are, that it works, and waits for its end.
PARENT = """
import json, os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(json.dumps([os.getpid(), child.pid, dict(os.environ)]))
pathlib.Path(os.environ["STRONGBOX_READY_FILE"]).touch()
time.sleep(600)
"""


@pytest.fixture
def parent(tmp_path, monkeypatch):
    monkeypatch.setattr(watched, "FIRST_PAUSE", 0.05)
    said = tmp_path / "said"
    program = Program("parent", [sys.executable, "-c", PARENT, str(said)], secrets=frozenset())
    shown = {"PATH": os.environ["PATH"], "KNOWN": "1"}
    process = watched.Watched(program, environment=shown, state=tmp_path)
    process.start()
    yield process, said
    process.finish(deadline=0)


def family(said: Path) -> list[int]:
    return json.loads(said.read_text())[:2]


def test_it_is_ready_when_it_says_so_and_knows_only_what_it_was_given(parent):
    process, said = parent
    wait_until(process.is_ready)
    assert family(said)[0] == process.pid
    known = json.loads(said.read_text())[2]
    assert set(known) - {"LC_CTYPE"} == {"PATH", "KNOWN", "STRONGBOX_READY_FILE"}


def test_a_killed_process_is_started_again_and_its_children_are_gone(parent):
    process, said = parent
    wait_until(process.is_ready)
    first = family(said)
    os.kill(first[0], signal.SIGKILL)
    said.unlink()
    happened = []
    wait_until(lambda: happened.append(process.tend()) is None and process.pid not in (None, first[0]))
    assert [line.split(" (")[0] for line in happened if line] == [
        "parent ended by signal 9; starting again in 0.1 s",
        "parent started again",
    ]
    wait_until(lambda: not any(is_alive(pid) for pid in first))
    wait_until(process.is_ready)
    assert family(said)[0] == process.pid != first[0]


def test_the_pause_grows_while_it_keeps_dying_and_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(watched, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(watched, "LONGEST_PAUSE", 0.04)
    program = Program("ill", [sys.executable, "-c", "raise SystemExit(3)"], secrets=frozenset())
    process = watched.Watched(program, environment={}, state=tmp_path)
    process.start()
    pauses = []

    def died_five_times():
        line = process.tend()
        if line and "ended with code 3" in line:
            pauses.append(process.next_pause)
        return len(pauses) == 5

    wait_until(died_five_times)
    assert pauses == [0.02, 0.04, 0.04, 0.04, 0.04]
    assert process.deaths == 5


def test_one_that_does_not_stop_is_killed_after_its_grace_with_its_children(tmp_path):
    said = tmp_path / "said"
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + PARENT
    program = Program("stubborn", [sys.executable, "-c", stubborn, str(said)], secrets=frozenset())
    process = watched.Watched(program, environment={"PATH": os.environ["PATH"]}, state=tmp_path)
    process.start()
    wait_until(process.is_ready)
    process.ask_to_stop()
    process.finish(deadline=0)
    wait_until(lambda: not any(is_alive(pid) for pid in family(said)))
    assert process.pid is None


WHOLE = {
    f"STRONGBOX_{name}": name
    for name in [
        "SECRET_KEY",
        "DB_APP_PASSWORD",
        "DB_BULK_PASSWORD",
        "DB_OWNER_PASSWORD",
        "DB_SEALER_PASSWORD",
        "DB_REKEY_PASSWORD",
        "DB_BACKUP_PASSWORD",
        "DB_REPLICATION_PASSWORD",
        "DB_RESTORE_PASSWORD",
        "BACKUP_SIGNING_KEY_FILE",
        "BACKUP_DRILL_KEY_FILE",
        "BROKER_PASSWORD",
        "CACHE_PASSWORD",
        "CONTEXT_KEY",
        "PEPPER",
        "NETWORK_KEY",
        "BROKER_URL",
        "CACHE_URL",
        "ROOT_KEY_FILE",
        "AUDIT_PRIVATE_KEY_FILE",
        "AUDIT_PUBLIC_KEY_FILE",
    ]
}


BACKUPS = {"DB_BACKUP_PASSWORD", "DB_REPLICATION_PASSWORD", "BACKUP_SIGNING_KEY_FILE"}
SERVING = {"CONTEXT_KEY", "PEPPER", "NETWORK_KEY", "BROKER_URL", "CACHE_URL"}


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("web", {"DB_APP_PASSWORD", "ROOT_KEY_FILE", *SERVING}),
        ("worker", {"DB_APP_PASSWORD", "DB_BULK_PASSWORD", "ROOT_KEY_FILE", *SERVING}),
        ("watch", {"DB_APP_PASSWORD", "ROOT_KEY_FILE", *SERVING}),
        (
            "ops-worker",
            {
                "DB_APP_PASSWORD",
                "ROOT_KEY_FILE",
                "DB_REKEY_PASSWORD",
                *BACKUPS,
                *SERVING,
                "BACKUP_DRILL_KEY_FILE",
            },
        ),
        ("receiver", {"DB_APP_PASSWORD", *BACKUPS, *SERVING}),
        ("beat", {"DB_APP_PASSWORD", *SERVING}),
        ("sealer", {"DB_SEALER_PASSWORD", "AUDIT_PRIVATE_KEY_FILE"}),
    ],
)
def test_each_process_knows_its_own_secrets_only(tmp_path, name, known):
    (program,) = [found for found in programs.programs(tmp_path, web=[]) if found.name == name]
    shown = programs.environment(WHOLE, program.secrets)
    secrets = {variable.removeprefix("STRONGBOX_") for variable in shown if variable in WHOLE}
    assert secrets == known | {"SECRET_KEY", "AUDIT_PUBLIC_KEY_FILE"}


def test_every_variable_that_settings_read_is_given_to_some_process(tmp_path, monkeypatch):
    read = set(re.findall(r'read\.\w+\("(\w+)"', (programs.HOME / "config" / "env.py").read_text()))
    whole = {f"STRONGBOX_{name}": "1" for name in read}
    for name, value in whole.items():
        monkeypatch.setenv(name, value)
    secrets = [program.secrets for program in programs.programs(tmp_path, web=[])] + [programs.MIGRATE]
    given = set().union(*(programs.environment(whole, known) for known in secrets))
    # What puts an organization back is in no process: the administrator hands it to one command.
    assert set(whole) - given == {"STRONGBOX_DB_RESTORE_PASSWORD"}


def test_migrations_know_the_owner_and_not_the_app():
    shown = programs.environment(WHOLE, programs.MIGRATE)
    assert "STRONGBOX_DB_OWNER_PASSWORD" in shown
    assert "STRONGBOX_DB_APP_PASSWORD" not in shown
