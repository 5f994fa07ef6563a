"""Makes every secret of docker-compose.yml, each in a file of its own that one service's user alone can read.

Run as root on the machine that keeps them: `python3 -m deploy.make_secrets`. What exists is never changed: a
new root key or context key could not read what the old one protects.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path

from config.embedded import valkey
from config.embedded.certificates import Authority

FOLDER = Path(__file__).resolve().parent / "secrets"
APP, POSTGRES, VALKEY, PROXY = 10001, 999, 999, 101
ROLES = ("owner", "app", "bulk", "sealer", "rekey", "backup", "replication", "restore")
HOPS = {"web": APP, "postgres": POSTGRES, "valkey": VALKEY}


def main() -> None:
    """Write what is missing."""
    os.umask(0o077)
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    for name, value in _drawn().items():
        _keep(name, value, APP)
    _derive()
    _sign()
    _backup_keys()
    _certify()
    print(f"The secrets are in {FOLDER}. Replace public_cert and public_key by those of a public authority.")
    print("Keep a copy of root_key and audit_private_key where this machine cannot reach it.")
    print(
        "Move backup_recovery_key away from this machine: it opens every backup, and nothing here needs it."
    )


def _drawn() -> Mapping[str, str]:
    values = {"secret_key": secrets.token_urlsafe(64)}
    values |= {name: secrets.token_hex(32) for name in ("context_key", "pepper", "network_key", "root_key")}
    values |= {f"db_{role}_password": secrets.token_urlsafe(32) for role in ROLES}
    return values | {
        "broker_password": secrets.token_urlsafe(32),
        "cache_password": secrets.token_urlsafe(32),
    }


def _derive() -> None:
    """Write what is made from other secrets: addresses, Valkey's users, PostgreSQL's passwords."""
    broker, cache = _read("broker_password"), _read("cache_password")
    _keep("broker_url", f"rediss://broker:{broker}@valkey:6379/0", APP)
    _keep("cache_url", f"rediss://cache:{cache}@valkey:6379/1", APP)
    # A user that needs no password and may do nothing but answer the health check.
    health = "user health reset on nopass -@all +ping\n"
    _keep("valkey_users", valkey.users(broker=broker, cache=cache) + health, VALKEY)
    assignments = "".join(f"\\set {role}_password '{_read(f'db_{role}_password')}'\n" for role in ROLES)
    _keep("postgres_roles", assignments, POSTGRES)
    _keep("postgres_password", secrets.token_urlsafe(32), POSTGRES)
    # smtps://user:password@host:465?from=billing@example.com, when there is a mail server
    _keep("email_url", "", APP)


def _sign() -> None:
    """Write the audit seals' key pair (Ed25519, raw, hexadecimal)."""
    if (FOLDER / "audit_private_key").exists():
        return
    private = _openssl("genpkey", "-algorithm", "ED25519", "-outform", "DER")
    public = _openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", given=private)
    # Both encodings end with the 32 bytes of the key itself (RFC 8410).
    _keep("audit_public_key", public[-32:].hex(), APP)
    _keep("audit_private_key", private[-32:].hex(), APP)


def _backup_keys() -> None:
    """Write what signs backups (Ed25519) and what opens them (X25519): for recovery, and for drills."""
    if (FOLDER / "backup_signing_key").exists():
        return
    recipients = []
    for name in ("recovery", "drill"):
        private = _openssl("genpkey", "-algorithm", "X25519", "-outform", "DER")
        public = _openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", given=private)
        _keep(f"backup_{name}_key", private[-32:].hex(), APP if name == "drill" else 0)
        recipients.append(f"{name} {public[-32:].hex()}")
    _keep("backup_recipients", "\n".join(recipients), APP)
    private = _openssl("genpkey", "-algorithm", "ED25519", "-outform", "DER")
    public = _openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", given=private)
    _keep("backup_trusted", public[-32:].hex(), APP)
    _keep("backup_signing_key", private[-32:].hex(), APP)
    # Of an S3 target, when there is one.
    _keep("backup_access_key", "", APP)
    _keep("backup_secret_key", "", APP)


def _certify() -> None:
    authority = Authority(FOLDER / "authority")
    trusted = authority.certificate.read_text()
    _keep("ca_cert", trusted, APP, mode=0o444)
    for name, user in {**HOPS, "public": PROXY}.items():
        issued = authority.issue(name, hosts=["localhost" if name == "public" else name])
        _keep(f"{name}_cert", issued.certificate.read_text(), user)
        _keep(f"{name}_key", issued.key.read_text(), user)


def _keep(name: str, value: str, user: int, *, mode: int = 0o400) -> None:
    path = FOLDER / name
    if path.exists():
        return
    fresh = path.with_suffix(".new")
    fresh.write_text(value if value.endswith("\n") else value + "\n")
    if os.geteuid() == 0:
        os.chown(fresh, user, user)
    fresh.chmod(mode)
    fresh.replace(path)


def _read(name: str) -> str:
    return (FOLDER / name).read_text().strip()


def _openssl(*arguments: str, given: bytes = b"") -> bytes:
    command = ["openssl", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout  # noqa: S603  our own words


if __name__ == "__main__":
    main()
