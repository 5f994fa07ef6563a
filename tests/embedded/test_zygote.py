"""A copy of the process that imported the product works with what it was told, and with nothing else."""

import os
import sys

import pytest

from config.embedded import processes, programs
from config.embedded.zygote import Zygote
from tests.embedded.conftest import wait_until

pytestmark = pytest.mark.xdist_group("run")


@pytest.fixture
def zygote(tmp_path, monkeypatch):
    known = {name: value for name, value in os.environ.items() if name.startswith("STRONGBOX_")}
    processes.adopt_orphans()
    zygote = Zygote(known, state=tmp_path, settings="config.settings.test")
    zygote.wait()
    yield zygote
    zygote.end()


def test_a_copy_reaches_the_database_by_its_own_role_and_tells_how_it_ended(zygote, tmp_path):
    asked = (
        "from edge.health import reaches_database as r; from django.db import connection as c; "
        "r(); print(c.settings_dict['USER']); raise SystemExit(7)"
    )
    copy = zygote.spawn(
        programs.command("shell", "--no-imports", "-c", asked),
        environment=dict(os.environ),
        folder=programs.HOME,
        log=tmp_path / "log",
    )
    wait_until(lambda: copy.poll() is not None)
    assert (copy.wait(), (tmp_path / "log").read_text()) == (7, "strongbox_app\n")
    assert type(copy).__name__ == "Copy"


def test_a_copy_has_every_setting_that_a_process_of_its_own_has(zygote, tmp_path):
    asked = (
        "from django.conf import settings; settings.DEBUG; print(*sorted(filter(str.isupper, dir(settings))))"
    )
    found = {}
    for spawn in (zygote.spawn, processes.spawn):
        log = tmp_path / f"log-{spawn.__module__}"
        child = spawn(
            programs.command("shell", "--no-imports", "-c", asked),
            environment=dict(os.environ),
            folder=programs.HOME,
            log=log,
        )
        wait_until(lambda child=child: child.poll() is not None)
        found[spawn.__module__] = log.read_text()
    copied, started = found.values()
    assert "AUDITLOG_CID_GETTER" in started
    assert copied == started


def test_one_that_cannot_import_the_product_leaves_the_program_to_say_why(tmp_path):
    zygote = Zygote({}, state=tmp_path, settings="config.settings.test")
    zygote.wait()
    child = zygote.spawn(
        [sys.executable, "-c", "raise SystemExit(3)"],
        environment={},
        folder=programs.HOME,
        log=tmp_path / "log",
    )
    assert child.wait() == 3
    zygote.end()
