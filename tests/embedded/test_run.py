"""`make run` as people use it: the whole product, killed in every way, and started again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded import environment, local, supervisor
from tests.embedded.conftest import is_alive, remove_state, wait_until
from tests.embedded.stack import HOME, Stack, answers, descendants, free_port, remembers

# One stack for all of this file, however many workers share the tests.
pytestmark = pytest.mark.xdist_group("run")
NAMES = ["web", "worker", "watch", "ops-worker", "receiver", "beat", "sealer"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    state = tmp_path_factory.mktemp("run") / "state"
    stack = Stack(state, free_port())
    stack.start()
    yield stack
    stack.end()
    remove_state(state)


def test_it_says_when_it_is_ready_and_answers_on_every_loopback_address(stack):
    assert f"Strongbox is ready at http://localhost:{stack.port}/" in stack.lines
    assert answers(stack.port, "/readyz")
    for _, address in local.Place(state=stack.state, port=stack.port, bind=None).addresses():
        assert answers(stack.port, "/healthz", host=address)


_SERVING = {"CONTEXT_KEY", "PEPPER", "NETWORK_KEY", "BROKER_URL", "CACHE_URL"}
_ROLES = {f"DB_{name}_PASSWORD" for name in ("OWNER", "APP", "BULK", "SEALER", "REKEY", "BACKUP")}
_FILES = {"ROOT_KEY_FILE", "AUDIT_PRIVATE_KEY_FILE", "BACKUP_SIGNING_KEY_FILE"}


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("gunicorn", {*_SERVING, "DB_APP_PASSWORD", "ROOT_KEY_FILE"}),
        ("celeryd: worker@", {*_SERVING, "DB_APP_PASSWORD", "DB_BULK_PASSWORD", "ROOT_KEY_FILE"}),
        ("audit_sealer", {"DB_SEALER_PASSWORD", "AUDIT_PRIVATE_KEY_FILE"}),
        # what the others are copies of
        ("config.embedded.zygote", set()),
    ],
)
def test_the_running_processes_know_their_own_secrets_only(stack, words, known):
    values = environment.load(stack.state)
    secret = {name: values[f"STRONGBOX_{name}"].encode() for name in _SERVING | _ROLES | _FILES}
    pids = [pid for pid, command in descendants(stack.process.pid).items() if words in command]
    assert pids
    assert [remembers(pid, secret) for pid in pids] == [known] * len(pids)


def test_without_the_process_they_are_copies_of_they_are_started_in_the_ordinary_way(stack):
    os.kill(stack.pid_of("config.embedded.zygote"), signal.SIGKILL)
    os.kill(stack.pid_of("audit_sealer"), signal.SIGKILL)
    wait_until(lambda: any("audit_sealer" in command for command in descendants(stack.process.pid).values()))
    assert Path(f"/proc/{stack.pid_of('audit_sealer')}/environ").read_text().count("STRONGBOX_") > 5


def test_it_goes_with_whoever_started_it_and_is_killed_hard(state):
    starts = (
        "import sys; from pathlib import Path; from tests.embedded.stack import Stack, free_port; "
        "stack = Stack(Path(sys.argv[1]), free_port()).launch(); "
        "print(stack.stdout.fileno(), stack.stderr.fileno(), flush=True); stack.wait()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", starts, state], cwd=HOME, stdout=subprocess.PIPE, text=True
    )
    # Somebody still listens: it does not end for having nobody to speak to.
    heard = [
        os.open(f"/proc/{starter.pid}/fd/{end}", os.O_RDONLY) for end in starter.stdout.readline().split()
    ]
    wait_until(lambda: any("/postgres" in command for command in descendants(starter.pid).values()))
    started = descendants(starter.pid)
    starter.kill()
    starter.communicate()
    try:
        wait_until(lambda: not any(is_alive(pid) for pid in started))
    finally:
        for end in heard:
            os.close(end)


def test_a_second_one_on_the_same_state_says_so_and_ends(stack):
    expected = f"Strongbox already runs on the state folder {stack.state}.\n"
    assert stack.refused() == (1, expected)


def test_a_port_in_use_is_named(stack, state):
    code, said = Stack(state, stack.port).refused()
    assert code == 1
    assert said == (
        f"Port {stack.port} of 127.0.0.1 cannot be used (Address already in use); try PORT={stack.port + 1}\n"
    )


def test_a_port_that_is_none_is_named(stack, state):
    assert Stack(state, 70000).refused() == (1, "PORT=70000 is not a port: a number from 1 to 65535.\n")


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "somewhere.example"])  # noqa: S104  refused
def test_the_demo_is_not_opened_to_the_network(state, address):
    stack = Stack(state, free_port(), STRONGBOX_DEMO="1", BIND=address)
    assert stack.refused() == (
        1,
        f"BIND={address} would open the demo and its mailbox to the network: "
        "set STRONGBOX_DEMO=0, or leave BIND on a loopback address.\n",
    )
    assert not state.exists()


@pytest.mark.parametrize(
    ("address", "demo"),
    [(None, "1"), ("127.0.0.2", "1"), ("::1", "1"), ("localhost", "1"), ("192.0.2.7", "0")],
)
def test_the_demo_may_stay_on_this_machine_and_the_product_may_leave_it(monkeypatch, state, address, demo):
    monkeypatch.setenv("STRONGBOX_DEMO", demo)
    place = local.Place(state=state, port=free_port(), bind=address)
    assert local.Local(place).where == place


def test_a_full_disk_is_named(monkeypatch, state):
    monkeypatch.setattr(supervisor, "NEEDED_BYTES", 2**60)
    place = local.Place(state=state, port=free_port(), bind=None)
    with pytest.raises(
        supervisor.CannotStart, match=r"^The disk of .* is full: \d+ MB free, \d+ MB needed\.$"
    ):
        supervisor.Supervisor(local.Local(place)).start()


@pytest.mark.parametrize(
    "words", ["gunicorn", "audit_sealer", "ops-worker@localhost", "valkey-server", "postgres"]
)
def test_a_killed_process_comes_back_and_the_product_answers_again(stack, words):
    killed = stack.pid_of(words)
    family = [killed, *descendants(killed)]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in family))
    wait_until(lambda: any(words in command for command in descendants(stack.process.pid).values()))
    wait_until(lambda: answers(stack.port, "/readyz"))
    assert stack.pid_of(words) != killed


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_is_clean(stack):
    family = list(descendants(stack.process.pid))
    assert len(family) > len(NAMES)
    stack.process.kill()
    stack.process.communicate()
    stack.start()
    wait_until(lambda: not any(is_alive(pid) for pid in family))
    assert answers(stack.port, "/readyz")


def test_it_stops_cleanly_when_told(stack):
    family = list(descendants(stack.process.pid))
    stack.process.send_signal(signal.SIGINT)
    rest, said = stack.process.communicate(timeout=60)
    assert (stack.process.returncode, rest.splitlines()[-1], said) == (0, "Stopping", "")
    assert [pid for pid in family if is_alive(pid)] == []
