"""The stack of `make run`: engines from wheels, loopback only, filled with a demo."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.embedded import environment, preparation, processes, programs
from config.embedded.engines import Engines
from config.embedded.processes import CannotStart
from config.embedded.supervisor import Listener, Stack
from config.embedded.watched import Watched
from config.embedded.zygote import Zygote

# Another host than the product's, so that neither is sent the other's cookies.
SANDBOX = "127.0.0.1"
SANDBOX_SECONDS = 20
_LIVE_KEYS = ("sk_live_", "rk_live_")
_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


@dataclass(frozen=True)
class Place:
    """Where a stack listens and keeps its state."""

    state: Path
    port: int
    bind: str | None
    sandbox: int = 8010

    def addresses(self) -> list[tuple[socket.AddressFamily, str]]:
        """Return the addresses to listen on: the named one, or every loopback address there is."""
        if self.bind is not None:
            return [(socket.AF_INET6 if ":" in self.bind else socket.AF_INET, self.bind)]
        return [pair for pair in _LOOPBACKS if _exists(*pair)]


def place(
    variables: Mapping[str, str] = os.environ, *, port: int = 8000, folder: str = ".strongbox"
) -> Place:
    """Read where to listen and where the state lies from PORT, SANDBOX_PORT, BIND and STRONGBOX_STATE_DIR.

    Raises: CannotStart for a port that is none.
    """
    return Place(
        state=Path(variables.get("STRONGBOX_STATE_DIR") or programs.HOME / folder).absolute(),
        port=port_number(variables, "PORT", port),
        bind=variables.get("BIND") or None,
        sandbox=port_number(variables, "SANDBOX_PORT", 8010),
    )


def port_number(variables: Mapping[str, str], name: str, default: int) -> int:
    """Read a port.

    Raises: CannotStart when it is none.
    """
    value = variables.get(name) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise CannotStart(f"{name}={value} is not a port: a number from 1 to 65535.")
    return int(value)


def live_key(variables: Mapping[str, str]) -> str | None:
    """Return the name of a variable that holds a key which moves real money, or None."""
    return next((name for name, value in sorted(variables.items()) if value.startswith(_LIVE_KEYS)), None)


def is_loopback(address: str | None) -> bool:
    """Tell whether only this machine reaches an address; None stands for every loopback address."""
    if address is None or address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def host_and_port(address: str, port: int) -> str:
    """Write an address and a port as gunicorn and nginx read them."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def is_ready(connection: http.client.HTTPConnection, *, host: str) -> bool:
    """Ask /readyz; a refusal or silence is a no."""
    try:
        connection.request("GET", "/readyz", headers={"Host": host})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _exists(family: socket.AddressFamily, address: str) -> bool:
    with contextlib.suppress(OSError), socket.socket(family) as probe:
        probe.bind((address, 0))
        return True
    return False


class Local(Stack):
    """Everything on one machine, for people who want to look and for people who develop."""

    def __init__(self, where: Place) -> None:
        """Plan the stack.

        Raises: CannotStart when the demo would be open to the network (its mailbox hands out sign-in links), or
        when it would run beside a key that moves real money.
        """
        self._demo = os.environ.get("STRONGBOX_DEMO", "1") != "0"
        if self._demo and not is_loopback(where.bind):
            raise CannotStart(
                f"BIND={where.bind} would open the demo and its mailbox to the network: "
                "set STRONGBOX_DEMO=0, or leave BIND on a loopback address."
            )
        live = live_key(os.environ)
        if self._demo and live is not None:
            raise CannotStart(
                f"{live} holds a live key of the payment gateway: the demo and its sandbox do not run beside one."
            )
        self.where = where
        self.engines: Engines = Engines(where.state)
        self.url = f"http://localhost:{where.port}/"

    def listens(self) -> list[Listener]:
        """Return the web process's addresses, and the sandbox gateway's in a demo."""
        found = [Listener(family, address, self.where.port) for family, address in self.where.addresses()]
        if self._demo:
            found.append(Listener(socket.AF_INET, SANDBOX, self.where.sandbox, variable="SANDBOX_PORT"))
        return found

    def prepare(self, say: Callable[[str], None]) -> list[Watched]:
        """Start the engines, migrate, gather static files and fill the demo."""
        values = self.engines.assemble()
        root_key = Path(values["STRONGBOX_ROOT_KEY_FILE"])
        if not root_key.exists():
            say(f"The root key {root_key} is missing: Strongbox is sealed and answers health checks only.")
        values["STRONGBOX_PUBLIC_URL"] = self.url.rstrip("/")
        if self._demo:
            values["STRONGBOX_GATEWAY_ADDRESS"] = f"http://{SANDBOX}:{self.where.sandbox}"
        environment.save(self.engines.state, values)
        self.zygote = Zygote(values, state=self.engines.state)
        self.engines.start()
        state, markers, spawn = self.engines.state, self.engines.markers, self.zygote.spawn
        self.zygote.wait()
        preparation.prepare(values, state=state, markers=markers, say=say, spawn=spawn)
        apart = [self._sandbox(state)] if self._demo else []
        try:
            if preparation.seed(values, markers=markers, spawn=spawn):
                say("The demo is filled")
        except BaseException:
            # Nobody watches it yet.
            for watched in apart:
                watched.finish(deadline=time.monotonic())
            raise
        binds = [host_and_port(address, self.where.port) for _, address in self.where.addresses()]
        product = [
            Watched(
                program,
                environment=programs.environment(values, program.secrets),
                state=state,
                spawn=spawn,
            )
            for program in programs.programs(state, web=programs.bind(binds))
        ]
        return apart + product

    def _sandbox(self, state: Path) -> Watched:
        """Start the sandbox gateway: the demo's payments are made by it, as it is filled already."""
        program = programs.sandbox(state, port=self.where.sandbox)
        watched = Watched(program, environment=programs.environment({}, program.secrets), state=state)
        watched.start()
        processes.wait_for(watched.is_ready, seconds=SANDBOX_SECONDS, what="The sandbox gateway")
        return watched

    def answers(self) -> bool:
        """Ask the web process."""
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  asked, not bound
        address = self.where.addresses()[0][1]
        connection = http.client.HTTPConnection(everywhere.get(address, address), self.where.port, timeout=5)
        return is_ready(connection, host=f"localhost:{self.where.port}")

    def hints(self) -> list[str]:
        """Name the command that shows the demo's sign-ins, and where the sandbox gateway is."""
        prefix = f"STRONGBOX_STATE_DIR={self.where.state} " if os.environ.get("STRONGBOX_STATE_DIR") else ""
        hints = [f"Sign-ins of the demo: {prefix}./manage.py demo_credentials"]
        if self._demo:
            hints.append(f"Sandbox gateway, and what happened there: http://{SANDBOX}:{self.where.sandbox}/")
        return hints
