"""PostgreSQL's own programs as backups uses them, and a scratch server that nobody else reaches.

A child gets the variables it needs and nothing else: no secret of the product stands in its environment.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import IO, Any, LiteralString

import psycopg
from django.conf import settings
from psycopg.pq import ExecStatus

from backups import places
from core.errors import Refusal

SUPERUSER = "dba"
# By this name a process knows that it is connected to a copy, which may be changed.
SCRATCH_NAME = "strongbox-scratch"
PORT = 5432
START_SECONDS = 600
_SOCKET_PATH_LIMIT = 107
_STDERR_LIMIT = 4_000


class ProgramFailed(Refusal):
    """A program of PostgreSQL failed; the log of this process says what it said."""

    code = "backup_program_failed"


class ScratchServerFailed(Refusal):
    """The restored server did not start."""

    code = "backup_scratch_failed"


def clean() -> dict[str, str]:
    """Return the environment of every child."""
    return {"PATH": f"{settings.POSTGRES_BIN}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def way(database: str = "") -> list[str]:
    """Return the options by which a client of PostgreSQL reaches the live server as the replication role."""
    live = settings.DATABASES["default"]
    found = ["-h", str(live["HOST"]), "-p", str(live["PORT"]), "-U", "strongbox_replication", "--no-password"]
    return [*found, "-d", database] if database else found


def replicating() -> dict[str, str]:
    """Return the environment of a client that replicates.

    Raises:
        BackupsNotConfigured: this process may not.
    """
    if not settings.REPLICATION_DB_PASSWORD:
        raise places.BackupsNotConfigured("STRONGBOX_DB_REPLICATION_PASSWORD is not set.")
    options = settings.DATABASES["default"]["OPTIONS"]
    tls = {"PGSSLMODE": options["sslmode"]} if "sslmode" in options else {}
    if "sslrootcert" in options:
        tls["PGSSLROOTCERT"] = options["sslrootcert"]
    return {**clean(), **tls, "PGPASSWORD": settings.REPLICATION_DB_PASSWORD, "PGAPPNAME": "strongbox backup"}


def as_backup(autocommit: bool = True) -> "psycopg.Connection[tuple[Any, ...]]":
    """Connect to the live server as the role that sees how it fares.

    Raises:
        BackupsNotConfigured: this process may not.
    """
    if not settings.BACKUP_DB_PASSWORD:
        raise places.BackupsNotConfigured("STRONGBOX_DB_BACKUP_PASSWORD is not set.")
    database = str(settings.DATABASES["default"]["NAME"])
    return _connected("strongbox_backup", settings.BACKUP_DB_PASSWORD, dbname=database, autocommit=autocommit)


@contextmanager
def changes_kept(name: str) -> Iterator[None]:
    """Have the live server keep its changes from here to the end of the block, for the copy that is made meanwhile.

    A copy is whole with the changes of its own time alone, and a busy server has removed the first of them before
    an hour's copy has ended. A temporary slot goes with its connection, whatever becomes of us; beyond
    `max_slot_wal_keep_size` the server gives up keeping, and the copy fails.

    Raises:
        BackupsNotConfigured: this process may not.
        ProgramFailed: the server has no slot left.
    """
    password = replicating()["PGPASSWORD"]
    with _connected("strongbox_replication", password, replication="true", autocommit=True) as own:
        asked = f'CREATE_REPLICATION_SLOT "{name}" TEMPORARY PHYSICAL RESERVE_WAL'
        # A walsender speaks the simple protocol only.
        made = own.pgconn.exec_(asked.encode())
        if made.status != ExecStatus.TUPLES_OK:
            raise ProgramFailed(
                f"no slot for a backup: {made.error_message.decode(errors='replace').strip()}"
            )
        yield


def _connected(user: str, password: str, **more: Any) -> "psycopg.Connection[tuple[Any, ...]]":
    live = settings.DATABASES["default"]
    tls = {name: live["OPTIONS"][name] for name in ("sslmode", "sslrootcert") if name in live["OPTIONS"]}
    return psycopg.connect(
        host=str(live["HOST"]), port=str(live["PORT"]), user=user, password=password, **tls, **more
    )


def one(connection: "psycopg.Connection[tuple[Any, ...]]", sql: LiteralString) -> tuple[Any, ...]:
    """Return the one row of a question."""
    row = connection.execute(sql).fetchone()
    if row is None:
        raise ProgramFailed("PostgreSQL gave no answer.")
    return row


def pipe(end: IO[bytes] | None) -> IO[bytes]:
    """Return a child's end of a pipe that was asked for."""
    if end is None:
        raise ProgramFailed("The pipe to a program is missing.")
    return end


