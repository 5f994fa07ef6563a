"""PostgreSQL and Valkey killed under load: what was answered stands, once; what was not can be sent again."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.embedded.conftest import remove_state, wait_until
from tests.embedded.stack import HOME, Stack, answers, free_port

pytestmark = pytest.mark.xdist_group("restarts")
CLIENTS, EACH = 4, 12
# An organization and a key, made by the ordinary services in a process of its own.
FOUND = """
import django; django.setup()
from datetime import timedelta
from accounts.permissions import API_KEY_SCOPES
from accounts.services import apikeys, organizations
from config.embedded import demo
from core import clock
from core.actor import Actor
from tenancy.context import Scope, scope
at, actor = clock.now(), Actor.system("tests")
organizations.bootstrap(actor=actor, at=at)
founded = organizations.create(slug="load", name="Load", owner_email="owner@load.example", actor=actor, at=at)
_, owner = demo.join(founded.tenant, founded.url, "Ada Load", demo.RoleCode.OWNER)
with scope(Scope(founded.tenant.pk)):
    scopes = [permission.value for permission in API_KEY_SCOPES]
    made = apikeys.create(
        name="load", scopes=scopes, limits={}, expires_at=at + timedelta(days=1), actor=owner, at=at
    )
print(made.raw)
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    state = tmp_path_factory.mktemp("restarts") / "state"
    stack = Stack(state, free_port())
    stack.start()
    yield stack
    stack.end()
    remove_state(state)


def found_key(state: Path) -> str:
    lines = (state / "env").read_text().splitlines()
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    given = dict(line.split("=", 1) for line in lines if "=" in line)
    done = subprocess.run(
        [sys.executable, "-c", "import config.celery\n" + FOUND],
        cwd=HOME,
        env={**known, **given, "DJANGO_SETTINGS_MODULE": "config.settings.dev"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


def send(port: int, key: str, method: str, path: str, body: object = None, once: str = "") -> dict:
    """Send until it is answered, as a careful client does: the same request under the same Idempotency-Key."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if once:
        headers["Idempotency-Key"] = once
    end = time.monotonic() + 60
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            raw = answer.read()
            if answer.status < 300:
                return json.loads(raw)
            if answer.status < 500 and answer.status not in (409, 429):
                raise AssertionError(f"{method} {path}: {answer.status} {raw!r}")
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.2)
    raise AssertionError(f"{method} {path} was not answered within a minute")


def test_nothing_answered_is_lost_and_nothing_is_done_twice(stack):
    key = found_key(stack.state)
    customer = send(stack.port, key, "POST", "/api/v1/customers", {"name": "Load", "currency": "EUR"})["id"]
    numbers: list[str] = []
    paid: list[str] = []
    failures: list[str] = []
    busy = threading.Event()

    def work(client: int) -> None:
        try:
            for n in range(EACH):
                line = {"description": f"{client}-{n}", "unit_amount": "1.00"}
                body = {"customer": customer, "currency": "EUR", "lines": [line]}
                name = f"{client}-{n}"
                invoice = send(stack.port, key, "POST", "/api/v1/invoices", body, f"draft-{name}")
                path = f"/api/v1/invoices/{invoice['id']}/finalize"
                numbers.append(send(stack.port, key, "POST", path, {}, f"final-{name}")["number"])
                body = {"invoice": invoice["id"], "amount_minor": 1}
                paid.append(send(stack.port, key, "POST", "/api/v1/payments", body, f"paid-{name}")["id"])
                busy.set()
        except Exception as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    assert busy.wait(60)
    os.kill(stack.pid_of("valkey-server"), signal.SIGKILL)
    os.kill(stack.pid_of("/postgres"), signal.SIGKILL)
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(numbers) == CLIENTS * EACH
    wait_until(lambda: answers(stack.port, "/readyz"), seconds=60)
    listed = send(stack.port, key, "GET", "/api/v1/invoices?limit=100")["data"]
    assert sorted(row["number"] for row in listed) == sorted(numbers), "an invoice is missing or stands twice"
    payments = send(stack.port, key, "GET", f"/api/v1/payments?limit=100&customer={customer}")["data"]
    assert sorted(row["id"] for row in payments) == sorted(paid), "a payment is missing or stands twice"
    sequence = sorted(int(number.rsplit("-", 1)[1]) for number in numbers)
    assert sequence == list(range(1, CLIENTS * EACH + 1)), "the numbers have a gap"
