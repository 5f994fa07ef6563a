"""`make run` and the sandbox gateway: with the demo only, on its own port, never beside a live key."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config.embedded import check, local, programs, supervisor
from config.embedded.processes import CannotStart
from config.env import BadEnvironment, Environment
from tests.embedded.stack import free_port


def place(tmp_path: Path) -> local.Place:
    return local.Place(state=tmp_path / "state", port=free_port(), bind="127.0.0.1", sandbox=free_port())


def test_the_demo_listens_for_the_sandbox_and_the_product_alone_does_not(monkeypatch, tmp_path):
    where = place(tmp_path)
    monkeypatch.setenv("STRONGBOX_DEMO", "1")
    with_demo = [(listener.variable, listener.port) for listener in local.Local(where).listens()]
    assert with_demo == [("PORT", where.port), ("SANDBOX_PORT", where.sandbox)]
    monkeypatch.setenv("STRONGBOX_DEMO", "0")
    assert [listener.variable for listener in local.Local(where).listens()] == ["PORT"]


def test_its_port_is_chosen_by_a_variable(tmp_path):
    assert local.place({}).sandbox == 8010
    assert local.place({"SANDBOX_PORT": "9010"}).sandbox == 9010
    with pytest.raises(CannotStart, match=r"^SANDBOX_PORT=0 is not a port: a number from 1 to 65535\.$"):
        local.place({"SANDBOX_PORT": "0"})


def test_its_port_in_use_is_named_with_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("STRONGBOX_DEMO", "1")
    where = place(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", where.sandbox))
        taken.listen()
        with pytest.raises(CannotStart) as refusal:
            supervisor.Supervisor(local.Local(where)).start()
    assert str(refusal.value) == (
        f"Port {where.sandbox} of 127.0.0.1 cannot be used (Address already in use); "
        f"try SANDBOX_PORT={where.sandbox + 1}"
    )


@pytest.mark.parametrize("key", ["sk_live_abc", "rk_live_abc"])
def test_the_demo_does_not_run_beside_a_live_key(monkeypatch, tmp_path, key):
    monkeypatch.setenv("STRONGBOX_DEMO", "1")
    monkeypatch.setenv("MY_GATEWAY_KEY", key)
    with pytest.raises(CannotStart) as refusal:
        local.Local(place(tmp_path))
    assert str(refusal.value) == (
        "MY_GATEWAY_KEY holds a live key of the payment gateway: the demo and its sandbox do not run beside one."
    )


def test_it_is_told_nothing_of_ours(tmp_path):
    program = programs.sandbox(tmp_path, port=8010)
    told = programs.environment({}, program.secrets)
    assert program.secrets == frozenset()
    assert [name for name in told if name.startswith("STRONGBOX_")] == []


def test_production_knows_no_other_gateway_than_the_real_one():
    values = {
        **check.VALUES,
        "STRONGBOX_STATE_DIR": "/nonexistent",
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
    }
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from django.conf import settings; print([settings.GATEWAY_ADDRESS, settings.OUTBOUND_PRIVATE_ORIGINS])",
        ],
        cwd=programs.HOME,
        env={"PATH": os.environ["PATH"], **values, "STRONGBOX_GATEWAY_ADDRESS": "http://127.0.0.1:8010"},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("['', []]\n", "")


def test_the_suite_reaches_the_sandbox_and_the_outbound_client_may(gateway):
    assert settings.GATEWAY_ADDRESS == os.environ["STRONGBOX_GATEWAY_ADDRESS"] == gateway.address
    assert gateway.address in settings.OUTBOUND_PRIVATE_ORIGINS
    assert gateway.control("GET", "ready") == {"ready": True}


@pytest.mark.parametrize(
    "wrong", ["127.0.0.1:8010", "ftp://127.0.0.1", "http://127.0.0.1:8010/", "http://h/path"]
)
def test_an_address_that_is_no_origin_is_refused_at_the_start(wrong):
    values = {**check.VALUES, "STRONGBOX_STATE_DIR": "/x", "STRONGBOX_GATEWAY_ADDRESS": wrong}
    with pytest.raises(BadEnvironment) as refusal:
        Environment.load(values)
    assert str(refusal.value) == "STRONGBOX_GATEWAY_ADDRESS must be an origin such as http://127.0.0.1:8010."
