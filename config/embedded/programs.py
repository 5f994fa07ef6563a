"""Which processes there are, and which secrets each may know.

A process is given the variables named here and nothing else: the web process cannot sign the audit trail, the
sealer cannot read an organization's rows, and only the ops-worker may rewrite encrypted columns.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
SETTINGS = "config.settings.dev"

# What settings ask of every process.
_COMMON = frozenset(
    {
        "STRONGBOX_SECRET_KEY",
        "STRONGBOX_PUBLIC_URL",
        "STRONGBOX_PROXY_COUNT",
        "STRONGBOX_DB_HOST",
        "STRONGBOX_DB_PORT",
        "STRONGBOX_DB_NAME",
        "STRONGBOX_DB_SSLMODE",
        "STRONGBOX_DB_SSLROOTCERT",
        "STRONGBOX_ERASURE_DIR",
        "STRONGBOX_FILES_DIR",
        "STRONGBOX_STATE_DIR",
        "STRONGBOX_AUDIT_PUBLIC_KEY_FILE",
        "STRONGBOX_AUDIT_CHECKPOINT_DIR",
        "STRONGBOX_GATEWAY_ADDRESS",
        "STRONGBOX_DEMO",
        # Where advisories come from, and the public keys they are signed with.
        "STRONGBOX_ADVISORY_SOURCE",
        "STRONGBOX_ADVISORY_KEYS",
        # Names of targets and public keys; what they open is in _WRITES_BACKUPS.
        "STRONGBOX_BACKUP_TARGETS",
        "STRONGBOX_BACKUP_TRUSTED_FILE",
        "STRONGBOX_BACKUP_RECIPIENTS_FILE",
        "STRONGBOX_BACKUP_WORK_DIR",
        "STRONGBOX_POSTGRES_BIN",
    }
)
# What the caller may set for this run; no secret.
_TUNABLE = ("STRONGBOX_API_PER_SECOND", "STRONGBOX_COLLECTORS", "STRONGBOX_CONTEXT_BIND_BACKEND")
# What they ask of all but the sealer, which serves nobody and sends nothing.
_SERVING = frozenset(
    {
        "STRONGBOX_CONTEXT_KEY",
        "STRONGBOX_PEPPER",
        "STRONGBOX_NETWORK_KEY",
        "STRONGBOX_BROKER_URL",
        "STRONGBOX_CACHE_URL",
        "STRONGBOX_REDIS_CA",
    }
)
_APP = _SERVING | {"STRONGBOX_DB_APP_PASSWORD"}
_FIELDS = _APP | {"STRONGBOX_ROOT_KEY_FILE", "STRONGBOX_EMAIL_URL"}
# Copies the cluster and signs the copies; what it has written it cannot read.
_WRITES_BACKUPS = frozenset(
    {
        "STRONGBOX_DB_BACKUP_PASSWORD",
        "STRONGBOX_DB_REPLICATION_PASSWORD",
        "STRONGBOX_BACKUP_SIGNING_KEY_FILE",
        "STRONGBOX_BACKUP_ACCESS_KEY",
        "STRONGBOX_BACKUP_SECRET_KEY",
        "STRONGBOX_BACKUP_SSH_KEY",
        "STRONGBOX_BACKUP_SSH_HOST_KEY",
    }
)
_INHERITED = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True)
class Program:
    """One long-running process.

    `tells` means that it makes the file named in STRONGBOX_READY_FILE once it works; otherwise it counts as
    ready while it runs. `grace` is how many seconds it gets to finish what it is doing.
    """

    name: str
    arguments: Sequence[str]
    secrets: frozenset[str]
    tells: bool = True
    grace: float = 25


def environment(
    values: Mapping[str, str], secrets: frozenset[str], *, settings: str = SETTINGS
) -> dict[str, str]:
    """Return what a process with these secrets may see of the whole environment."""
    shown = {name: os.environ[name] for name in (*_INHERITED, *_TUNABLE) if name in os.environ}
    shown |= {name: value for name, value in values.items() if name in _COMMON | secrets}
    shown |= {"DJANGO_SETTINGS_MODULE": settings, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONUNBUFFERED": "1"}
    return shown


def command(*arguments: str) -> list[str]:
    """Return the arguments of a management command."""
    return [sys.executable, str(HOME / "manage.py"), *arguments]


MIGRATE = _SERVING | {"STRONGBOX_DB_OWNER_PASSWORD"}
SEED = _FIELDS


def programs(state: Path, *, web: Sequence[str]) -> list[Program]:
    """Return every process of the product; `web` are gunicorn's own arguments (see `bind`)."""
    return [
        _web(web),
        _worker(
            "worker",
            queues="default,bulk",
            processes=2,
            secrets=_FIELDS | {"STRONGBOX_DB_BULK_PASSWORD"},
        ),
        # By itself, so that no long work makes an alert wait.
        _worker("watch", queues="watch", processes=1, secrets=_FIELDS),
        _worker(
            "ops-worker",
            queues="backups,keys,patches",
            # Two, so that a long backup keeps nobody from rotating a key.
            processes=2,
            secrets=_FIELDS
            | _WRITES_BACKUPS
            | {"STRONGBOX_DB_REKEY_PASSWORD", "STRONGBOX_BACKUP_DRILL_KEY_FILE"},
        ),
        Program(
            "receiver",
            command("backup_stream"),
            secrets=_APP | _WRITES_BACKUPS,
            tells=False,
            grace=15,
        ),
        Program(
            "beat",
            [*_celery("beat"), "--schedule", str(state / "beat-schedule"), "--pidfile="],
            secrets=_APP,
            grace=5,
        ),
        Program(
            "sealer",
            command("audit_sealer"),
            secrets=frozenset(
                {
                    "STRONGBOX_DB_SEALER_PASSWORD",
                    "STRONGBOX_AUDIT_PRIVATE_KEY_FILE",
                }
            ),
            tells=False,
            grace=10,
        ),
    ]


def sandbox(state: Path, *, port: int) -> Program:
    """Return the sandbox gateway: a program apart, which is told nothing of ours."""
    arguments = [sys.executable, "-m", "sandbox", "--port", str(port), "--state", str(state / "sandbox")]
    return Program("sandbox", arguments, secrets=frozenset(), grace=5)


def bind(addresses: Sequence[str]) -> list[str]:
    """Return the arguments that make gunicorn listen."""
    return [part for address in addresses for part in ("--bind", address)]


def _web(listening: Sequence[str]) -> Program:
    arguments = ["-m", "gunicorn", "--config", str(HOME / "deploy" / "gunicorn_conf.py"), *listening]
    return Program("web", [sys.executable, *arguments, "config.wsgi"], secrets=_FIELDS, tells=False)


def _celery(kind: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "config.embedded.queue", kind, "--loglevel", "WARNING"]


def _worker(name: str, *, queues: str, processes: int, secrets: frozenset[str]) -> Program:
    # Gossip and mingle make a worker wait a second for its neighbours, of which it has no need.
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    arguments = [*_celery("worker"), "--hostname", f"{name}@localhost", "--queues", queues]
    return Program(name, [*arguments, "--concurrency", str(processes), *quiet], secrets=secrets)
