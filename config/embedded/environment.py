"""The environment of one state folder: made once, kept in `<state>/env`, readable by its owner only.

Every secret is drawn from the operating system's generator. Nothing here has a default that works elsewhere.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from config.embedded import processes
from config.embedded.processes import CannotStart
from core import primitives

FILE = "env"
DATABASE = "strongbox"
PUBLIC_URL = "http://localhost:8000"
VALKEY_SOCKET = "valkey.sock"
# Room for the longest socket name below the run folder.
_RUN_LIMIT = processes.SOCKET_PATH_LIMIT - len("/.s.PGSQL.00000")


def _token() -> str:
    return secrets.token_urlsafe(32)


def _key() -> str:
    return secrets.token_hex(32)


_SECRETS: dict[str, Callable[[], str]] = {
    "STRONGBOX_SECRET_KEY": lambda: secrets.token_urlsafe(64),
    "STRONGBOX_DB_APP_PASSWORD": _token,
    "STRONGBOX_DB_BULK_PASSWORD": _token,
    "STRONGBOX_DB_OWNER_PASSWORD": _token,
    "STRONGBOX_DB_SEALER_PASSWORD": _token,
    "STRONGBOX_DB_REKEY_PASSWORD": _token,
    "STRONGBOX_DB_BACKUP_PASSWORD": _token,
    "STRONGBOX_DB_REPLICATION_PASSWORD": _token,
    "STRONGBOX_DB_RESTORE_PASSWORD": _token,
    "STRONGBOX_BROKER_PASSWORD": _token,
    "STRONGBOX_CACHE_PASSWORD": _token,
    "STRONGBOX_CONTEXT_KEY": _key,
    "STRONGBOX_PEPPER": _key,
    "STRONGBOX_NETWORK_KEY": _key,
}


def path(state: Path) -> Path:
    """Return the file that keeps the environment of a state folder."""
    return state / FILE


def load(state: Path) -> dict[str, str]:
    """Read the environment of a state folder; empty when there is none yet."""
    try:
        text = path(state).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return dict(pairs)


def ensure(
    state: Path,
    *,
    database_host: Path | None,
    database_port: int,
    programs: Path | None = None,
    work: Path | None = None,
) -> dict[str, str]:
    """Return the environment of a state folder, making what is missing.

    `database_host` is the folder of PostgreSQL's socket; None puts it into the run folder. `programs` holds
    PostgreSQL's programs; `work` is where its user may enter, for the scratch servers of restore drills.
    A key file that has gone is never replaced: what it encrypted could not be read with another one.
    """
    found = load(state)
    if not found:
        _make_keys(state)
    values = {name: found.get(name) or make() for name, make in _SECRETS.items()}
    run = _run_folder(state, found.get("STRONGBOX_RUN_DIR"))
    keys = state / "keys"
    valkey = run / VALKEY_SOCKET
    broker, cache = values["STRONGBOX_BROKER_PASSWORD"], values["STRONGBOX_CACHE_PASSWORD"]
    values |= _backups(state, found, work=work or state / "scratch", programs=programs)
    values |= {
        "STRONGBOX_DB_HOST": str(database_host or run),
        "STRONGBOX_DB_PORT": str(database_port),
        "STRONGBOX_DB_NAME": DATABASE,
        "STRONGBOX_BROKER_URL": f"redis+socket://broker:{broker}@{valkey}?virtual_host=0",
        "STRONGBOX_CACHE_URL": f"unix://{valkey}?username=cache&password={cache}&db=1",
        "STRONGBOX_ROOT_KEY_FILE": str(keys / "root.key"),
        "STRONGBOX_AUDIT_PRIVATE_KEY_FILE": str(keys / "audit.key"),
        "STRONGBOX_AUDIT_PUBLIC_KEY_FILE": str(keys / "audit.pub"),
        "STRONGBOX_AUDIT_CHECKPOINT_DIR": str(processes.private_folder(state / "checkpoints")),
        "STRONGBOX_ERASURE_DIR": str(processes.private_folder(state / "erasures")),
        "STRONGBOX_FILES_DIR": str(processes.private_folder(state / "files")),
        "STRONGBOX_STATE_DIR": str(state),
        "STRONGBOX_RUN_DIR": str(run),
        "STRONGBOX_PUBLIC_URL": found.get("STRONGBOX_PUBLIC_URL", PUBLIC_URL),
        "STRONGBOX_DEMO": os.environ.get("STRONGBOX_DEMO", "1"),
    }
    save(state, values)
    return values


def save(state: Path, values: dict[str, str]) -> None:
    """Write the environment of a state folder, if it differs from what is kept.

    Raises: CannotStart for a value that one line cannot hold.
    """
    for name, value in values.items():
        if "\n" in value or "\r" in value:
            raise CannotStart(f"The value of {name} holds a line break.")
    if load(state) != values:
        processes.write_private(path(state), "".join(f"{name}={value}\n" for name, value in values.items()))


def _make_keys(state: Path) -> None:
    keys = processes.private_folder(state / "keys")
    root = keys / "root.key"
    if not root.exists():
        processes.write_private(root, _key() + "\n")
    signing = keys / "audit.key"
    if not signing.exists():
        private, public = primitives.ed25519_generate()
        processes.write_private(keys / "audit.pub", public.hex() + "\n")
        processes.write_private(signing, private.hex() + "\n")


def _backups(state: Path, found: dict[str, str], *, work: Path, programs: Path | None) -> dict[str, str]:
    keys = processes.private_folder(state / "keys")
    signing = keys / "backup.key"
    if not signing.exists():
        private, public = primitives.ed25519_generate()
        processes.write_private(keys / "backup.trusted", public.hex() + "\n")
        processes.write_private(signing, private.hex() + "\n")
    # The recovery key opens every backup. Here, on a machine for looking and developing, it lies beside the
    # others; in production it is made and kept elsewhere, and only its public half comes here.
    lines = []
    for name in ("recovery", "drill"):
        path = keys / f"{name}.key"
        if not path.exists():
            processes.write_private(path, primitives.x25519_generate()[0].hex() + "\n")
        lines.append(f"{name} {primitives.x25519_public(bytes.fromhex(path.read_text().strip())).hex()}\n")
    if not (keys / "backup.recipients").exists():
        processes.write_private(keys / "backup.recipients", "".join(lines))
    here = processes.private_folder(state / "backups")
    values = {
        "STRONGBOX_BACKUP_TARGETS": found.get("STRONGBOX_BACKUP_TARGETS") or f"folder=file://{here}",
        "STRONGBOX_BACKUP_SIGNING_KEY_FILE": str(signing),
        "STRONGBOX_BACKUP_TRUSTED_FILE": str(keys / "backup.trusted"),
        "STRONGBOX_BACKUP_RECIPIENTS_FILE": str(keys / "backup.recipients"),
        "STRONGBOX_BACKUP_DRILL_KEY_FILE": str(keys / "drill.key"),
        "STRONGBOX_BACKUP_WORK_DIR": str(work),
    }
    return values | ({"STRONGBOX_POSTGRES_BIN": str(programs)} if programs is not None else {})


def _run_folder(state: Path, kept: str | None) -> Path:
    own = state / "run"
    if len(os.fsencode(own)) <= _RUN_LIMIT:
        return processes.private_folder(own)
    if kept is not None and _is_mine(Path(kept)):
        return Path(kept)
    # The path of a socket is short by nature; a folder of an unguessable name that nobody else can enter.
    personal = Path(f"/run/user/{os.geteuid()}")
    return Path(tempfile.mkdtemp(prefix="strongbox-", dir=personal if _is_mine(personal) else None))


def _is_mine(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
    return private and found.st_uid == os.geteuid()
