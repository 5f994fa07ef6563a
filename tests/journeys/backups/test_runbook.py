"""The commands of docs/runbooks/restore.md, followed literally on a stack of their own: destroyed, restored, proved."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.embedded.conftest import remove_state
from tests.embedded.stack import Stack, free_port

HOME = Path(__file__).resolve().parents[3]
RUNBOOK = HOME / "docs" / "runbooks" / "restore.md"
pytestmark = pytest.mark.xdist_group("run")


def commands(heading: str) -> list[str]:
    """The boxes below a heading, up to the next one of its kind."""
    text = RUNBOOK.read_text()
    part = text.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    return [
        line for box in re.findall(r"```sh\n(.*?)```", part, re.DOTALL) for line in box.strip().splitlines()
    ]


def follow(line: str, values: dict[str, str]) -> dict:
    """Run one line as a shell would, in the folder the runbook is read in."""
    if "AT" not in values:
        line = line.replace('--at "$AT" ', "")
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **values}
    done = subprocess.run(
        ["/bin/sh", "-euc", line], cwd=HOME, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    last = done.stdout.strip().rsplit("\n", 1)[-1]
    return json.loads(last) if last.startswith("{") else {}


def test_everything_is_restored_by_the_runbook_alone(tmp_path):
    state = tmp_path / "state"
    stack = Stack(state, free_port())
    stack.start()
    try:
        values = {
            "STRONGBOX_STATE_DIR": str(state),
            "DATA": str(state / "postgres" / "data"),
            "KEY_FILE": str(state / "keys" / "recovery.key"),
            "CHECKPOINTS": str(state / "checkpoints"),
        }
        follow("./manage.py installation_bootstrap --json", values)
        named = "--slug acme --name Acme --owner-email owner@acme.example"
        follow(f"./manage.py organization_create {named} --json", values)
        made = follow("./manage.py backup_run --kind full --json", values)
        assert made["failed"] is False
        before = follow("./manage.py ledger_check --json", values)
        lines = commands("Everything")
        refused = subprocess.run(
            ["/bin/sh", "-euc", lines[0].replace('--at "$AT" ', "")],
            cwd=HOME,
            env={"PATH": "/usr/bin:/bin", **values},
            capture_output=True,
            text=True,
        )
        # The database answers: nobody restores everything alone.
        assert json.loads(refused.stdout.strip().rsplit("\n", 1)[-1])["error"] == "restore_not_agreed"
    finally:
        stack.end()
    # The disk of the database is gone; what is left is the target, the secrets and the recovery key.
    lost = Path(values["DATA"]).resolve()
    shutil.rmtree(lost / "base")
    restore, keep, replace, aside, fresh, replay, *proofs = lines
    answer = follow(restore, values)
    assert answer["chain"] == [f"backups/{made['generation']:08d}-full/database.sbk"]
    assert answer["segments"] >= 0
    for line in (keep, replace, aside, fresh):
        follow(line, values)
    stack = Stack(state, free_port())
    stack.start()
    try:
        # Nobody was erased before, so nobody is erased again.
        assert set(follow(replay, values).values()) == {0}
        after = [follow(line, values) for line in proofs]
        assert after[0]["organizations"] == before["organizations"] == 2
        assert after[0]["errors"] == after[1]["errors"] == []
        assert after[2]["plaintext"] == 0
        assert after[3]["failed"] is False
    finally:
        stack.end()
        remove_state(state)
