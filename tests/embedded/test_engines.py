"""The engines of a state folder: made once, private, alone on their folder, gone with their parent."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from config.embedded import environment, processes
from config.embedded.engines import Engines, OtherVersion
from config.embedded.postgres import WrongVersion
from config.embedded.processes import AlreadyRunning, CannotStart
from tests.embedded.conftest import is_alive, remove_state, wait_until

# These tests start and stop servers; one worker does so at a time.
pytestmark = pytest.mark.xdist_group("engines")
HOME = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Engines that the tests of this module only look at."""
    state = tmp_path_factory.mktemp("looked-at") / "state"
    engines = Engines(state, durable=False)
    yield engines, engines.start()
    engines.stop()
    remove_state(state)


def connect(values, role, *, database="strongbox"):
    return psycopg.connect(
        host=values["STRONGBOX_DB_HOST"],
        port=values["STRONGBOX_DB_PORT"],
        user=f"strongbox_{role}",
        password=values[f"STRONGBOX_DB_{role.upper()}_PASSWORD"],
        dbname=database,
    )


@pytest.mark.parametrize("role", ["app", "bulk", "owner", "sealer", "rekey", "backup", "restore"])
def test_every_role_signs_in_with_its_password_and_has_utc(running, role):
    with connect(running[1], role) as db:
        shown = db.execute(
            "SELECT current_user, current_setting('TimeZone'), current_setting('search_path')"
        ).fetchone()
    path = "public, pg_temp" if role == "bulk" else "public"
    assert shown == (f"strongbox_{role}", "UTC", path)


def test_a_wrong_password_is_refused(running):
    values = {**running[1], "STRONGBOX_DB_APP_PASSWORD": "wrong"}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(values, "app")


def test_passwords_are_stretched_except_those_of_a_suite(running, state):
    rounds = (
        "SELECT DISTINCT split_part(split_part(rolpassword, '$', 2), ':', 1) FROM pg_authid "
        "WHERE rolpassword IS NOT NULL"
    )
    assert running[0].postgres.psql(rounds).split() == ["1"]
    with Engines(state, durable=False):
        pass
    engines = Engines(state)  # where a suite was before, too
    engines.start()
    try:
        assert engines.postgres.psql(rounds).split() == ["4096"]
    finally:
        engines.stop()


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_the_app_role_reaches_no_other_database(running, database):
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(running[1], "app", database=database)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT set_config('app.tenant', 'x', false)",
        "SELECT pg_notify('a', 'b')",
        "SELECT query_to_xml('SELECT 1', true, true, '')",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT pg_terminate_backend(1)",
        "CREATE TEMPORARY TABLE t (x int)",
        "CREATE TABLE public.t (x int)",
    ],
)
def test_the_app_role_may_not_reach_for_the_session(running, statement):
    with connect(running[1], "app") as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute(statement)


def test_the_bulk_role_has_temporary_tables_that_hide_none_of_ours_and_no_other_right_more(running):
    with connect(running[1], "bulk") as db:
        db.execute("CREATE TEMPORARY TABLE pg_class (x int)")
        assert db.execute("SELECT count(*) > 100 FROM pg_class").fetchone() == (True,)
        for statement in (
            "SELECT set_config('a.b', 'x', false)",
            "SET ROLE strongbox_app",
            "CREATE TABLE public.t (x int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
                db.execute(statement)


def test_no_database_gives_temporary_tables_to_everybody(running):
    with connect(running[1], "owner", database="postgres") as db:
        open_to_all = db.execute(
            "SELECT datname FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))"
            " WHERE grantee = 0 AND privilege_type = 'TEMPORARY'"
        ).fetchall()
    assert open_to_all == []


def test_the_servers_know_no_secret_of_the_application(running):
    secrets = [value for name, value in running[1].items() if name.endswith(("PASSWORD", "KEY", "PEPPER"))]
    for pid in running[0].pids():
        seen = Path(f"/proc/{pid}/environ").read_text() + Path(f"/proc/{pid}/cmdline").read_text()
        assert [secret for secret in secrets if secret in seen] == []


def test_the_cache_user_sees_one_database_and_may_not_configure(running):
    cache = redis.Redis.from_url(running[1]["STRONGBOX_CACHE_URL"])
    assert cache.set("a", "b")
    for refused in (lambda: cache.execute_command("SELECT", 0), cache.config_get, cache.flushall):
        with pytest.raises(redis.exceptions.NoPermissionError):
            refused()
    cache.close()


def test_without_a_password_valkey_answers_nothing(running):
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(running[1]["STRONGBOX_CACHE_URL"].removeprefix("unix://").split("?")[0])
        stranger.sendall(b"GET a\r\n")
        assert stranger.recv(100) == b"-NOAUTH Authentication required.\r\n"


def test_what_is_kept_is_private(running):
    state = running[0].state
    kept = [path for path in state.rglob("*") if path.is_file() and not path.is_symlink()]
    assert (state / "env") in kept
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [state, *kept]} == {0}


def test_the_environment_is_made_once_and_no_parent_is_opened(state):
    with Engines(state, durable=False) as first:
        pass
    with Engines(state, durable=False) as second:
        assert second == first
        with connect(second, "app") as db:
            assert db.execute("SELECT 1").fetchone() == (1,)
    assert stat.S_IMODE(state.parent.stat().st_mode) == 0o700
    assert environment.load(state) == first


