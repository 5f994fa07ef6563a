"""Sign-in beside argon2id alone, a provider's message beside one INSERT, and starting the whole program."""

import hashlib
import hmac
import http.client
import itertools
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from typing import Any
from uuid import UUID

from bench import stack


def signin(credentials: Any) -> dict[str, Any]:
    """The password step as the door does it (look-up, throttle, session, trail), beside the hash that it needs."""
    from django.contrib.auth import hashers

    from accounts.services import signin as signins
    from accounts.services.sessions import Origin
    from core import clock
    from tenancy.context import Scope, scope

    stored = hashers.make_password(credentials.password)
    origin = Origin(network="bench", device="bench")

    def sign_in() -> None:
        with scope(Scope()):
            signins.with_password(
                email=credentials.email, password=credentials.password, origin=origin, at=clock.now()
            )

    def bare() -> None:
        assert hashers.check_password(credentials.password, stored)

    sign_in_us, bare_us = stack.microseconds(sign_in, bare, times=1, rounds=40)
    return {"signin_ms": sign_in_us / 1e3, "argon2id_ms": bare_us / 1e3}


def webhook(
    environment: dict[str, str], plain: dict[str, str], tenant_id: UUID, *, times: int
) -> dict[str, Any]:
    """A provider's message over HTTP: verified, taken in once, in the trail; beside a view that does one INSERT."""
    path, secret = _account(tenant_id)
    numbers = itertools.count(1)

    def message(client: stack.Client) -> None:
        number = next(numbers)
        body = {
            "id": f"evt_bench{number}", "object": "event", "type": "payment_intent.succeeded", "created": int(time.time()),
            "livemode": False, "data": {"object": {"id": f"pi_bench{number}", "object": "payment_intent"}},
        }  # fmt: skip
        at, raw = int(time.time()), json.dumps(body).encode()
        sign = hmac.new(secret.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
        client.send("POST", path, raw, {"Stripe-Signature": f"t={at},v1={sign}"})

    with (
        stack.serving("config.wsgi", environment) as port,
        stack.serving("bench.plain.wsgi", plain) as plain_port,
    ):
        ours, theirs = stack.Client(port, {}), stack.Client(plain_port, {})
        taken_ms, plain_ms = stack.sequential_milliseconds(
            [lambda: message(ours), lambda: theirs.send("POST", "/hooks", b'{"id": "evt"}')], times=times
        )
    return {"taken_ms": taken_ms, "plain_ms": plain_ms}


def _account(tenant_id: UUID) -> tuple[str, str]:
    """Connect the organization with a provider that is never asked; returns the hook's path and secret."""
    from accounts import tokens
    from core import clock, ids
    from payments.models import GatewayAccount
    from payments.services import accounts
    from tenancy.context import Scope, scope

    secret, key = f"whsec_{secrets.token_hex(16)}", f"sk_test_{secrets.token_hex(12)}"
    with scope(Scope(tenant_id)):
        link = tokens.mint_link(tenant=tenant_id)
        GatewayAccount(
            pk=ids.uuid7(), provider=accounts.STRIPE, livemode=False, secret_key=key,
            secret_key_last4=key[-4:], hook_secret=secret, hook_reference="we_bench", hook_digest=accounts.digest(link),
            connected_at=clock.now(), last_call_at=clock.now(),
        ).save(force_insert=True)  # fmt: skip
    return f"/hooks/{accounts.STRIPE}/{link}", secret


def start() -> dict[str, Any]:
    """Start everything with its demo as `make run` does: the first time, and twice more on the same state folder."""
    state = stack.HOME / f".strongbox-bench-start-{os.getpid()}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STRONGBOX_")}
    environment |= {
        "STRONGBOX_STATE_DIR": str(state), "PORT": str(stack.free_port()), "SANDBOX_PORT": str(stack.free_port()),
    }  # fmt: skip
    try:
        cold = _until_ready(environment)
        second = min(_until_ready(environment) for _ in range(2))
        return {"cold_seconds": cold, "second_seconds": second, "engines_seconds": _engines(state)}
    finally:
        shutil.rmtree(state, ignore_errors=True)


def _until_ready(environment: dict[str, str]) -> float:
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "config.embedded", "--with-parent"],
        cwd=stack.HOME,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _answers(int(environment["PORT"])):
            if child.poll() is not None or time.perf_counter() - began > 400:
                raise RuntimeError("it did not start")
            time.sleep(0.05)
        return time.perf_counter() - began
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(60)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz", None, {"Host": "localhost"})
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _engines(state: Any) -> float:
    """Return the seconds that PostgreSQL and Valkey take on a state folder that exists."""
    from config.embedded.engines import Engines

    began = time.perf_counter()
    with Engines(state):
        return time.perf_counter() - began