def die_with_us(number: int = signal.SIGTERM) -> Callable[[], None]:
    """Return what a child does first: it is signalled when we die, so that nothing outlives us."""
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)

    def arrange() -> None:
        os.umask(0o077)
        libc.prctl(1, int(number))
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def run(
    name: str,
    *arguments: str | Path,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    own: bool = False,
) -> str:
    """Run a program as the server's user (`own`: as ourselves) and return what it printed.

    Raises:
        ProgramFailed: it ended with another code than 0.
    """
    done = subprocess.run(  # noqa: S603  our own words
        [str(places.program(name)), *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        env=dict(environment or clean()),
        cwd=folder,
        check=False,
        stdin=subprocess.DEVNULL,
        preexec_fn=die_with_us(),
        **({} if own else places.login().as_child),
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-_STDERR_LIMIT:]
        raise ProgramFailed(f"{name} failed: {said}", program=name)
    return str(done.stdout)


_CONFIGURATION = """\
listen_addresses = ''
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
port = {port}
hba_file = '{folder}/hba.conf'
ident_file = '{folder}/ident.conf'
max_connections = 120
max_wal_senders = 8
max_replication_slots = 4
password_encryption = 'scram-sha-256'
row_security = on
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'iso, ymd'
shared_buffers = '64MB'
wal_level = replica
# Nobody asks before the end of recovery; with it the copy of a server with larger limits than these is not started.
hot_standby = off
archive_mode = off
summarize_wal = off
log_statement = none
log_min_error_statement = panic
log_parameter_max_length_on_error = 0
restart_after_crash = off
cluster_name = '{name}'
"""
# The superuser over the socket of a folder that nobody else enters; the product's roles by their passwords.
_HBA = "local all {superuser} trust\nlocal replication all reject\nlocal all all scram-sha-256\n"


class ScratchServer:
    """A PostgreSQL on a restored data folder, reached through a socket in `folder` alone."""

    def __init__(
        self, folder: Path, data: Path, *, recovery: Mapping[str, str] | None = None, durable: bool = False
    ) -> None:
        self._durable = durable
        # The kernel cuts a socket's path at 107 bytes; a deep folder gets a short one of an unguessable name.
        self.sockets = folder
        if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > _SOCKET_PATH_LIMIT:
            self.sockets = Path(mkdtemp(prefix="strongbox-"))
            os.chown(self.sockets, places.login().uid, places.login().gid)
        self.folder, self.data = folder, data
        self.log = folder / "server.log"
        self._recovery = dict(recovery or {})
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and return when it accepts connections after recovery.

        Raises:
            ScratchServerFailed: it ended or did not get ready.
        """
        who = places.login()
        settings_text = _CONFIGURATION.format(
            folder=self.folder, sockets=self.sockets, port=PORT, name=SCRATCH_NAME
        )
        # What is thrown away need not survive a crash; what is to stay is synced at the end.
        settings_text += "" if self._durable else "fsync = off\nfull_page_writes = off\n"
        settings_text += "".join(f"{name} = '{value}'\n" for name, value in self._recovery.items())
        for name, text in {
            "server.conf": settings_text,
            "hba.conf": _HBA.format(superuser=SUPERUSER),
            "ident.conf": "",
        }.items():
            self._put(self.folder / name, text)
        # Where the cluster came from must not speak here: its settings name folders of the live server.
        for name in ("postgresql.auto.conf", "postgresql.conf"):
            if (self.data / name).exists():
                self._put(self.data / name, "")
        if self._recovery:
            self._put(self.data / "recovery.signal", "")
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.fchown(log, who.uid, who.gid)
        try:
            self._child = subprocess.Popen(  # noqa: S603  our own words
                [
                    str(places.program("postgres")),
                    "-D",
                    str(self.data),
                    "-c",
                    f"config_file={self.folder}/server.conf",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean(),
                cwd=self.data,
                start_new_session=True,
                preexec_fn=die_with_us(signal.SIGINT),
                **who.as_child,
            )
        finally:
            os.close(log)
        self._wait()

    def _put(self, path: Path, text: str) -> None:
        who = places.login()
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchown(descriptor, who.uid, who.gid)

    def _wait(self) -> None:
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit:
            if self._child is None or self._child.poll() is not None:
                raise ScratchServerFailed(f"The restored server ended while starting: {self.last_words()}")
            try:
                with self.connect("postgres") as connection:
                    (recovering,) = connection.execute("SELECT pg_is_in_recovery()").fetchone() or (True,)
                    if not recovering:
                        return
            except psycopg.Error:
                pass  # it is still starting
            time.sleep(0.05)
        raise ScratchServerFailed("The restored server did not get ready.")

    def last_words(self) -> str:
        """Return the last line of the server's log."""
        try:
            return self.log.read_text(encoding="utf-8", errors="replace").strip().rsplit("\n", 1)[-1][-300:]
        except FileNotFoundError:
            return ""

    def connect(self, database: str, **options: Any) -> "psycopg.Connection[tuple[Any, ...]]":
        """Connect as the superuser of the scratch server."""
        return psycopg.connect(
            host=str(self.sockets), port=PORT, user=SUPERUSER, dbname=database, autocommit=True, **options
        )

    def stop(self) -> None:
        """Stop it by a fast shutdown, which leaves a clean data folder."""
        child, self._child = self._child, None
        if child is None:
            return
        try:
            self._end(child)
        finally:
            if self.sockets != self.folder:
                rmtree(self.sockets, ignore_errors=True)

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


@contextmanager
def running(server: ScratchServer) -> Iterator[ScratchServer]:
    """Start a scratch server and stop it in any case."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


def manage(arguments: Sequence[str], *, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a management command of the product in a process of its own, which reaches another database."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
    return subprocess.run(  # noqa: S603  our own words
        command,
        capture_output=True,
        text=True,
        env=dict(environment),
        check=False,
        stdin=subprocess.DEVNULL,
        preexec_fn=die_with_us(),
    )
