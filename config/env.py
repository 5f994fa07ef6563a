"""The environment, read once: typed, frozen, and without a default for any secret.

Every name begins with STRONGBOX_. A secret may be given as a file (`NAME_FILE`), which is how containers hand
secrets over. A value that is missing or malformed stops the start with one sentence that names it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_PREFIX = "STRONGBOX_"


class BadEnvironment(SystemExit):
    """The environment does not say what the product needs to know."""


class _Reader:
    def __init__(self, source: Mapping[str, str]) -> None:
        self._source = source

    def optional(self, name: str) -> str | None:
        """Return a value, from the variable or from the file it names."""
        value = self._source.get(_PREFIX + name)
        path = self._source.get(f"{_PREFIX}{name}_FILE")
        if value is None and path:
            try:
                value = Path(path).read_text().strip()
            except OSError as error:
                raise BadEnvironment(f"{_PREFIX}{name}_FILE: {error.strerror}: {path}") from error
        return value or None

    def text(self, name: str) -> str:
        """Return a value that must be there."""
        value = self.optional(name)
        if value is None:
            raise BadEnvironment(f"{_PREFIX}{name} is not set. See docs/reference/environment.md.")
        return value

    def seals_only(self) -> bool:
        """Tell whether this process has the sealer's database role and no other."""
        others = ("DB_APP_PASSWORD", "DB_BULK_PASSWORD", "DB_OWNER_PASSWORD", "DB_REKEY_PASSWORD")
        return bool(self.optional("DB_SEALER_PASSWORD")) and not any(map(self.optional, others))

    def key(self, name: str, *, needed: bool = True) -> bytes | None:
        """Return 32 bytes given as 64 hexadecimal digits; None for one that is neither needed nor given."""
        if not needed and self.optional(name) is None:
            return None
        try:
            value = bytes.fromhex(self.text(name))
        except ValueError as error:
            raise BadEnvironment(f"{_PREFIX}{name} is not hexadecimal.") from error
        if len(value) != 32:
            raise BadEnvironment(f"{_PREFIX}{name} must be 32 bytes, 64 hexadecimal digits.")
        return value

    def keys(self, name: str) -> tuple[str, ...]:
        """Return several public keys of 64 hexadecimal digits each, separated by commas; none is usual."""
        found = [part.strip().lower() for part in (self.optional(name) or "").split(",") if part.strip()]
        if any(len(part) != 64 or not all(digit in "0123456789abcdef" for digit in part) for part in found):
            raise BadEnvironment(
                f"{_PREFIX}{name} must be keys of 64 hexadecimal digits, with commas between."
            )
        return tuple(found)

    def number(self, name: str, default: int) -> int:
        """Return a whole number."""
        value = self.optional(name)
        if value is None:
            return default
        if not value.isdecimal():
            raise BadEnvironment(f"{_PREFIX}{name} must be a whole number.")
        return int(value)

    def path(self, name: str) -> Path | None:
        """Return a path, or None."""
        value = self._source.get(_PREFIX + name)
        return Path(value) if value else None

    def needed_path(self, name: str) -> Path:
        """Return a path that must be named."""
        value = self.path(name)
        if value is None:
            raise BadEnvironment(f"{_PREFIX}{name} is not set. See docs/reference/environment.md.")
        return value

    def origin(self, name: str) -> str:
        """Return a scheme, a host and perhaps a port; empty when there is none."""
        value = self.optional(name) or ""
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or value != f"{parts.scheme}://{parts.netloc}"):
            raise BadEnvironment(f"{_PREFIX}{name} must be an origin such as http://127.0.0.1:8010.")
        return value

    def collectors(self, name: str) -> tuple[str, ...]:
        """Return origins of log collectors, separated by commas; each speaks TLS. None is usual."""
        found = [part.strip() for part in (self.optional(name) or "").split(",") if part.strip()]
        for one in found:
            parts = urlsplit(one)
            if parts.scheme not in ("https", "syslog+tls") or one != f"{parts.scheme}://{parts.netloc}":
                raise BadEnvironment(
                    f"{_PREFIX}{name} must be origins such as syslog+tls://logs.internal:6514, with commas between."
                )
        return tuple(found)

    def flag(self, name: str) -> bool:
        """Return whether a switch is on: 1 or 0."""
        value = self.optional(name) or "0"
        if value not in ("0", "1"):
            raise BadEnvironment(f"{_PREFIX}{name} must be 0 or 1.")
        return value == "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Everything the product is told from outside.

    A process is given only the secrets it needs: without a password, its database alias does not exist. One that has
    the sealer's password alone serves nobody, and may lack what only serving needs.
    """

    secret_key: str
    public_url: str
    db_host: str
    db_port: int
    db_name: str
    db_sslmode: str
    db_sslrootcert: Path | None
    db_app_password: str | None
    db_bulk_password: str | None
    db_owner_password: str | None
    db_sealer_password: str | None
    db_rekey_password: str | None
    db_backup_password: str | None
    db_replication_password: str | None
    db_restore_password: str | None
    backup_targets: str | None
    backup_access_key: str | None
    backup_secret_key: str | None
    backup_ssh_key: str | None
    backup_ssh_host_key: str | None
    backup_work_dir: Path | None
    backup_signing_key_file: Path | None
    backup_trusted_file: Path | None
    backup_recipients_file: Path | None
    backup_drill_key_file: Path | None
    postgres_bin: Path | None
    context_key: bytes | None
    context_bind_backend: bool
    pepper: bytes | None
    network_key: bytes | None
    broker_url: str | None
    cache_url: str | None
    redis_ca: Path | None
    root_key_file: Path | None
    audit_private_key_file: Path | None
    audit_public_key_file: Path | None
    audit_checkpoint_dir: Path | None
    erasure_dir: Path | None
    files_dir: Path
    state_dir: Path
    proxy_count: int
    email_url: str | None
    gateway_address: str
    advisory_keys: tuple[str, ...]
    advisory_source: str
    api_per_second: int
    collectors: tuple[str, ...]
    demo: bool

    @property
    def host(self) -> str:
        """Return the host name people type."""
        return urlsplit(self.public_url).hostname or ""

    @classmethod
    def load(cls, source: Mapping[str, str] = os.environ) -> "Environment":
        """Read and check the whole environment.

        Raises:
            BadEnvironment: a value is missing or malformed.
        """
        read = _Reader(source)
        public_url = read.text("PUBLIC_URL").rstrip("/")
        if urlsplit(public_url).scheme not in ("http", "https") or not urlsplit(public_url).hostname:
            raise BadEnvironment(
                "STRONGBOX_PUBLIC_URL must be an http(s) address such as https://billing.example.com."
            )
        seals_only = read.seals_only()
        return cls(
            secret_key=read.text("SECRET_KEY"),
            public_url=public_url,
            db_host=read.text("DB_HOST"),
            db_port=read.number("DB_PORT", 5432),
            db_name=read.text("DB_NAME"),
            db_sslmode=read.optional("DB_SSLMODE") or "verify-full",
            db_sslrootcert=read.path("DB_SSLROOTCERT"),
            db_app_password=read.optional("DB_APP_PASSWORD"),
            db_bulk_password=read.optional("DB_BULK_PASSWORD"),
            db_owner_password=read.optional("DB_OWNER_PASSWORD"),
            db_sealer_password=read.optional("DB_SEALER_PASSWORD"),
            db_rekey_password=read.optional("DB_REKEY_PASSWORD"),
            db_backup_password=read.optional("DB_BACKUP_PASSWORD"),
            db_replication_password=read.optional("DB_REPLICATION_PASSWORD"),
            db_restore_password=read.optional("DB_RESTORE_PASSWORD"),
            backup_targets=read.optional("BACKUP_TARGETS"),
            backup_access_key=read.optional("BACKUP_ACCESS_KEY"),
            backup_secret_key=read.optional("BACKUP_SECRET_KEY"),
            backup_ssh_key=read.optional("BACKUP_SSH_KEY"),
            backup_ssh_host_key=read.optional("BACKUP_SSH_HOST_KEY"),
            backup_work_dir=read.path("BACKUP_WORK_DIR"),
            backup_signing_key_file=read.path("BACKUP_SIGNING_KEY_FILE"),
            backup_trusted_file=read.path("BACKUP_TRUSTED_FILE"),
            backup_recipients_file=read.path("BACKUP_RECIPIENTS_FILE"),
            backup_drill_key_file=read.path("BACKUP_DRILL_KEY_FILE"),
            postgres_bin=read.path("POSTGRES_BIN"),
            context_key=read.key("CONTEXT_KEY", needed=not seals_only),
            context_bind_backend=(read.optional("CONTEXT_BIND_BACKEND") or "1") == "1",
            pepper=read.key("PEPPER", needed=not seals_only),
            network_key=read.key("NETWORK_KEY", needed=not seals_only),
            broker_url=read.optional("BROKER_URL") if seals_only else read.text("BROKER_URL"),
            cache_url=read.optional("CACHE_URL") if seals_only else read.text("CACHE_URL"),
            redis_ca=read.path("REDIS_CA"),
            root_key_file=read.path("ROOT_KEY_FILE"),
            audit_private_key_file=read.path("AUDIT_PRIVATE_KEY_FILE"),
            audit_public_key_file=read.path("AUDIT_PUBLIC_KEY_FILE"),
            audit_checkpoint_dir=read.path("AUDIT_CHECKPOINT_DIR"),
            erasure_dir=read.path("ERASURE_DIR"),
            files_dir=read.needed_path("FILES_DIR"),
            state_dir=read.needed_path("STATE_DIR"),
            proxy_count=read.number("PROXY_COUNT", 0),
            email_url=read.optional("EMAIL_URL"),
            api_per_second=read.number("API_PER_SECOND", 200),
            collectors=read.collectors("COLLECTORS"),
            gateway_address=read.origin("GATEWAY_ADDRESS"),
            advisory_keys=read.keys("ADVISORY_KEYS"),
            advisory_source=read.origin("ADVISORY_SOURCE"),
            demo=read.flag("DEMO"),
        )