def test_a_lost_root_key_is_not_replaced(state):
    with Engines(state, durable=False) as values:
        Path(values["STRONGBOX_ROOT_KEY_FILE"]).unlink()
    with Engines(state, durable=False) as values:
        assert not Path(values["STRONGBOX_ROOT_KEY_FILE"]).exists()


def test_a_second_start_on_the_same_folder_is_refused(running):
    with pytest.raises(AlreadyRunning, match="already runs on the state folder"):
        Engines(running[0].state, durable=False).start()


def test_a_folder_of_another_version_is_refused(state):
    state.mkdir()
    (state / "version").write_text("0\n")
    with pytest.raises(OtherVersion, match="is of version 0; this program needs 1"):
        Engines(state, durable=False).start()


def test_data_of_another_postgresql_is_refused(state):
    with Engines(state, durable=False):
        pass
    version = state / "postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(WrongVersion, match="was made by PostgreSQL 17; this is PostgreSQL 18"):
        Engines(state, durable=False).start()


def test_a_half_made_cluster_is_removed(state):
    with Engines(state, durable=False):
        pass
    folder = (state / "postgres").resolve()
    shutil.rmtree(folder / "data")
    (folder / "data.new-12345678").mkdir()
    (folder / "applied").unlink()
    with Engines(state, durable=False) as values, connect(values, "app") as db:
        assert db.execute("SELECT 1").fetchone() == (1,)
    assert list(folder.glob("data.new-*")) == []


def test_a_long_path_gets_a_short_private_socket(tmp_path):
    state = tmp_path / ("x" * 100) / "state"
    state.parent.mkdir()
    with Engines(state, durable=False) as values:
        run = Path(values["STRONGBOX_RUN_DIR"])
        assert len(os.fsencode(run / environment.VALKEY_SOCKET)) <= processes.SOCKET_PATH_LIMIT
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
        with connect(values, "app") as db:
            assert db.execute("SELECT 1").fetchone() == (1,)
    with Engines(state, durable=False) as again:
        assert again["STRONGBOX_RUN_DIR"] == str(run)
    shutil.rmtree(run)
    remove_state(state)


def test_a_moved_folder_takes_its_data_along_and_a_copy_leaves_the_original_alone(state):
    moved, copy = state.with_name("moved"), state.with_name("copy")
    with Engines(state, durable=False) as values, connect(values, "owner") as db:
        db.execute("CREATE TABLE kept AS SELECT 7 AS x")
    state.rename(moved)
    with Engines(moved, durable=False) as values, connect(values, "owner") as db:
        assert db.execute("SELECT x FROM kept").fetchone() == (7,)
    shutil.copytree(moved, copy, symlinks=True)
    if os.geteuid() == 0:
        with pytest.raises(CannotStart, match="is a copy of"):
            Engines(copy, durable=False).start()
        (copy / "postgres").unlink()
    with Engines(copy, durable=False):
        pass
    with Engines(moved, durable=False) as values, connect(values, "owner") as db:
        assert db.execute("SELECT x FROM kept").fetchone() == (7,)
    remove_state(moved)
    remove_state(copy)


def test_data_whose_folder_is_gone_is_removed(state):
    with Engines(state, durable=False):
        data = (state / "postgres").resolve()
    shutil.rmtree(state)
    other = state.with_name("other")
    with Engines(other, durable=False):
        assert not data.exists()
    remove_state(other)


def test_nothing_outlives_a_killed_parent_and_the_next_start_is_clean(state):
    holder = subprocess.Popen(
        [sys.executable, "-m", "tests.embedded.holder", state],
        cwd=HOME,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    engines = json.loads(holder.stdout.readline())
    assert [is_alive(pid) for pid in engines] == [True, True]
    holder.kill()
    holder.communicate()
    assert holder.returncode == -signal.SIGKILL
    # The next start waits for what is still stopping, and then works.
    with Engines(state, durable=False) as values, connect(values, "app") as db:
        wait_until(lambda: not any(is_alive(pid) for pid in engines))
        assert db.execute("SELECT 1").fetchone() == (1,)
    log = (state / "postgres" / "postgres.log").read_text()
    assert "was not properly shut down" not in log


def test_an_engine_that_does_not_come_back_at_once_is_tried_again(state):
    # Durable: else the grants of a moment ago are not in the log yet when it is killed.
    engines = Engines(state)
    with engines as values:
        version = state / "postgres" / "data" / "PG_VERSION"
        before = version.read_text()
        os.kill(engines.postgres.child.pid, signal.SIGKILL)
        wait_until(lambda: engines.postgres.child.poll() is not None)
        version.write_text("17\n")
        for _ in range(2):
            (happened,) = engines.tend()
            assert happened.startswith("PostgreSQL had ended and did not come back yet.")
        version.write_text(before)
        assert engines.tend() == ["PostgreSQL had ended and was started again"]
        assert engines.tend() == []
        with connect(values, "app") as db:
            assert db.execute("SELECT 1").fetchone() == (1,)
