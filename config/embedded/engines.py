"""PostgreSQL and Valkey of one state folder, ready for the application: roles, database and environment.

Serves `make run` and the test suite alike; only the folder and the durability differ.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from types import TracebackType

from config.embedded import environment, home, processes
from config.embedded.postgres import PORT, Postgres
from config.embedded.processes import CannotStart
from config.embedded.supervisor import Machinery
from config.embedded.valkey import Valkey

# Grows when a newer program cannot use an older state folder.
STATE_VERSION = "1"
_HERE = Path(__file__).parent
_ROLES = ("owner", "app", "bulk", "sealer", "rekey", "backup", "replication", "restore")
_SCRAM_ROUNDS = 4096
# Of a suite, which connects thousands of times: what takes so long is of no use for 256 random bits.
_SCRAM_ROUNDS_FOR_SUITES = 1


class OtherVersion(CannotStart):
    """The state folder was made by another version of Strongbox."""


class Engines(Machinery):
    """The two engines of one state folder; a context manager whose value is the application's environment."""

    def __init__(self, state: Path, *, durable: bool = True) -> None:
        self.state = state.absolute()
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        # Lives and dies with the database: what was done to it is noted there.
        self.markers = self.state
        self._durable = durable
        self._values: dict[str, str] | None = None
        self._lock: int | None = None

    def __enter__(self) -> dict[str, str]:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def claim(self) -> None:
        """Take the state folder for this process.

        Raises: AlreadyRunning, OtherVersion.
        """
        if self._lock is not None:
            return
        self.state = processes.private_folder(self.state).resolve()
        self._lock = processes.lock(
            self.state / "lock", taken=f"Strongbox already runs on the state folder {self.state}."
        )
        version = self.state / "version"
        if not version.exists():
            processes.write_private(version, STATE_VERSION + "\n")
        found = version.read_text(encoding="utf-8").strip()
        if found != STATE_VERSION:
            raise OtherVersion(
                f"The state folder {self.state} is of version {found}; this program needs {STATE_VERSION}."
            )

    def assemble(self) -> dict[str, str]:
        """Return the environment in which the application will reach the engines, before they are started.

        Raises: CannotStart.
        """
        if self._values is None:
            self.claim()
            self.postgres, self.valkey, self._values = self._assemble()
            self.markers = self.postgres.home.folder
        return self._values

    def start(self) -> dict[str, str]:
        """Start both engines and return the environment in which the application reaches them.

        Call it from the main thread: the engines stop when the thread that started them dies.
        Raises: CannotStart.
        """
        try:
            values = self.assemble()
            postgres, valkey = self.postgres, self.valkey
            assert postgres is not None and valkey is not None  # noqa: S101  assembled just now
            valkey.start()
            postgres.start()
            valkey.wait()
            postgres.wait()
            self._prepare_database(postgres, values)
        except BaseException:
            self.stop()
            raise
        return values

    def _assemble(self) -> tuple[Postgres, Valkey, dict[str, str]]:
        """Return both engines, not yet started, and the environment in which they are reached."""
        place = home.prepare(self.state)
        values = environment.ensure(
            self.state,
            database_host=place.sockets,
            database_port=PORT,
            programs=place.binaries,
            work=place.scratch,
        )
        valkey = Valkey(
            self.state / "valkey",
            socket=Path(values["STRONGBOX_RUN_DIR"]) / environment.VALKEY_SOCKET,
            broker_password=values["STRONGBOX_BROKER_PASSWORD"],
            cache_password=values["STRONGBOX_CACHE_PASSWORD"],
            durable=self._durable,
        )
        postgres = Postgres(place, sockets=Path(values["STRONGBOX_DB_HOST"]), durable=self._durable)
        return postgres, valkey, values

    def pids(self) -> list[int]:
        """Return the processes of the engines that run."""
        children = [engine.child for engine in (self.postgres, self.valkey) if engine is not None]
        return [child.pid for child in children if child is not None]

    def tend(self) -> list[str]:
        """Start an engine again that has died; returns one sentence for each.

        One that does not come back is tried again the next time: it may have been struck while it was starting.
        """
        happened = []
        for name, engine in (("PostgreSQL", self.postgres), ("Valkey", self.valkey)):
            if engine is None or (engine.child is not None and engine.child.poll() is None):
                continue
            try:
                # stop() gives its lock back; start() then waits for what is left of it.
                engine.stop()
                engine.start()
                engine.wait()
            except CannotStart as error:
                happened.append(f"{name} had ended and did not come back yet. {error}")
            else:
                happened.append(f"{name} had ended and was started again")
        return happened

    def stop(self) -> None:
        """Stop both engines cleanly and give the state folder back."""
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()
        # Whoever tends them later must not take them for dead.
        self.postgres = self.valkey = self._values = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _prepare_database(self, postgres: Postgres, values: dict[str, str]) -> None:
        roles = (_HERE / "roles.sql").read_text(encoding="utf-8")
        template = (_HERE / "template1.sql").read_text(encoding="utf-8")
        passwords = {role: values[f"STRONGBOX_DB_{role.upper()}_PASSWORD"] for role in _ROLES}
        rounds = _SCRAM_ROUNDS if self._durable else _SCRAM_ROUNDS_FOR_SUITES
        # Statements and passwords as they were applied last: a change of any is applied again.
        applying = (roles, template, str(rounds), *passwords.values())
        wanted = hashlib.sha256("\0".join(applying).encode()).hexdigest()
        applied = self.markers / "applied"
        if applied.exists() and applied.read_text(encoding="utf-8").strip() == wanted:
            return
        verifiers = "".join(
            f"\\set {role}_password '{scram(word, rounds)}'\n" for role, word in passwords.items()
        )
        postgres.psql(f"{verifiers}BEGIN;\n{roles}\nCOMMIT;\n")
        postgres.psql(template + "REVOKE ALL ON DATABASE template1 FROM PUBLIC;\n", database="template1")
        name = environment.DATABASE
        if name not in postgres.psql("SELECT datname FROM pg_database").split():
            postgres.psql(f"CREATE DATABASE {name} OWNER strongbox_owner")
        postgres.psql(
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;\n"
            f"GRANT CONNECT ON DATABASE {name} TO strongbox_app, strongbox_sealer, strongbox_rekey, "
            "strongbox_backup, strongbox_restore;\n"
            f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO strongbox_bulk;\n"
        )
        postgres.psql(template, database=name)
        processes.write_private(applied, wanted + "\n")


def scram(password: str, rounds: int) -> str:
    """Return PostgreSQL's verifier of a password (RFC 5803), so that the password itself is never sent."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, rounds)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${rounds}:{encoded[0]}${encoded[1]}:{encoded[2]}"
