"""The program itself: loopback only, never beside a live key, no number in anything it keeps, whole after `kill -9`."""

import ast
import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import stripe

from sandbox import scenarios
from tests.embedded.conftest import wait_until
from tests.embedded.stack import answers, free_port
from tests.gateway import Gateway
from tests.make import payer
from tests.sandbox.conftest import client_of

HOME = Path(__file__).resolve().parents[2]
KEY = "sk_test_of_the_process"


class Process:
    """A sandbox gateway of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.log = folder, free_port(), folder / "log"
        self.gateway = Gateway(f"http://127.0.0.1:{self.port}", KEY)
        self.client = client_of(self.gateway)

    def start(self, **environment: str) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "sandbox",
                    "--port",
                    str(self.port),
                    "--state",
                    str(self.folder / "state"),
                ],
                cwd=HOME,
                env={"PATH": os.environ["PATH"], **environment},
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: answers(self.port, "/sandbox/ready"))

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.child.send_signal(number)
        return self.child.wait(timeout=20)

    def page(self) -> str:
        price = {"currency": "eur", "unit_amount": 1500, "product_data": {"name": "Invoice"}}
        return self.client.v1.checkout.sessions.create(
            {
                "line_items": [{"price_data": price, "quantity": 1}],
                "success_url": "http://localhost/paid",
                "payment_intent_data": {"setup_future_usage": "off_session"},
                "customer": self.client.v1.customers.create({"name": "Payer"}).id,
            }
        ).url


@pytest.fixture
def process(tmp_path):
    process = Process(tmp_path)
    process.start()
    yield process
    if process.child.poll() is None:
        process.end()


def test_what_was_answered_is_there_after_a_kill(process):
    payer.pay(process.page())
    kept = process.client.v1.customers.create({"name": "Kept"}, {"idempotency_key": "once"})
    truth = process.gateway.truth()
    process.end(signal.SIGKILL)
    process.start()
    assert process.gateway.truth() == truth
    assert process.client.v1.customers.create({"name": "Kept"}, {"idempotency_key": "once"}).id == kept.id
    assert truth["sums"] == {"taken": 1500, "refunded": 0, "charges": 1}


def test_a_webhook_that_waited_is_sent_after_a_kill(process, receiver):
    process.client.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]}
    )
    receiver.status = 500
    payer.pay(process.page())
    process.end(signal.SIGKILL)
    receiver.status = 200
    process.start()
    # What was on its way at the kill may have been taken as well: what the gateway notes is what counts.
    (kept,) = process.folder.rglob("sandbox-2.sqlite")
    wait_until(lambda: states(kept) == ["delivered"])
    assert set(receiver.types()) == {"payment_intent.succeeded"}


def test_a_debit_that_waited_ends_after_a_kill(process):
    payer.pay(process.page(), iban=payer.DEBIT)
    process.end(signal.SIGKILL)
    process.start()
    assert process.gateway.advance() == 1
    assert process.gateway.truth()["sums"]["taken"] == 1500


def states(path: Path) -> list[str]:
    """Return how each delivery of the gateway stands."""
    with contextlib.closing(sqlite3.connect(path)) as store:
        return [state for (state,) in store.execute("SELECT state FROM deliveries")]


def dumped(path: Path) -> list[str]:
    """Return what a database of the gateway holds, a statement a row."""
    with contextlib.closing(sqlite3.connect(path)) as store:
        return list(store.iterdump())


def test_no_number_is_kept_or_logged(process, tmp_path):
    numbers = [number for number, _ in scenarios.shown()]
    for number in numbers:
        by = {"iban": number} if number.startswith("DE") else {"card": number}
        try:
            payer.pay(process.page(), **by)
        except payer.NotPaid as refusal:
            assert number not in str(refusal)
    # A number of no test card, and numbers where none belongs.
    real = "4539148803436467"
    for wrong in ({"card": real}, {"name": payer.SUCCESS}, {"email": payer.SUCCESS}, {"cvc": payer.SUCCESS}):
        try:
            payer.pay(process.page(), **wrong)
        except payer.NotPaid as refusal:
            assert not any(number in str(refusal) for number in (real, payer.SUCCESS))
    assert process.end() == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"log", "sandbox-2.sqlite"} <= {path.name for path in files}
    everything = b"".join(path.read_bytes() for path in files)
    assert b"POST /c/{session} 303" in everything
    assert [number for number in [*numbers, real] if number.encode() in everything] == []
    assert KEY.encode() not in everything
    # Value by value: in the file's bytes the digits that end a random key touch the number of its row.
    values = [line for path in files if path.suffix == ".sqlite" for line in dumped(path)]
    assert any("kept_answers" in line and "INSERT" in line for line in values)
    said = "\n".join([*values, *(path.read_text() for path in files if path.name == "log")])
    assert re.findall(r"(?<![0-9a-zA-Z_.])[0-9]{13,19}(?![0-9a-zA-Z.])", said) == []


def test_a_fault_that_names_nobody_strikes_everybody(process):
    everybody = Gateway(process.gateway.address, "")
    everybody.fault("error_before", next=2)
    for key in (KEY, KEY + "_2"):
        with pytest.raises(stripe.APIError):
            client_of(Gateway(process.gateway.address, key)).v1.balance.retrieve()
    assert process.client.v1.balance.retrieve().object == "balance"


def test_its_files_are_its_owner_s_only(process, tmp_path):
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    for file in (tmp_path / "state").iterdir():
        assert file.stat().st_mode & 0o077 == 0


def test_it_listens_on_loopback_only(process):
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    port = f":{process.port:04X} "
    assert re.findall(rf"(\w+){port}\S+ 0A", listening) == ["0100007F"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            {"MY_KEY": "sk_live_abc"},
            "MY_KEY holds a live key: the sandbox gateway does not start beside one.\n",
        ),
        (
            {"OTHER": "x=rk_live_abc"},
            "OTHER holds a live key: the sandbox gateway does not start beside one.\n",
        ),
        (
            {"DJANGO_SETTINGS_MODULE": "config.settings.base"},
            "These are production settings: the sandbox gateway does not start under them.\n",
        ),
    ],
)
def test_it_does_not_start_where_money_is_real(tmp_path, environment, said):
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "--port", "0", "--state", str(tmp_path / "state")],
        cwd=HOME,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr, done.stdout) == (1, said, "")
    assert not (tmp_path / "state").exists()


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", "--port", str(port), "--state", str(tmp_path / "state")],
            cwd=HOME,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert (done.returncode, done.stderr) == (
        1,
        f"Port {port} of 127.0.0.1 cannot be used (Address already in use).\n",
    )


def test_it_is_a_program_apart_of_rooms_not_halls():
    """It imports the standard library and itself; what it needs of ours or of others is nothing."""
    files = sorted((HOME / "sandbox").rglob("*.py"))
    foreign = {
        (file.name, name)
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or "."] if isinstance(node, ast.ImportFrom) else [part.name for part in node.names]
        )
        if name.partition(".")[0] not in {"sandbox", *sys.stdlib_module_names}
    }
    assert foreign == set()
    assert [file.name for file in files if len(file.read_text().splitlines()) > 400] == []


def test_the_library_finds_it_away_when_it_is(process):
    process.end()
    with pytest.raises(stripe.APIConnectionError):
        process.client.v1.balance.retrieve()
